#include "actors/common/table.h"

#include <stdlib.h>
#include <string.h>

const char *
table_name(const table_t *self)
{
    return self->name;
}

const char *
table_key(const table_t *self)
{
    return self->key != NULL ? self->key->name : NULL;
}

/*  ------------------------------------------------------------------- rows and columns  */

static bool
is_named(const table_column_t *column, bytes_t name)
{
    return column->size == name.size && memcmp(column->name, name.data, name.size) == 0;
}

/*  Rows mostly name their columns in order: the one expected is looked at first.  */
static const table_column_t *
column_named(const table_t *self, bytes_t name, size_t expected)
{
    if (expected < self->n_columns && is_named(&self->columns[expected], name))
        return &self->columns[expected];
    for (size_t i = 0; i < self->n_columns; i++)
        if (is_named(&self->columns[i], name))
            return &self->columns[i];
    return NULL;
}

bool
table_has_column(const table_t *self, bytes_t name)
{
    return column_named(self, name, 0) != NULL;
}

/*  Takes a row apart into shape and values.  */
static err_t
take_row(table_t *self, bytes_t row, fault_t *fault)
{
    bytes_t name;
    value_t value;
    size_t expected = 0;
    row_reader_t reader = row_read(row);
    self->n_shape = 0;
    while (row_next(&reader, &name, &value)) {
        const table_column_t *column = column_named(self, name, expected);
        if (column == NULL || self->n_shape == self->n_columns)
            return fault_set(fault, ERR_INVALID_CHANGE,
                             "table %s: it has no column \"%.*s\"; leave that out or add it",
                             self->name, (int) (name.size < 64 ? name.size : 64),
                             (const char *) name.data);
        const size_t index = (size_t) (column - self->columns);
        self->shape[self->n_shape] = (uint16_t) index;
        self->values[self->n_shape++] = value;
        expected = index + 1;
    }
    return OK;
}

/*  A shape of the key alone.  */
static void
take_key(table_t *self, const value_t *key)
{
    self->shape[0] = (uint16_t) (self->key - self->columns);
    self->values[0] = *key;
    self->n_shape = 1;
}

value_t
table_key_of(const table_t *self, bytes_t row)
{
    value_t key = {0};
    (void) row_find(row, self->key->name, &key);
    return key;
}

/*  --------------------------------------------------------------------------- checking  */

static err_t
find_key(table_t *self, const value_t **key, fault_t *fault)
{
    const uint16_t index = (uint16_t) (self->key - self->columns);
    for (size_t i = 0; i < self->n_shape; i++)
        if (self->shape[i] == index) {
            *key = &self->values[i];
            return table_check_key(self, *key, fault);
        }
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "table %s: column %s is missing, and it is the key; give it", self->name,
                     self->key->name);
}

err_t
table_check(table_t *self, bytes_t row, arena_t *arena, const char **key, fault_t *fault)
{
    fault_t cause = {0};
    if (self->key == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "table %s: it cannot be synchronised: %s; give it one column of "
                         "integers or text as PRIMARY KEY",
                         self->name, self->refusal);
    if (row_check(row, &cause) != OK)
        return fault_set(fault, ERR_INVALID_CHANGE, "table %s: %s", self->name, cause.text);

    const value_t *value = NULL;
    err_t err = take_row(self, row, fault);
    if (err == OK)
        err = find_key(self, &value, fault);
    if (err == OK)
        *key = value_text(value, arena);
    return err;
}

/*  -------------------------------------------------------------------------- operations  */

static err_t
bind_values(const table_t *self, sqlite3_stmt *statement, fault_t *fault)
{
    for (size_t i = 0; i < self->n_shape; i++)
        if (bind_value(statement, (int) i + 1, &self->values[i]) != SQLITE_OK)
            return db_error(self->db, fault, self->name);
    return OK;
}

/*  Runs an operation on the row at hand. *row, if given, tells whether a row came; then the
    statement stays open at it.  */
static err_t
operate(table_t *self, operation_t operation, bool *row, sqlite3_stmt **open, fault_t *fault)
{
    sqlite3_stmt *statement = table_plan(self, operation, 0, fault);
    if (statement == NULL)
        return db_error(self->db, fault, self->name);
    err_t err = bind_values(self, statement, fault);
    if (err != OK)
        return err;
    *row = db_step(self->db, statement, &err, fault);
    if (open != NULL)
        *open = statement;
    else
        sqlite3_reset(statement);
    return err;
}

static err_t
change(table_t *self, operation_t operation, bool *changed, fault_t *fault)
{
    bool row = false;
    const err_t err = operate(self, operation, &row, NULL, fault);
    *changed = row || (err == OK && db_changes(self->db) > 0);
    return err;
}

err_t
table_insert(table_t *self, bytes_t row, fault_t *fault)
{
    bool changed = false;
    const err_t err = take_row(self, row, fault);
    return err == OK ? change(self, OPERATION_INSERT, &changed, fault) : err;
}

/*  A row of the key alone sets nothing: it only asks.  */
static err_t
update(table_t *self, bool *changed, fault_t *fault)
{
    if (self->n_shape > 1)
        return change(self, OPERATION_UPDATE, changed, fault);
    return operate(self, OPERATION_EXISTS, changed, NULL, fault);
}

err_t
table_update(table_t *self, bytes_t row, bool *changed, fault_t *fault)
{
    const err_t err = take_row(self, row, fault);
    return err == OK ? update(self, changed, fault) : err;
}

/*  ON CONFLICT serves whole rows only: of a row that exists and is given in part, SQLite would
    miss the NOT NULL columns before it notices the conflict.  */
