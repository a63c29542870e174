/*  catalog - the application's tables as the database itself describes them, and the row
    operations on them.

    Names that come from outside are looked up here and nowhere else; SQL is made only from
    names found, quoted, and prepared once per table and set of columns. Both sides apply
    rows with this one module: a change means the same wherever it came from.

    Tables whose name begins with `sqlite_` or `waybill_`, and those named in own_tables
    (local_changes and its like), are not part of it. Tables are ordered parents first by
    their foreign keys.  */

#pragma once

#include "actors/common/db.h"
#include "schemas/message.h"

typedef struct catalog catalog_t;
typedef struct table table_t;

/*  Reads the schema. Call catalog_refresh() at the start of a transaction: it costs one
    PRAGMA unless the schema has changed.  */
CHECKED err_t catalog_open(db_t *db, catalog_t **self, fault_t *fault);
void catalog_close(catalog_t **self);
CHECKED err_t catalog_refresh(catalog_t *self, fault_t *fault);

/*  NULL if the database has no such table.  */
table_t *catalog_table(catalog_t *self, const char *name);
size_t catalog_count(const catalog_t *self);
table_t *catalog_at(catalog_t *self, size_t index); /* parents first */
/*  Has any table a foreign key? If none has, spare the PRAGMA about them: it makes SQLite
    prepare every statement of the connection anew.  */
bool catalog_has_foreign_keys(const catalog_t *self);

const char *table_name(const table_t *self);
/*  The names of the columns of its primary key, as a person would list them: "a, b". NULL if
    there is none, and the table cannot be synchronised.  */
const char *table_key(const table_t *self);
bool table_has_column(const table_t *self, bytes_t name);
/*  Names of the tables that its foreign keys refer to; NULL behind the last.  */
const char *table_parent(const table_t *self, size_t index);
/*  As it goes to a client. Lives in arena.  */
table_schema_t table_describe(const table_t *self, arena_t *arena);
/*  CREATE TABLE IF NOT EXISTS from a description whose names and types were checked
    (types: letters, digits, blanks, parentheses and commas only).  */
CHECKED err_t table_create(db_t *db, const table_schema_t *schema, fault_t *fault);

/*  Adds the columns that the table lacks, checked as in table_create(). They take NULL
    whatever the description says: the rows that are there have no value for them. Sets
    *extended if there were any.  */
CHECKED err_t table_extend(const table_t *self, const table_schema_t *schema, bool *extended,
                           fault_t *fault);

/*  Checks a row against the table before anything is written: row_check(), every column
    known, the key present and not NULL. ERR_INVALID_CHANGE, and fault names the column.
    *key is the key's text, in arena.  */
CHECKED err_t table_check(table_t *self, bytes_t row, arena_t *arena, const char **key,
                          fault_t *fault);

/*  A key is given as a row: any that has the key's columns. Other columns are left aside.

    Its text names it in journals, versions and events. The key of one column is a whole
    number in decimal or a text as it is, and what could be taken for another key is marked:
    {"$hex":"AB"}, {"$text":"1"} in a column that holds numbers as well. A key of several
    columns is a JSON array of their values. Keys that are equal have equal texts.  */

/*  The key's columns of a row that table_check() has passed, in the key's order, in arena.  */
bytes_t table_key_row(const table_t *self, bytes_t row, arena_t *arena);
/*  The text of its key, in arena.  */
CHECKED err_t table_key_text(table_t *self, bytes_t row, arena_t *arena, const char **text,
                             fault_t *fault);
/*  The key that a text names, also one that is not in its shortest form: *key is a row of
    the key's columns, in arena, for table_check() to judge.  */
CHECKED err_t table_key_named(const table_t *self, const char *text, arena_t *arena,
                              bytes_t *key, fault_t *fault);

/*  Row operations, inside the caller's transaction, on rows that table_check() has passed.
    upsert sets the columns given and leaves the others; update does so only if the row is
    there; *changed tells whether there was one. Constraint failures are
    ERR_RULE_VIOLATION.  */
CHECKED err_t table_upsert(table_t *self, bytes_t row, fault_t *fault);
CHECKED err_t table_insert(table_t *self, bytes_t row, fault_t *fault);
CHECKED err_t table_update(table_t *self, bytes_t row, bool *changed, fault_t *fault);
CHECKED err_t table_delete(table_t *self, bytes_t key, bool *changed, fault_t *fault);
/*  Adds the whole row to out, as a msgpack map; *found false and out untouched if absent.  */
CHECKED err_t table_read(table_t *self, bytes_t key, buffer_t *out, bool *found,
                         fault_t *fault);

/*  Rows in the order of their keys' bytes, after that key (empty: from the first), each
    handed to take until it returns false: pages of a snapshot.  */
CHECKED err_t table_scan(table_t *self, bytes_t after, bool (*take)(void *arg, bytes_t row),
                         void *arg, fault_t *fault);
/*  Removes the rows with after < key <= up_to whose key is not in keep (msgpack rows of a
    page) and for which spare, if given, is false. after and up_to may be empty: no bound.  */
CHECKED err_t table_prune(table_t *self, bytes_t after, bytes_t up_to,
                          const server_change_t *keep, size_t n_keep,
                          bool (*spare)(void *arg, const char *key), void *arg, fault_t *fault);

typedef struct capture_options {
    bool keep_old; /* change_log.old: the row before, of updates and deletes */
    bool columns;  /* waybill_columns: a version for each column that was written */
} capture_options_t;

/*  The capture triggers of a table on the server: each row change writes change_log in the
    writer's own transaction. Idempotent; made anew when the columns or options have changed.
    The first time, the rows already there are logged as well, if anybody may follow this
    history.  */
CHECKED err_t table_capture(table_t *self, const capture_options_t *options, fault_t *fault);
