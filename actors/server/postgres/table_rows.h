/*  table_rows - rows that a table had before it was published, on their way through the log.

    Each is a transactional logical message, written in the transaction that adds the table to
    the publication: the array {table, column, value, column, value, ...} as PostgreSQL writes
    an array of texts, with values as PostgreSQL writes them (types.h), generated columns left
    out. Whoever reads the log takes it for an insert.  */

#pragma once

#include "actors/server/postgres/pgoutput.h"
#include "actors/server/postgres/tables.h"

#define TABLE_ROWS_PREFIX "waybill-row"

typedef struct table_row {
    const char *table;
    size_t n;
    const char **columns;
    pgoutput_value_t *values; /* 'n' or 't' */
} table_row_t;

/*  SELECT that writes all rows of the table into the log.  */
void table_rows_write(buffer_t *sql, const pg_table_t *table);

/*  The content of such a message. All of row lives in arena. ERR_PROTOCOL: anybody may write a
    message into the log.  */
CHECKED err_t table_row_read(bytes_t content, arena_t *arena, table_row_t *row, fault_t *fault);