err_t
table_upsert(table_t *self, bytes_t row, fault_t *fault)
{
    bool changed = false;
    err_t err = take_row(self, row, fault);
    if (err == OK && self->n_shape == self->n_columns)
        return change(self, OPERATION_UPSERT, &changed, fault);
    if (err == OK)
        err = update(self, &changed, fault);
    if (err == OK && !changed)
        err = change(self, OPERATION_INSERT, &changed, fault);
    return err;
}

err_t
table_delete(table_t *self, const value_t *key, bool *changed, fault_t *fault)
{
    take_key(self, key);
    return change(self, OPERATION_DELETE, changed, fault);
}

static void
add_row(const table_t *self, sqlite3_stmt *statement, buffer_t *out)
{
    row_begin(out, self->n_columns);
    for (size_t i = 0; i < self->n_columns; i++) {
        const value_t value = column_value(statement, (int) i);
        row_add_name(out, self->columns[i].name);
        row_add(out, &value);
    }
}

err_t
table_read(table_t *self, const value_t *key, buffer_t *out, bool *found, fault_t *fault)
{
    sqlite3_stmt *statement = NULL;
    take_key(self, key);
    const err_t err = operate(self, OPERATION_READ, found, &statement, fault);
    if (err == OK && *found)
        add_row(self, statement, out);
    sqlite3_reset(statement);
    return err;
}

/*  ------------------------------------------------------------------------------ ranges  */

/*  A SCAN or KEYS statement with its bounds. NULL and fault if SQLite refuses it.  */
static sqlite3_stmt *
query_range(table_t *self, operation_t operation, const value_t *const bounds[static 2],
            fault_t *fault)
{
    const unsigned given = (bounds[0] != NULL ? (unsigned) BOUND_AFTER : 0)
                           | (bounds[1] != NULL ? (unsigned) BOUND_UP_TO : 0);
    self->n_shape = 0;
    sqlite3_stmt *statement = table_plan(self, operation, given, fault);
    if (statement == NULL)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (bounds[i] != NULL && bind_value(statement, i + 1, bounds[i]) != SQLITE_OK) {
            (void) db_error(self->db, fault, self->name);
            return NULL;
        }
    return statement;
}

err_t
table_scan(table_t *self, const value_t *after, bool (*take)(void *arg, bytes_t row), void *arg,
           fault_t *fault)
{
    err_t err = OK;
    const value_t *const bounds[] = {after, NULL};
    sqlite3_stmt *statement = query_range(self, OPERATION_SCAN, bounds, fault);
    bool more = true;
    while (more && db_step(self->db, statement, &err, fault)) {
        buffer_clear(&self->row);
        add_row(self, statement, &self->row);
        more = take(arg, buffer_bytes(&self->row));
    }
    sqlite3_reset(statement);
    return err;
}

/*  Keys as texts, the smallest form in which the server's and ours are alike.  */
typedef struct pruning {
    arena_t arena;
    const char **keep; /* sorted */
    size_t n_keep;
    buffer_t doomed; /* of value_t */
} pruning_t;

static int
compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *) left, *(const char *const *) right);
}

static void
sort_kept(pruning_t *self, const table_t *table, const server_change_t *keep)
{
    const char **texts = arena_new(&self->arena, (self->n_keep + 1) * sizeof *texts);
    for (size_t i = 0; i < self->n_keep; i++) {
        const value_t key = table_key_of(table, keep[i].data);
        texts[i] = value_text(&key, &self->arena);
    }
    qsort(texts, self->n_keep, sizeof *texts, compare_texts);
    self->keep = texts;
}

static bool
is_kept(const pruning_t *self, const char *key)
{
    return self->n_keep > 0
           && bsearch(&key, self->keep, self->n_keep, sizeof key, compare_texts) != NULL;
}

/*  Kept until the statement that reads the keys is done: rows are not removed under it.  */
static void
doom(pruning_t *self, const value_t *key)
{
    value_t copy = *key;
    copy.bytes = arena_bytes(&self->arena, key->bytes);
    buffer_add(&self->doomed, &copy, sizeof copy);
}

static err_t
remove_doomed(const pruning_t *self, table_t *table, fault_t *fault)
{
    err_t err = OK;
    for (size_t at = 0; at < self->doomed.size && err == OK; at += sizeof(value_t)) {
        bool changed = false;
        value_t key;
        memcpy(&key, self->doomed.data + at, sizeof key);
        err = table_delete(table, &key, &changed, fault);
    }
    return err;
}

err_t /* NOLINTNEXTLINE(readability-function-size): the header says what they all are */
table_prune(table_t *self, const value_t *after, const value_t *up_to,
            const server_change_t *keep, size_t n_keep,
            bool (*spare)(void *arg, const char *key), void *arg, fault_t *fault)
{
    err_t err = OK;
    pruning_t pruning = {.n_keep = n_keep};
    const value_t *const bounds[] = {after, up_to};
    sqlite3_stmt *statement = query_range(self, OPERATION_KEYS, bounds, fault);
    while (db_step(self->db, statement, &err, fault)) {
        if (pruning.keep == NULL)
            sort_kept(&pruning, self, keep);
        const value_t key = column_value(statement, 0);
        const char *text = value_text(&key, &pruning.arena);
        if (!is_kept(&pruning, text) && (spare == NULL || !spare(arg, text)))
            doom(&pruning, &key);
    }
    if (err == OK)
        err = remove_doomed(&pruning, self, fault);
    buffer_release(&pruning.doomed);
    arena_release(&pruning.arena);
    return err;
}
