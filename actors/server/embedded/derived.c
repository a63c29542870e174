#include "actors/server/embedded/derived.h"

#include "schemas/codec.h"

#include <stdlib.h>
#include <string.h>

/*  A row of the log, not yet sealed.  */
typedef struct logged_row {
    int64_t seq;
    const char *table;
    const char *key;
    derived_change_t *change; /* that wrote the row itself; NULL: a trigger did */
} logged_row_t;

typedef struct rows {
    const work_t *work;
    derived_change_t *changes;
    size_t n_changes;
    logged_row_t *items;
    size_t n;
} rows_t;

static int
compare_changes(const void *left, const void *right)
{
    const derived_change_t *a = left;
    const derived_change_t *b = right;
    return strcmp(a->id, b->id);
}

static int
compare_rows(const void *left, const void *right)
{
    const logged_row_t *a = left;
    const logged_row_t *b = right;
    int order = strcmp(a->table, b->table);
    if (order == 0)
        order = strcmp(a->key, b->key);
    return order != 0 ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

static bool
is_same_row(const logged_row_t *a, const logged_row_t *b)
{
    return strcmp(a->table, b->table) == 0 && strcmp(a->key, b->key) == 0;
}

/*  ------------------------------------------------------------------------- reading  */

static err_t
key_of(const rows_t *self, const char *table, bytes_t data, const char **key, fault_t *fault)
{
    buffer_t row = {0};
    err_t err = stored_json_to_msgpack(data, &row, fault);
    if (err == OK)
        err = table_key_text(catalog_table(self->work->catalog, table), buffer_bytes(&row),
                             self->work->arena, key, fault);
    buffer_release(&row);
    return err;
}

static err_t
take(rows_t *self, sqlite3_stmt *statement, fault_t *fault)
{
    arena_t *arena = self->work->arena;
    logged_row_t *row = &self->items[self->n++];
    *row = (logged_row_t){.seq = sqlite3_column_int64(statement, 0),
                          .table = arena_text(arena, column_text(statement, 1))};
    const err_t err = key_of(self, row->table, column_bytes(statement, 2), &row->key, fault);
    if (err != OK)
        return err;
    const derived_change_t wanted = {.id = column_text(statement, 3)};
    derived_change_t *change =
        bsearch(&wanted, self->changes, self->n_changes, sizeof wanted, compare_changes);
    if (change && strcmp(change->table, row->table) == 0 && strcmp(change->key, row->key) == 0)
        row->change = change;
    return OK;
}

static err_t
read_rows(rows_t *self, fault_t *fault)
{
    static const char count[] =
        "SELECT count(*) FROM change_log WHERE lsn > (SELECT lsn FROM waybill_head)";
    static const char sql[] = "SELECT seq, tbl, data, change_id FROM change_log"
                              " WHERE lsn > (SELECT lsn FROM waybill_head)";
    err_t err = OK;
    const int64_t n = db_number(self->work->db, count, 0);
    self->items = arena_new(self->work->arena, ((size_t) n + 1) * sizeof *self->items);
    sqlite3_stmt *statement = db_query(self->work->db, sql, fault, "");
    while (err == OK && db_step(self->work->db, statement, &err, fault))
        err = take(self, statement, fault);
    sqlite3_reset(statement);
    return err;
}

/*  ------------------------------------------------------------------------ disowning  */

static err_t
disown(const rows_t *self, const logged_row_t *row, fault_t *fault)
{
    return db_run(self->work->db, "UPDATE change_log SET client_id = NULL WHERE seq = ?1", NULL,
                  fault, "i", row->seq);
}

/*  The log of one row, in its order, ends before end.  */
static err_t
disown_group(const rows_t *self, const logged_row_t *row, const logged_row_t *end,
             fault_t *fault)
{
    bool derived = false;
    err_t err = OK;
    for (const logged_row_t *before = NULL; err == OK && row < end; before = row++) {
        derived = derived || !row->change;
        if (before && row->change && before->change == row->change)
            row->change->again = true;
        if (derived)
            err = disown(self, row, fault);
    }
    return err;
}

err_t
derived_disown(const work_t *work, derived_change_t *changes, size_t n, fault_t *fault)
{
    rows_t self = {.work = work, .changes = changes, .n_changes = n};
    qsort(changes, n, sizeof *changes, compare_changes);
    err_t err = read_rows(&self, fault);
    qsort(self.items, self.n, sizeof *self.items, compare_rows);
    const logged_row_t *end = self.items + self.n;
    for (const logged_row_t *row = self.items; err == OK && row < end;) {
        const logged_row_t *next = row + 1;
        while (next < end && is_same_row(row, next))
            next++;
        err = disown_group(&self, row, next, fault);
        row = next;
    }
    return err;
}
