/*  table_copy - all rows of a table, as lines of COPY in text, without waiting for any.

    On a connection whose transaction has the snapshot to be copied. One at a time.  */

#pragma once

#include "actors/server/postgres/tables.h"

typedef enum copy_step { COPY_NOTHING, COPY_LINE, COPY_END } copy_step_t;

/*  Zero is none.  */
typedef struct table_copy {
    char *line; /* libpq's */
    bool begun;
} table_copy_t;

/*  schema: pg_table_describe() of it, whose columns are copied, in its order.  */
CHECKED err_t table_copy_begin(table_copy_t *self, pg_t *pg, const pg_table_t *table,
                               const table_schema_t *schema, fault_t *fault);
/*  COPY_NOTHING: watch the connection's socket. *line lives until the next call.  */
CHECKED err_t table_copy_next(table_copy_t *self, pg_t *pg, copy_step_t *step, bytes_t *line,
                              fault_t *fault);
void table_copy_release(table_copy_t *self);
