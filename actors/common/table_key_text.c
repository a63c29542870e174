/*  The text that names a key, and the key that a text names.

    Triggers make the same text in SQL. So that both always agree, only the simplest keys are
    put into words here; SQLite does the others, with the expression that the triggers use.  */

#include "actors/common/table.h"
#include "schemas/codec.h"
#include "schemas/json.h"
#include "schemas/pack.h"

#include <string.h>

static const char number_letters[] = "+-.0123456789Ee";
static const char mark[] = "{\"$";

static bool
begins_as_mark(bytes_t text)
{
    const bytes_t begins = {(const uint8_t *) mark, sizeof mark - 1};
    return text.size >= begins.size && memcmp(text.data, begins.data, begins.size) == 0;
}

/*  Is the text made of nothing but what numbers are made of?  */
static bool
looks_like_number(bytes_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\0' || strchr(number_letters, text.data[i]) == NULL)
            return false;
    return true;
}

/*  Does it name the key just as it is?  */
static bool
is_plain(const table_column_t *column, const value_t *value)
{
    if (value->kind == VALUE_INTEGER)
        return column->affinity != AFFINITY_REAL;
    return value->kind == VALUE_TEXT && !begins_as_mark(value->bytes)
           && memchr(value->bytes.data, '\0', value->bytes.size) == NULL
           && (column->affinity != AFFINITY_NONE || !looks_like_number(value->bytes));
}

static err_t
put_into_words(table_t *self, arena_t *arena, const char **text, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *statement = table_plan(self, OPERATION_KEY_TEXT, 0, fault);
    for (size_t i = 0; i < self->n_keys; i++)
        if (statement == NULL
            || bind_value(statement, (int) i + 1, &self->values[i]) != SQLITE_OK)
            return db_error(self->db, fault, self->name);
    if (db_step(self->db, statement, &err, fault))
        *text = arena_text(arena, column_text(statement, 0));
    sqlite3_reset(statement);
    return err;
}

err_t
table_key_text(table_t *self, bytes_t row, arena_t *arena, const char **text, fault_t *fault)
{
    const err_t err = table_take_key(self, row, fault);
    if (err != OK)
        return err;
    if (self->n_keys > 1 || !is_plain(&self->columns[self->keys[0]], &self->values[0]))
        return put_into_words(self, arena, text, fault);
    *text = value_text(&self->values[0], arena);
    return OK;
}

/*  ------------------------------------------------------------------------- from texts  */

/*  A row of the key's columns from a JSON array of their values.  */
static err_t
read_values(const table_t *self, const char *json, size_t size, buffer_t *key, fault_t *fault)
{
    token_t token;
    buffer_t list = {0};
    err_t err = json_to_msgpack(json, size, &list, fault);
    cursor_t cursor = cursor_of(buffer_bytes(&list));
    const bool fits = err == OK && cursor_next(&cursor, &token) && token.kind == TOKEN_LIST
                      && token.number == self->n_keys;
    row_begin(key, self->n_keys);
    for (size_t i = 0; fits && i < self->n_keys; i++) {
        const uint8_t *value = cursor.at;
        (void) cursor_skip(&cursor, 1);
        row_add_name(key, self->columns[self->keys[i]].name);
        buffer_add(key, value, (size_t) (cursor.at - value));
    }
    if (err == OK && !fits)
        err = fault_set(fault, ERR_INVALID_CHANGE, "the values are not %zu", self->n_keys);
    if (err == OK)
        err = row_check(buffer_bytes(key), fault);
    buffer_release(&list);
    return err;
}

/*  A marked value, or a number where there can be numbers; otherwise simply a text.  */
static void
read_value(const table_t *self, const char *text, buffer_t *key)
{
    err_t err = ERR_INVALID_CHANGE;
    fault_t none = {0};
    const bytes_t bytes = {(const uint8_t *) text, strlen(text)};
    const table_column_t *column = &self->columns[self->keys[0]];
    if (begins_as_mark(bytes)
        || (column->affinity != AFFINITY_TEXT && looks_like_number(bytes))) {
        buffer_t json = {0};
        buffer_add_format(&json, "[%s]", text);
        err = read_values(self, buffer_text(&json), json.size, key, &none);
        buffer_release(&json);
    }
    if (err == OK)
        return;
    const value_t value = {.kind = VALUE_TEXT, .bytes = bytes};
    buffer_clear(key);
    row_begin(key, 1);
    row_add_name(key, column->name);
    row_add(key, &value);
}

err_t
table_key_named(const table_t *self, const char *text, arena_t *arena, bytes_t *key,
                fault_t *fault)
{
    fault_t cause = {0};
    buffer_t row = {0};
    err_t err = table_need_key(self, fault);
    if (err != OK)
        return err;
    if (self->n_keys == 1)
        read_value(self, text, &row);
    else if (read_values(self, text, strlen(text), &row, &cause) != OK)
        err = fault_set(fault, ERR_INVALID_CHANGE,
                        "table %s: \"%.64s\" names no row: %s; give a JSON array of %s",
                        self->name, text, cause.text, self->key_names);
    if (err == OK)
        *key = arena_bytes(arena, buffer_bytes(&row));
    buffer_release(&row);
    return err;
}
