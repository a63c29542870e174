/*  decisions - may this change be made, and does it win: what every judge says alike, whatever
    database the rows are in.  */

#pragma once

#include "schemas/message.h"
#include "schemas/row.h"

typedef enum operation {
    OPERATION_INSERT,
    OPERATION_UPDATE,
    OPERATION_DELETE,
    OPERATION_COUNT
} operation_t;

/*  How the row stands against the change.  */
typedef enum standing {
    ROW_OLDER,   /* it is there, and the change wins */
    ROW_NEWER,   /* it is there, and a later writer was quicker */
    GONE_BEFORE, /* it was deleted before the change was made */
    GONE_SINCE,  /* it was deleted after that */
    ROW_NEVER,   /* there was none */
    STANDING_COUNT
} standing_t;

typedef enum decision { DECISION_APPLY, DECISION_MERGE, DECISION_NOT_FOUND } decision_t;

decision_t decisions_decide(operation_t operation, standing_t standing);
/*  The same for somebody who has seen the newest version: time does not matter to him.  */
standing_t decisions_seen(standing_t standing);

/*  Who wants to write, and when he did it.  */
typedef struct writer {
    int64_t updated_at;
    const char *client_id;
    const char *origin; /* the client id that he did it under; NULL: this one */
} writer_t;

bool decisions_is_own(const writer_t *self, const char *their_client);
/*  Does this version win against another? Ties go to the greater client id, and a client may
    overwrite itself, under whatever id it was known.  */
bool decisions_wins(const writer_t *self, int64_t their_time, const char *their_client);

/*  The time that counts: a clock too far ahead would win against everybody until theirs get
    there, so it is not believed.  */
int64_t decisions_time(const client_change_t *change, int64_t wall_ms, int64_t ahead_ms);
/*  What to tell whoever was not believed, in arena; else NULL.  */
const char *decisions_note_clock(const client_change_t *change, int64_t updated_at,
                                 int64_t wall_ms, arena_t *arena);

/*  What can be said without looking at any row, and so comes before permission.
    ERR_INVALID_CHANGE.  */
CHECKED err_t decisions_check_fields(const client_change_t *change, fault_t *fault);
CHECKED err_t decisions_find_operation(const client_change_t *change, operation_t *operation,
                                       fault_t *fault);

/*  Is the row, as the server has it, another than the client knows from having sent that?  */
bool decisions_differs(bytes_t sent, bytes_t row, bool inserted);

/*  The local transaction that begins at first: changes without a txn stand alone.  */
size_t decisions_transaction(const client_changes_t *request, size_t first);

/*  In the same words everywhere: nobody may tell from them what he may not know.  */
#define NO_TABLE_TEXT "field table: \"%.80s\": the server synchronises no such table"
#define NOT_FOUND_TEXT "%s %s: there is no such row to %s; insert it first"
#define HIDDEN_TEXT "table %s: it has no column \"%.*s\"; leave that out or add it"
#define DENIED_TEXT "%s %s: this user may not %s it"
#define STALE_TEXT "%s %s: somebody else has changed it since; look at it and change it again"
