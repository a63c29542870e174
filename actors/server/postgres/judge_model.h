/*  judge_model - what the judge knows of the tables: PostgreSQL's own description, the same
    tables, empty, in an SQLite database in memory, and the SQL that asks about rows of each.

    The tables in memory check what clients send, and make the texts of keys, with the code that
    works on a server's SQLite file: so words, keys and what is refused are the same.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/server/postgres/tables.h"

typedef enum policy { POLICY_ROW, POLICY_COLUMN, POLICY_STALE } policy_t;

typedef struct model_table {
    const pg_table_t *pg;
    table_t *shape; /* of the database in memory */
    const table_settings_t *settings;
    policy_t policy;
    bool ruled;        /* somebody may not read or write every row, or a row is checked */
    bool *hidden;      /* one a column of pg: it never leaves the server */
    const char *look;  /* SQL that asks about rows by their keys */
    const char *plain; /* the same, without asking the rules */
    const char *names; /* of the columns of a row, as SELECT and RETURNING list them */
    const pg_column_t **keys;
} model_table_t;

typedef struct model model_t;

/*  Reads the tables anew, and lets PostgreSQL check their rules. ERR_CONFIG names the key of a
    rule that it does not understand. *self is made, or filled anew, and empty after an error.
 */
CHECKED err_t model_read(pg_t *pg, const settings_t *settings, model_t **self, fault_t *fault);
void model_destroy(model_t **self);

/*  NULL: there is no such table, or it is not synchronised.  */
model_table_t *model_find(model_t *self, const char *name);
bool model_has_deferrable(const model_t *self);

/*  What look answers, one row for each row that is asked about: a number, xmin (NULL: there is
   no such row), what waybill.versions says of it, what the rules say of it, whether triggers of
    the application may write it once more, what waybill.rounds says of the transaction that
   wrote it, the key's columns as PostgreSQL writes them, and the row's columns.  */
enum {
    LOOK_NUMBER,
    LOOK_XMIN,
    LOOK_UPDATED_AT,
    LOOK_CLIENT,
    LOOK_LSN,
    LOOK_XID,
    LOOK_DELETED,
    LOOK_READ,
    LOOK_WRITE,
    LOOK_CHECK,
    LOOK_TRIGGERS,
    LOOK_ROUND,
    LOOK_ROUND_LSN,
    LOOK_KEYS
};
/*  Place of the first column of the row.  */
int model_look_columns(const model_table_t *table);

/*  Where a row stands in an answer: its columns begin at that place.  */
typedef struct model_look {
    const PGresult *result;
    int row, place;
} model_look_t;

/*  A row as clients get it, in arena.  */
CHECKED err_t model_row(const model_table_t *table, const model_look_t *look, arena_t *arena,
                        bytes_t *packed, fault_t *fault);
bool model_hides(const model_table_t *table, bytes_t column);
/*  The row without what is hidden, in arena.  */
bytes_t model_visible(const model_table_t *table, bytes_t row, arena_t *arena);
