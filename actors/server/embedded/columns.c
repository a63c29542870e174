#include "actors/server/embedded/columns.h"

static err_t
wins(const work_t *work, const validated_t *validated, const char *column, bool *won,
     fault_t *fault)
{
    static const char sql[] = "SELECT updated_at, client_id FROM waybill_columns"
                              " WHERE tbl = ?1 AND key = ?2 AND col = ?3";
    err_t err = OK;
    sqlite3_stmt *version = db_query(work->db, sql, fault, "ttt", table_name(validated->table),
                                     validated->key_text, column);
    *won = true;
    if (!db_step(work->db, version, &err, fault))
        return err;
    *won = validator_wins(work, validated, sqlite3_column_int64(version, 0),
                          column_text(version, 1));
    sqlite3_reset(version);
    return OK;
}

typedef struct choice {
    buffer_t columns; /* packed, without the map around them */
    size_t n;
    size_t n_won; /* beside the key */
} choice_t;

static void
take(choice_t *self, const char *name, const value_t *value)
{
    row_add_name(&self->columns, name);
    row_add(&self->columns, value);
    self->n++;
}

static err_t
choose_all(const work_t *work, const validated_t *validated, choice_t *choice, fault_t *fault)
{
    bytes_t name;
    value_t value;
    err_t err = OK;
    row_reader_t reader = row_read(validated->row);
    const bytes_t key_row = table_key_row(validated->table, validated->row, work->arena);
    while (err == OK && row_next(&reader, &name, &value)) {
        const char *column = arena_text_of(work->arena, name.data, name.size);
        const bool key = row_find(key_row, column, &(value_t){0});
        bool won = key;
        if (!key)
            err = wins(work, validated, column, &won, fault);
        if (won)
            take(choice, column, &value);
        choice->n_won += won && !key;
    }
    return err;
}

err_t
columns_choose(const work_t *work, validated_t *validated, fault_t *fault)
{
    choice_t choice = {0};
    buffer_t row = {0};
    const err_t err = choose_all(work, validated, &choice, fault);
    validated->decision = choice.n_won > 0 ? DECISION_APPLY : DECISION_MERGE;
    row_begin(&row, choice.n);
    buffer_add(&row, choice.columns.data, choice.columns.size);
    validated->row = arena_bytes(work->arena, buffer_bytes(&row));
    buffer_release(&row);
    buffer_release(&choice.columns);
    return err;
}

err_t
columns_note(const work_t *work, const validated_t *validated, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_columns (tbl, key, col, updated_at, client_id)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tbl, key, col) DO UPDATE SET"
        " updated_at = excluded.updated_at, client_id = excluded.client_id";
    bytes_t name;
    value_t value;
    err_t err = OK;
    row_reader_t reader = row_read(validated->row);
    const bytes_t key_row = table_key_row(validated->table, validated->row, work->arena);
    while (err == OK && row_next(&reader, &name, &value)) {
        const char *column = arena_text_of(work->arena, name.data, name.size);
        if (!row_find(key_row, column, &(value_t){0}))
            err = db_run(work->db, sql, NULL, fault, "tttit", table_name(validated->table),
                         validated->key_text, column, validated->updated_at, work->client_id);
    }
    return err;
}
