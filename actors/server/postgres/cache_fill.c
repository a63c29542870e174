/*  The first copy of all rows.  */

#include "actors/server/postgres/cache_private.h"

#include <string.h>

/*  In one transaction, which readers see at once or not at all.  */
static err_t
drop_tables(cache_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    for (size_t i = 0; i < catalog_count(self->catalog); i++) {
        buffer_add_text(&sql, "DROP TABLE ");
        sql_name(&sql, table_name(catalog_at(self->catalog, i)));
        buffer_add_text(&sql, ";");
    }
    const err_t err = sql.size > 0 ? db_exec(self->db, buffer_text(&sql), fault) : OK;
    buffer_release(&sql);
    return err;
}

static err_t
forget_history(cache_t *self, fault_t *fault)
{
    static const char sql[] = "DELETE FROM change_log; DELETE FROM waybill_versions;"
                              "DELETE FROM waybill_columns; DELETE FROM waybill_cache_tables;";
    return db_exec(self->db, sql, fault);
}

err_t
cache_fill_begin(cache_t *self, fault_t *fault)
{
    cache_rollback(self);
    err_t err = cache_begin(self, fault);
    if (err == OK)
        err = catalog_refresh(self->catalog, fault);
    if (err == OK)
        err = drop_tables(self, fault);
    if (err == OK)
        err = forget_history(self, fault);
    return err;
}

err_t
cache_fill_table(cache_t *self, const table_schema_t *schema, const char *columns, uint32_t id,
                 fault_t *fault)
{
    replica_destroy(&self->filled);
    err_t err = table_create(self->db, schema, fault);
    if (err == OK)
        err = cache_remember_columns(self, schema->name, columns, fault);
    if (err == OK)
        err = cache_remember_id(self, schema->name, id, fault);
    if (err == OK)
        err = catalog_refresh(self->catalog, fault);
    if (err != OK)
        return err;
    self->filled = replica_new(self->db, catalog_table(self->catalog, schema->name), self->puts,
                               self->journal, self->settings);
    return OK;
}

/*  -------------------------------------------------------------------------- lines  */

static const struct {
    char letter, means;
} escapes[] = {{'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};

static char
escaped(char letter)
{
    for (size_t i = 0; i < COUNT_OF(escapes); i++)
        if (escapes[i].letter == letter)
            return escapes[i].means;
    return letter;
}

/*  Up to a tab or the end of the line; most have nothing that was escaped.  */
static bytes_t
unescape(bytes_t field, arena_t *arena)
{
    if (memchr(field.data, '\\', field.size) == NULL)
        return field;
    uint8_t *text = arena_new(arena, field.size);
    size_t n = 0;
    for (size_t i = 0; i < field.size; i++) {
        const bool escape = field.data[i] == '\\' && i + 1 < field.size;
        i += escape;
        text[n++] = escape ? (uint8_t) escaped((char) field.data[i]) : field.data[i];
    }
    return (bytes_t){text, n};
}

static bytes_t
next_field(bytes_t *line)
{
    const uint8_t *tab = line->size > 0 ? memchr(line->data, '\t', line->size) : NULL;
    const size_t size = tab != NULL ? (size_t) (tab - line->data) : line->size;
    const bytes_t field = {line->data, size};
    const size_t step = tab != NULL ? size + 1 : size;
    line->data += step;
    line->size -= step;
    return field;
}

static err_t
read_field(cache_t *self, size_t column, bytes_t field, value_t *value, fault_t *fault)
{
    if (field.size == 2 && memcmp(field.data, "\\N", 2) == 0)
        return OK;
    return pg_value_read(replica_shape(self->filled, column), unescape(field, &self->arena),
                         &self->arena, value, fault);
}

err_t
cache_fill_line(cache_t *self, bytes_t line, fault_t *fault)
{
    arena_clear(&self->arena);
    const size_t n = replica_columns(self->filled);
    value_t *values = arena_new(&self->arena, (n + 1) * sizeof *values);
    err_t err = OK;
    if (line.size > 0 && line.data[line.size - 1] == '\n')
        line.size--;
    for (size_t i = 0; err == OK && i < n; i++)
        err = read_field(self, i, next_field(&line), &values[i], fault);
    self->rows++;
    return err == OK ? replica_put(self->filled, values, fault) : err;
}

err_t
cache_fill_end(cache_t *self, const cache_state_t *state, fault_t *fault)
{
    static const char sql[] = "UPDATE waybill_head SET floor = lsn, clock = ?1";
    uint64_t head = 0;
    replica_destroy(&self->filled);
    self->now = *state;
    self->now.head = state->captured;
    self->now.confirmed = state->captured + 1;
    err_t err = cache_seal(self, &head, fault);
    if (err == OK)
        err = db_run(self->db, sql, NULL, fault, "i", state->clock);
    if (err == OK)
        err = cache_commit(self, fault);
    return err == OK ? cache_flush(self, fault) : err;
}
