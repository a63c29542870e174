#include "actors/common/table.h"
#include "schemas/text.h"

#include <string.h>

const char *
table_name(const table_t *self)
{
    return self->name;
}

const char *
table_key(const table_t *self)
{
    return self->key_names;
}

const char *
table_parent(const table_t *self, size_t index)
{
    return index < self->n_parents ? self->parents[index] : NULL;
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

/*  --------------------------------------------------------------------------- checking  */

static err_t
check_key(table_t *self, uint16_t key, fault_t *fault)
{
    const table_column_t *column = &self->columns[key];
    for (size_t i = 0; i < self->n_shape; i++)
        if (self->shape[i] == key)
            return table_check_key(self, column, &self->values[i], fault);
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "table %s: column %s is missing, and it is %sthe key; give it", self->name,
                     column->name, self->n_keys > 1 ? "part of " : "");
}

err_t
table_check(table_t *self, bytes_t row, arena_t *arena, const char **key, fault_t *fault)
{
    fault_t cause = {0};
    err_t err = table_need_key(self, fault);
    if (err != OK)
        return err;
    if (row_check(row, &cause) != OK)
        return fault_set(fault, ERR_INVALID_CHANGE, "table %s: %s", self->name, cause.text);

    err = take_row(self, row, fault);
    for (size_t i = 0; i < self->n_keys && err == OK; i++)
        err = check_key(self, self->keys[i], fault);
    return err == OK ? table_key_text(self, row, arena, key, fault) : err;
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
    if (self->n_shape > self->n_keys)
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
    miss the NOT NULL columns before it notices the conflict. And where keys of different bytes
    are one to SQLite, it would write to the row of another key.  */
err_t
table_upsert(table_t *self, bytes_t row, fault_t *fault)
{
    bool changed = false;
    err_t err = take_row(self, row, fault);
    if (err == OK && self->n_shape == self->n_columns && !self->folds)
        return change(self, OPERATION_UPSERT, &changed, fault);
    if (err == OK)
        err = update(self, &changed, fault);
    if (err == OK && !changed)
        err = change(self, OPERATION_INSERT, &changed, fault);
    return err;
}

err_t
table_delete(table_t *self, bytes_t key, bool *changed, fault_t *fault)
{
    const err_t err = table_take_key(self, key, fault);
    return err == OK ? change(self, OPERATION_DELETE, changed, fault) : err;
}

/*  SQLite takes anything for a text; who reads the row takes only UTF-8.  */
static void
add_value(const value_t *value, buffer_t *out)
{
    if (value->kind != VALUE_TEXT || text_is_utf8(value->bytes)) {
        row_add(out, value);
        return;
    }
    buffer_t text = {0};
    text_repair(value->bytes, &text);
    const value_t repaired = {.kind = VALUE_TEXT, .bytes = buffer_bytes(&text)};
    row_add(out, &repaired);
    buffer_release(&text);
}

void
table_add_row(const table_t *self, sqlite3_stmt *statement, const uint16_t *columns,
              size_t n_columns, buffer_t *out)
{
    row_begin(out, n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        const value_t value = column_value(statement, (int) i);
        row_add_name(out, self->columns[columns != NULL ? columns[i] : i].name);
        add_value(&value, out);
    }
}

err_t
table_read(table_t *self, bytes_t key, buffer_t *out, bool *found, fault_t *fault)
{
    sqlite3_stmt *statement = NULL;
    *found = false;
    err_t err = table_take_key(self, key, fault);
    if (err == OK)
        err = operate(self, OPERATION_READ, found, &statement, fault);
    if (err == OK && *found)
        table_add_row(self, statement, NULL, self->n_columns, out);
    sqlite3_reset(statement);
    return err;
}
