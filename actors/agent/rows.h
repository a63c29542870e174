/*  rows - one change of the server, written to its table and to the journal.  */

#pragma once

#include "actors/agent/apply.h"
#include "actors/agent/checked.h"

CHECKED err_t rows_apply(apply_t *self, const checked_t *checked, applied_t *applied,
                         fault_t *fault);
