/*  table_rows - rows that a table had before it was published, on their way through the log.

    They are transactional logical messages, written in the transaction that adds the table to
    the publication. Each is an array of texts as PostgreSQL writes it. The first, {token,
   table}, says that the rows that follow are all there are, and makes a table that was not
   known. Then comes {token, table, column, value, column, value, ...} for each row, with values
   as PostgreSQL writes them (types.h), generated columns left out. Whoever reads the log takes
   the first for a truncate, the others for inserts. Of a table that is too large for that comes
    {token, table} with another prefix, and servers copy everything again.

    Any role may write a message into the log: the token must be that of waybill.identity, which
    only servers may read.  */

#pragma once

#include "actors/server/postgres/pgoutput.h"
#include "actors/server/postgres/tables.h"

#define TABLE_ROWS_PREFIX "waybill-row"
#define TABLE_COPY_PREFIX "waybill-copy"

typedef struct table_row {
    const char *token;
    const char *table;
    size_t n; /* 0: its rows follow, and no others are left */
    const char **columns;
    pgoutput_value_t *values; /* 'n' or 't' */
} table_row_t;

/*  SQL, two statements, that writes the table into the log.  */
void table_rows_write(buffer_t *sql, const char *schema, const pg_table_t *table);

/*  SQL that says in the log that the table is to be copied.  */
void table_rows_announce(buffer_t *sql, const pg_table_t *table);

/*  The content of such a message. All of row lives in arena. ERR_PROTOCOL: anybody may write a
    message into the log.  */
CHECKED err_t table_row_read(bytes_t content, arena_t *arena, table_row_t *row, fault_t *fault);
