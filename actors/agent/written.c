#include "actors/agent/written.h"

#include <string.h>

bool
written_is_same(bytes_t row, bytes_t stored)
{
    bytes_t name;
    bytes_t other_name;
    value_t value;
    value_t other;
    row_reader_t columns = row_read(row);
    while (row_next(&columns, &name, &value)) {
        bool same = false;
        row_reader_t others = row_read(stored);
        while (!same && row_next(&others, &other_name, &other))
            same = name.size == other_name.size
                   && memcmp(name.data, other_name.data, name.size) == 0
                   && value_equal(&value, &other);
        if (!same)
            return false;
    }
    return true;
}

static err_t
thrown_away(const table_t *table, fault_t *fault)
{
    return fault_set(fault, ERR_RULE_VIOLATION,
                     "table %s: a rule of this database threw the change away without a word;"
                     " look for RAISE(IGNORE) and ON CONFLICT IGNORE",
                     table_name(table));
}

/*  Then there is nothing to set in a row that is there.  */
static bool
is_key_alone(const table_t *table, bytes_t row)
{
    arena_t arena = {0};
    const size_t n_keys = row_read(table_key_row(table, row, &arena)).left;
    arena_release(&arena);
    return row_read(row).left == n_keys;
}

/*  Mostly SQLite says that something has changed, and nothing need be read.  */
err_t
written_check(db_t *db, table_t *table, bytes_t row, fault_t *fault)
{
    bool found = false;
    buffer_t stored = {0};
    if (db_changes(db) > 0)
        return OK;
    err_t err = table_read(table, row, &stored, &found, fault);
    const bool there =
        found && (is_key_alone(table, row) || written_is_same(row, buffer_bytes(&stored)));
    if (err == OK && !there)
        err = thrown_away(table, fault);
    buffer_release(&stored);
    return err;
}

err_t
written_check_gone(table_t *table, bytes_t key, fault_t *fault)
{
    bool found = false;
    buffer_t stored = {0};
    const err_t err = table_read(table, key, &stored, &found, fault);
    buffer_release(&stored);
    return err == OK && found ? thrown_away(table, fault) : err;
}
