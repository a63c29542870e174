#include "actors/agent/foreign_keys.h"

/*  A foreign key that names no columns means the parent's primary key.  */
static const char sql[] =
    "SELECT t.name, f.\"table\", f.seq, f.\"from\", coalesce(f.\"to\","
    " (SELECT c.name FROM pragma_table_info(f.\"table\") AS c WHERE c.pk = f.seq + 1)),"
    " count(*) OVER () FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f"
    " WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq";

static void
add_column(foreign_key_t *key, arena_t *arena, sqlite3_stmt *row)
{
    key->from[key->n_columns] = arena_text(arena, column_text(row, 3));
    key->to[key->n_columns] = arena_text(arena, column_text(row, 4));
    key->n_columns++;
}

/*  Each row is a column of a key, and the first one begins it; n is room enough for all.  */
static void
take(foreign_keys_t *keys, arena_t *arena, sqlite3_stmt *row)
{
    const size_t n = (size_t) sqlite3_column_int64(row, 5);
    if (keys->items == NULL)
        keys->items = arena_new(arena, n * sizeof *keys->items);
    if (sqlite3_column_int(row, 2) == 0)
        keys->items[keys->n++] = (foreign_key_t){
            .child = arena_text(arena, column_text(row, 0)),
            .parent = arena_text(arena, column_text(row, 1)),
            .from = arena_new(arena, n * sizeof(char *)),
            .to = arena_new(arena, n * sizeof(char *)),
        };
    add_column(&keys->items[keys->n - 1], arena, row);
}

err_t
foreign_keys_read(db_t *db, arena_t *arena, foreign_keys_t *keys, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *rows = db_query(db, sql, fault, "");
    *keys = (foreign_keys_t){0};
    while (db_step(db, rows, &err, fault))
        take(keys, arena, rows);
    return err;
}
