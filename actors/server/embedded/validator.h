/*  validator - may this change be made?

    The policy of its table decides between two writers: by row, the last one wins; by column,
    the last one of each column; or whoever has not seen the newest version is refused.  */

#pragma once

#include "actors/server/client_changes/decisions.h"
#include "actors/server/embedded/work.h"

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

/*  Does this client's version win against another? Ties go to the greater client id, and a
    client may overwrite itself, under whatever id it was known.  */
bool validator_wins(const work_t *work, const validated_t *validated, int64_t their_time,
                    const char *their_client);
/*  ERR_INVALID_CHANGE, ERR_ENTITY_NOT_FOUND, ERR_STALE, or the database's trouble.  */
CHECKED err_t validator_check(const work_t *work, const client_change_t *change,
                              validated_t *validated, fault_t *fault);
/*  The table and key that the change names, if they make sense.  */
CHECKED err_t validator_find(const work_t *work, const client_change_t *change,
                             validated_t *validated, fault_t *fault);
