/*  pages - a snapshot of the server's tables, page by page.

    Its rows replace ours: what the server no longer has is removed. They are not written to
    the journal one by one; their history is the server's.  */

#pragma once

#include "actors/agent/apply.h"

CHECKED err_t pages_begin(apply_t *self, const server_changes_t *stretch, applied_t *applied,
                          fault_t *fault);
CHECKED err_t pages_apply(apply_t *self, const server_changes_t *page, applied_t *applied,
                          fault_t *fault);
/*  Sets epoch and position.  */
CHECKED err_t pages_end(apply_t *self, const server_changes_t *stretch, applied_t *applied,
                        fault_t *fault);
