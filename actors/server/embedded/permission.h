/*  permission - may this user make this change, and what may he be told of the row?

    Nobody learns from an answer that there is a row which he may not read: changing it is
    answered as if it were not there. Only an insert over it cannot be: it is denied.  */

#pragma once

#include "actors/server/embedded/validator.h"

/*  Before a change is applied: ERR_INVALID_CHANGE for a column that clients do not know,
    ERR_ENTITY_NOT_FOUND, ERR_PERMISSION_DENIED.  */
CHECKED err_t permission_before(const work_t *work, const client_change_t *change,
                                fault_t *fault);
/*  After it: ERR_PERMISSION_DENIED; ERR_RULE_VIOLATION with the message of the check.  */
CHECKED err_t permission_after(const work_t *work, const client_change_t *change,
                               const validated_t *validated, fault_t *fault);

/*  What may be shown of a row, in the round's arena; empty: nothing.  */
CHECKED err_t permission_show(const work_t *work, const table_t *table, bytes_t row,
                              bytes_t *shown, fault_t *fault);
