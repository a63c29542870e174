/*  rows - one change of the server, written to its table and to the journal.  */

#pragma once

#include "actors/agent/apply.h"
#include "actors/agent/checked.h"

/*  What a plug-in made of change i of the stretch: another row stands in its place, or the next
    change is to be skipped. A row that does not fit refuses the stretch, because that is
   nothing that time could mend.  */
CHECKED err_t rows_decide(apply_t *self, const server_changes_t *stretch, size_t i,
                          checked_t *checked, fault_t *fault);
/*  If the transaction is careful, what fails is set aside instead.  */
CHECKED err_t rows_apply(apply_t *self, const checked_t *checked, applied_t *applied,
                         fault_t *fault);
/*  A row of a snapshot: its history is the server's, so the journal has it only if it is set
    aside or skipped.  */
CHECKED err_t rows_place(apply_t *self, const checked_t *checked, fault_t *fault);
/*  A change that was held: written where its version belongs, below what stands above it.  */
CHECKED err_t rows_rewrite(apply_t *self, const checked_t *checked, fault_t *fault);
/*  Does the table's handler keep a row that the server has deleted?  */
CHECKED err_t rows_keeps(apply_t *self, table_t *table, const char *key, bool *keeps,
                         fault_t *fault);
