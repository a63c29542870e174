#include "tools/compare_postgres.h"

#include "actors/common/catalog.h"
#include "actors/server/postgres/tables.h"
#include "runtime/config.h"
#include "tools/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_AT_ONCE = 2000 };

typedef struct copy {
    config_t config;
    settings_t settings;
    pg_t *pg;
    pg_tables_t *tables;
    db_t *db;
    catalog_t *catalog;
    fault_t *fault;
} copy_t;

bool
compare_is_postgres(const char *name)
{
    return strncmp(name, "postgres://", 11) == 0 || strncmp(name, "postgresql://", 13) == 0;
}

/*  ------------------------------------------------------------------------- where to  */

static err_t
make_path(char **path, fault_t *fault)
{
    const char *place = getenv("TMPDIR");
    char *dir = mem_format("%s/waybill-compare-XXXXXX", place && place[0] ? place : "/tmp");
    err_t err = OK;
    if (mkdtemp(dir))
        *path = mem_format("%s/copy.db", dir);
    else
        err = fault_set(fault, ERR_IO, "%s: %s; TMPDIR names another place", dir,
                        strerror(errno));
    free(dir);
    return err;
}

void
compare_forget_copy(compare_copy_t *copy)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    free(copy->name);
    if (copy->path == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char *file = mem_format("%s%s", copy->path, ends[i]);
        (void) unlink(file);
        free(file);
    }
    *strrchr(copy->path, '/') = 0;
    (void) rmdir(copy->path);
    free(copy->path);
}

/*  ----------------------------------------------------------------------------- rows  */

/*  Declares a cursor, so that a large table needs no memory. Generated columns are no part of
    the replica.  */
static err_t
declare(copy_t *self, const pg_table_t *table)
{
    buffer_t sql = {0};
    buffer_add_format(&sql, "DECLARE rows_%" PRIu32 " NO SCROLL CURSOR FOR SELECT ", table->id);
    for (size_t i = 0, n = 0; i < table->n_columns; i++) {
        if (table->columns[i].generated)
            continue;
        if (n++ > 0)
            buffer_add_text(&sql, ", ");
        pg_name(&sql, table->columns[i].name);
    }
    buffer_add_text(&sql, " FROM ");
    pg_name(&sql, self->settings.postgres_schema);
    buffer_add_text(&sql, ".");
    pg_name(&sql, table->name);
    const err_t err = pg_exec(self->pg, buffer_text(&sql), self->fault);
    buffer_release(&sql);
    return err;
}

typedef struct cell {
    const PGresult *result;
    int row, place;
} cell_t;

static err_t
add_value(copy_t *self, const pg_column_t *column, cell_t cell, arena_t *arena, buffer_t *out)
{
    value_t value = {.kind = VALUE_NULL};
    err_t err = OK;
    if (!PQgetisnull(cell.result, cell.row, cell.place)) {
        const bytes_t text = {(const uint8_t *) PQgetvalue(cell.result, cell.row, cell.place),
                              (size_t) PQgetlength(cell.result, cell.row, cell.place)};
        err = pg_value_read(column->shape, text, arena, &value, self->fault);
    }
    if (err == OK) {
        row_add_name(out, column->name);
        row_add(out, &value);
    }
    return err;
}

static err_t
insert_row(copy_t *self, const pg_table_t *table, const PGresult *result, int row)
{
    arena_t arena = {0};
    buffer_t out = {0};
    err_t err = OK;
    cell_t cell = {result, row, 0};
    row_begin(&out, (size_t) PQnfields(result));
    for (size_t i = 0; i < table->n_columns && err == OK; i++) {
        if (!table->columns[i].generated) {
            err = add_value(self, &table->columns[i], cell, &arena, &out);
            cell.place++;
        }
    }
    if (err == OK)
        err = table_insert(catalog_table(self->catalog, table->name), buffer_bytes(&out),
                           self->fault);
    buffer_release(&out);
    arena_release(&arena);
    return err;
}

static err_t
copy_rows(copy_t *self, const pg_table_t *table)
{
    AUTO(text)
    fetch = mem_format("FETCH %d FROM rows_%" PRIu32, ROWS_AT_ONCE, table->id);
    err_t err = declare(self, table);
    for (int n = ROWS_AT_ONCE; err == OK && n == ROWS_AT_ONCE;) {
        PGresult *result = NULL;
        err = pg_run(self->pg, fetch, &result, self->fault, "");
        n = err == OK ? PQntuples(result) : 0;
        for (int i = 0; i < n && err == OK; i++)
            err = insert_row(self, table, result, i);
        PQclear(result);
    }
    return err;
}

/*  --------------------------------------------------------------------------- tables  */

static err_t
make_tables(copy_t *self, size_t *n)
{
    err_t err = OK;
    arena_t arena = {0};
    for (size_t i = 0; i < pg_tables_count(self->tables) && err == OK; i++) {
        const pg_table_t *table = pg_tables_at(self->tables, i);
        if (!table->published)
            continue;
        const table_schema_t schema = pg_table_describe(table, &arena);
        err = table_create(self->db, &schema, self->fault);
        ++*n;
    }
    arena_release(&arena);
    if (err == OK && *n == 0)
        return fault_set(self->fault, ERR_NOT_FOUND,
                         "%s: no table is published; a server that has been started on it does "
                         "that",
                         PQdb(pg_handle(self->pg)));
    return err == OK ? catalog_refresh(self->catalog, self->fault) : err;
}

static err_t
copy_tables(copy_t *self)
{
    size_t n = 0;
    err_t err = make_tables(self, &n);
    for (size_t i = 0; i < pg_tables_count(self->tables) && err == OK; i++) {
        const pg_table_t *table = pg_tables_at(self->tables, i);
        if (table->published)
            err = copy_rows(self, table);
    }
    return err;
}

/*  Everything is read in one transaction, and written in one.  */
static err_t
copy(copy_t *self)
{
    err_t err =
        pg_exec(self->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", self->fault);
    if (err == OK)
        err = pg_tables_read(self->pg, &self->settings, &self->tables, self->fault);
    if (err == OK)
        err = db_begin(self->db, self->fault);
    if (err == OK)
        err = copy_tables(self);
    return err == OK ? db_commit(self->db, self->fault) : err;
}

err_t
compare_copy_postgres(const char *address, compare_copy_t *made, fault_t *fault)
{
    copy_t *self = mem_new(sizeof *self);
    self->fault = fault;
    config_defaults(&self->config, &settings_table, &self->settings);
    self->settings.server_db = address;
    self->pg = pg_new(&self->settings, PG_SQL, "waybill compare");
    err_t err = pg_ready(self->pg, fault);
    if (err == OK)
        made->name = mem_format("postgres:%s", PQdb(pg_handle(self->pg)));
    if (err == OK)
        err = make_path(&made->path, fault);
    if (err == OK)
        err = db_open(made->path, true, &self->db, fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, fault);
    if (err == OK)
        err = copy(self);
    catalog_close(&self->catalog);
    db_close(&self->db);
    pg_tables_destroy(&self->tables);
    pg_destroy(&self->pg);
    config_release(&self->config);
    free(self);
    return err;
}
