/*  view - what a row of the log is to somebody who may not read everything.

    A row that leaves his view is a delete to him, one that enters it an insert, and one that
    was never in it nothing: not even its key is told.  */

#pragma once

#include "actors/server/change_log.h"
#include "actors/server/rights.h"

typedef struct view {
    const rights_t *rights;
    const char *user;
    arena_t *arena; /* what is seen lives there, or is data */
} view_t;

typedef struct seen {
    const char *operation; /* NULL: nothing is seen */
    bytes_t data;          /* as a msgpack map */
} seen_t;

/*  data is that of the row, as a msgpack map.  */
CHECKED err_t view_row(const view_t *self, const log_row_t *row, bytes_t data, seen_t *seen,
                       fault_t *fault);
