/*  validator - may this change be made?

    The policy of its table decides between two writers: by row, the last one wins; by column,
    the last one of each column; or whoever has not seen the newest version is refused.  */

#pragma once

#include "actors/server/client_changes/work.h"

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

/*  A change that was found to fit.  */
typedef struct validated {
    table_t *table;
    bytes_t key; /* a row that has it */
    const char *key_text;
    operation_t operation;
    decision_t decision; /* apply or merge */
    int64_t updated_at;  /* the change's, unless its clock was not believed */
    bytes_t row;         /* to be written: what was sent, or what wins of it */
    bool by_column;      /* each column has a version of its own */
    const char *origin;  /* the client id that it was made under; NULL: this one */
} validated_t;

decision_t validator_decide(operation_t operation, standing_t standing);
/*  Does this client's version win against another? Ties go to the greater client id, and a
    client may overwrite itself, under whatever id it was known.  */
bool validator_wins(const work_t *work, const validated_t *validated, int64_t their_time,
                    const char *their_client);
/*  What can be said without looking at any row, and so comes before permission.
    ERR_INVALID_CHANGE.  */
CHECKED err_t validator_check_fields(const client_change_t *change, fault_t *fault);
/*  ERR_INVALID_CHANGE, ERR_ENTITY_NOT_FOUND, ERR_STALE, or the database's trouble.  */
CHECKED err_t validator_check(const work_t *work, const client_change_t *change,
                              validated_t *validated, fault_t *fault);
/*  The table and key that the change names, if they make sense.  */
CHECKED err_t validator_find(const work_t *work, const client_change_t *change,
                             validated_t *validated, fault_t *fault);
