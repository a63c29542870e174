/*  executor - makes a change that was found to fit, inside the caller's savepoint.  */

#pragma once

#include "actors/server/embedded/validator.h"

/*  Constraint failures are ERR_RULE_VIOLATION, with SQLite's words. *written is false if a rule
    of the database has ignored the change.  */
CHECKED err_t executor_apply(const work_t *work, const client_change_t *change,
                             const validated_t *validated, bool *written, fault_t *fault);
/*  Before the end of the transaction: what others write is not this client's.  */
CHECKED err_t executor_forget_origin(db_t *db, fault_t *fault);

/*  True while a deferred foreign key points nowhere.  */
bool executor_owes_keys(db_t *db);

/*  What is logged and not yet sealed.  */
typedef struct logged {
    int64_t rows;
    int64_t changes; /* that have any */
} logged_t;

CHECKED err_t executor_count_logged(db_t *db, logged_t *logged, fault_t *fault);
