/*  What a rule says of one row.  */

#include "actors/server/rule_parts.h"

#include <string.h>

/*  ----------------------------------------------------------------------- evaluating  */

/*  Rows mostly name their columns in order: the one expected is looked at first. A column
    that the table has no more, as in an old row of the log, is none.  */
static size_t
column_named(const rule_t *self, bytes_t name, size_t expected)
{
    const table_schema_t *schema = &self->schema;
    for (size_t i = 0; i < schema->n_columns; i++) {
        const size_t index = (expected + i) % schema->n_columns;
        const char *column = schema->columns[index].name;
        if (strlen(column) == name.size && memcmp(column, name.data, name.size) == 0)
            return index;
    }
    return schema->n_columns;
}

static err_t
bind_row(const rule_t *self, const condition_t *condition, const char *user, bytes_t row,
         fault_t *fault)
{
    bytes_t name;
    value_t value;
    size_t expected = 0;
    int code = sqlite3_clear_bindings(condition->statement);
    const value_t whose = {.kind = VALUE_TEXT, .bytes = {(const uint8_t *) user, strlen(user)}};
    row_reader_t reader = row_read(row);
    while (code == SQLITE_OK && row_next(&reader, &name, &value)) {
        const size_t index = column_named(self, name, expected);
        if (index < self->schema.n_columns)
            code = bind_value(condition->statement, (int) index + 1, &value);
        expected = index + 1;
    }
    if (code == SQLITE_OK && condition->user != 0)
        code = bind_value(condition->statement, condition->user, &whose);
    return code == SQLITE_OK ? OK : db_error(self->db, fault, condition->key);
}

/*  The condition itself cannot be computed: no trouble of the database.  */
static bool
is_undefined(const rule_t *self)
{
    const int code = sqlite3_errcode(db_handle(self->db)) & 0xff;
    return code == SQLITE_ERROR || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

/*  True with the statement at its one row. False without an error: it has no value.  */
static bool
evaluate(const rule_t *self, right_t right, asking_t asking, err_t *err, fault_t *fault)
{
    const condition_t *condition = &self->conditions[right];
    *err = bind_row(self, condition, asking.user, asking.row, fault);
    if (*err != OK)
        return false;
    const bool found = db_step(self->db, condition->statement, err, fault);
    if (*err != OK && is_undefined(self))
        *err = OK;
    return found;
}

err_t
rule_holds(rule_t *self, right_t right, asking_t asking, bool *holds, fault_t *fault)
{
    err_t err = OK;
    *holds = true;
    if (!rule_asks(self, right))
        return OK;
    *holds = evaluate(self, right, asking, &err, fault)
             && sqlite3_column_int(self->conditions[right].statement, 0) != 0;
    sqlite3_reset(self->conditions[right].statement);
    return err;
}

err_t
rule_check(rule_t *self, asking_t asking, arena_t *arena, const char **message, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *statement = self->conditions[RIGHT_CHECK].statement;
    *message = NULL;
    if (statement == NULL)
        return OK;
    if (!evaluate(self, RIGHT_CHECK, asking, &err, fault))
        *message = "its rule cannot be evaluated";
    else if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
        *message = arena_text(arena, column_text(statement, 0));
    sqlite3_reset(statement);
    return err;
}

/*  --------------------------------------------------------------------------- columns  */

bool
rule_hides(const rule_t *self, bytes_t column)
{
    const size_t index = column_named(self, column, 0);
    return index < self->schema.n_columns && self->hidden[index];
}

static bool
is_visible(const rule_t *self, bytes_t column)
{
    return !rule_hides(self, column);
}

static bool
is_key(const rule_t *self, bytes_t column)
{
    const size_t index = column_named(self, column, 0);
    return index < self->schema.n_columns && self->schema.columns[index].key != 0;
}

static bytes_t
keep(const rule_t *self, bytes_t row, bool (*wanted)(const rule_t *, bytes_t), arena_t *arena)
{
    bytes_t name;
    value_t value;
    size_t n = 0;
    buffer_t kept = {0};
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &name, &value))
        n += wanted(self, name);
    row_begin(&kept, n);
    reader = row_read(row);
    while (row_next(&reader, &name, &value)) {
        if (!wanted(self, name))
            continue;
        row_add_name(&kept, arena_text_of(arena, name.data, name.size));
        row_add(&kept, &value);
    }
    const bytes_t bytes = arena_bytes(arena, buffer_bytes(&kept));
    buffer_release(&kept);
    return bytes;
}

bytes_t
rule_visible(const rule_t *self, bytes_t row, arena_t *arena)
{
    return self->settings->tables_server_only[0] != '\0' ? keep(self, row, is_visible, arena)
                                                         : row;
}

bytes_t
rule_key(const rule_t *self, bytes_t row, arena_t *arena)
{
    return keep(self, row, is_key, arena);
}

void
rule_describe(const rule_t *self, table_schema_t *schema)
{
    size_t kept = 0;
    for (size_t i = 0; i < schema->n_columns; i++) {
        const char *name = schema->columns[i].name;
        if (!rule_hides(self, (bytes_t){(const uint8_t *) name, strlen(name)}))
            schema->columns[kept++] = schema->columns[i];
    }
    schema->n_columns = kept;
}
