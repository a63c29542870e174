#include "actors/server/postgres/filling.h"

#include "actors/server/postgres/table_columns.h"
#include "actors/server/postgres/table_copy.h"
#include "actors/server/postgres/table_pieces.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 2000 };

struct filling {
    cache_t *cache;
    pg_t *pg;
    const settings_t *settings;
    pg_tables_t *tables;
    size_t next; /* table */
    size_t n_tables;
    bool copying;
    table_copy_t copy;
    uint64_t rows;
    uint64_t position;
    int64_t clock;
    arena_t arena;
};

filling_t *
filling_new(cache_t *cache, pg_t *pg, const settings_t *settings)
{
    filling_t *self = mem_new(sizeof *self);
    self->cache = cache;
    self->pg = pg;
    self->settings = settings;
    return self;
}

void
filling_destroy(filling_t **self)
{
    if (*self == NULL)
        return;
    table_copy_release(&(*self)->copy);
    pg_tables_destroy(&(*self)->tables);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

/*  --------------------------------------------------------------------- beginning  */

static err_t
take_snapshot(filling_t *self, const wal_snapshot_t *snapshot, fault_t *fault)
{
    buffer_t sql = {0};
    buffer_add_text(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                          " SET TRANSACTION SNAPSHOT ");
    pg_literal(&sql, snapshot->name);
    const err_t err = pg_exec(self->pg, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

/*  A large table may take longer than a statement of a client may.  */
static err_t
read_catalog(filling_t *self, fault_t *fault)
{
    static const char clock[] = "SELECT coalesce(max(updated_at), 0) FROM waybill.versions";
    err_t err = pg_exec(self->pg, "SET LOCAL statement_timeout = 0", fault);
    if (err == OK)
        err = pg_number(self->pg, clock, &self->clock, fault, "");
    return err == OK ? pg_tables_read(self->pg, self->settings, &self->tables, fault) : err;
}

err_t
filling_begin(filling_t *self, const wal_snapshot_t *snapshot, fault_t *fault)
{
    self->position = snapshot->consistent - 1;
    err_t err = take_snapshot(self, snapshot, fault);
    if (err == OK)
        err = read_catalog(self, fault);
    return err == OK ? cache_fill_begin(self->cache, fault) : err;
}

/*  ----------------------------------------------------------------------- copying  */

static err_t
begin_table(filling_t *self, const pg_table_t *table, fault_t *fault)
{
    arena_clear(&self->arena);
    const table_schema_t schema = pg_table_describe(table, &self->arena);
    const char *columns = "";
    err_t err = table_columns_read(self->pg, table->id, &self->arena, &columns, fault);
    if (err == OK)
        err = cache_fill_table(self->cache, &schema, columns, table->id, fault);
    if (err == OK)
        err = table_copy_begin(&self->copy, self->pg, table, &schema, fault);
    self->copying = err == OK;
    self->n_tables += err == OK;
    return err;
}

/*  The next one that is to be copied; none at the end.  */
static const pg_table_t *
next_table(filling_t *self)
{
    while (self->next < pg_tables_count(self->tables)) {
        const pg_table_t *table = pg_tables_at(self->tables, self->next++);
        if (pg_table_is_synchronised(table))
            return table;
    }
    return NULL;
}

static err_t
copy_rows(filling_t *self, filling_step_t *step, fault_t *fault)
{
    err_t err = OK;
    copy_step_t copied = COPY_LINE;
    *step = FILLING_WORKS;
    for (int i = 0; err == OK && i < ROWS_AT_ONCE && copied == COPY_LINE; i++) {
        bytes_t line = {0};
        err = table_copy_next(&self->copy, self->pg, &copied, &line, fault);
        if (err != OK || copied != COPY_LINE)
            continue;
        self->rows++;
        err = cache_fill_line(self->cache, line, fault);
    }
    self->copying = copied != COPY_END;
    if (copied == COPY_NOTHING)
        *step = FILLING_WAITS;
    return err;
}

static err_t
go_on(filling_t *self, filling_step_t *step, fault_t *fault)
{
    if (self->copying)
        return copy_rows(self, step, fault);
    const pg_table_t *table = next_table(self);
    *step = table != NULL ? FILLING_WORKS : FILLING_DONE;
    return table != NULL ? begin_table(self, table, fault) : OK;
}

err_t
filling_go_on(filling_t *self, filling_step_t *step, fault_t *fault)
{
    fault_t cause = {0};
    const err_t err = go_on(self, step, &cause);
    if (err == OK)
        return OK;
    return fault_set(fault, err, "table %.80s: %.400s",
                     pg_tables_at(self->tables, self->next - 1)->name, cause.text);
}

static err_t
keep_pieces(filling_t *self, fault_t *fault)
{
    table_pieces_t pieces;
    arena_clear(&self->arena);
    const err_t err =
        table_pieces_read(self->pg, self->settings, "", &self->arena, &pieces, fault);
    return err == OK ? cache_set_pieces(self->cache, pieces.ids, fault) : err;
}

err_t
filling_end(filling_t *self, cache_state_t *state, fault_t *fault)
{
    state->captured = self->position;
    state->clock = self->clock;
    err_t err = keep_pieces(self, fault);
    if (err == OK)
        err = pg_exec(self->pg, "COMMIT", fault);
    return err == OK ? cache_fill_end(self->cache, state, fault) : err;
}

size_t
filling_tables(const filling_t *self)
{
    return self->n_tables;
}

uint64_t
filling_rows(const filling_t *self)
{
    return self->rows;
}
