#include "actors/common/own_tables.h"

#include <string.h>

/*  What an earlier version lacks is found by comparing with a fresh database in memory, made
    by the same statements: so a column is declared once, where its table is.  */
typedef struct pattern {
    db_t *db; /* ours */
    sqlite3 *fresh;
} pattern_t;

static const char columns_sql[] =
    "SELECT t.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_schema AS t,"
    " pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";

/*  True as well of a table that is not there at all: it is made with all its columns.  */
static err_t
has_column(db_t *db, const char *table, const char *column, bool *has, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row =
        db_query(db,
                 "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pragma_table_info(?1))"
                 " OR EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)",
                 fault, "tt", table, column);
    *has = db_step(db, row, &err, fault);
    if (*has)
        sqlite3_reset(row);
    return err;
}

static err_t
add_column(db_t *db, sqlite3_stmt *wanted, fault_t *fault)
{
    buffer_t sql = {0};
    buffer_add_text(&sql, "ALTER TABLE ");
    sql_name(&sql, column_text(wanted, 0));
    buffer_add_text(&sql, " ADD COLUMN ");
    sql_name(&sql, column_text(wanted, 1));
    buffer_add_format(&sql, " %s", column_text(wanted, 2));
    if (sqlite3_column_int(wanted, 3) != 0)
        buffer_add_text(&sql, " NOT NULL");
    if (sqlite3_column_type(wanted, 4) != SQLITE_NULL)
        buffer_add_format(&sql, " DEFAULT %s", column_text(wanted, 4));
    const err_t err = db_exec(db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

static err_t
add_missing(const pattern_t *self, fault_t *fault)
{
    sqlite3_stmt *wanted = NULL;
    err_t err = OK;
    if (sqlite3_prepare_v2(self->fresh, columns_sql, -1, &wanted, NULL) != SQLITE_OK)
        return fault_set(fault, ERR_STORAGE, "our tables: %s", sqlite3_errmsg(self->fresh));
    while (err == OK && sqlite3_step(wanted) == SQLITE_ROW) {
        bool has = false;
        err = has_column(self->db, column_text(wanted, 0), column_text(wanted, 1), &has, fault);
        if (err == OK && !has)
            err = add_column(self->db, wanted, fault);
    }
    (void) sqlite3_finalize(wanted);
    return err;
}

/*  Columns first: an index of sql may be on one that is missing.  */
static err_t
bring_up_to_date(const pattern_t *self, const char *sql, fault_t *fault)
{
    if (sqlite3_exec(self->fresh, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fault_set(fault, ERR_STORAGE, "our tables: %s", sqlite3_errmsg(self->fresh));
    const err_t err = add_missing(self, fault);
    return err == OK ? db_exec(self->db, sql, fault) : err;
}

err_t
own_tables_make(db_t *db, const char *sql, fault_t *fault)
{
    pattern_t pattern = {.db = db};
    err_t err = ERR_STORAGE;
    if (sqlite3_open(":memory:", &pattern.fresh) == SQLITE_OK)
        err = bring_up_to_date(&pattern, sql, fault);
    else
        err = fault_set(fault, ERR_STORAGE, "our tables: no memory to compare them with");
    (void) sqlite3_close(pattern.fresh);
    return err;
}
