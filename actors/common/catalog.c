#include "actors/common/catalog.h"

#include "actors/common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct catalog {
    db_t *db;
    int64_t version;  /* of the schema, as read; -1: never */
    arena_t arena;    /* what is known about this version */
    table_t **tables; /* parents first */
    size_t n_tables;
    table_t *last; /* found */
};

static const char *const own_tables[] = {"local_changes", "sync_state", "change_log",
                                         "client_changes", "changes_history"};
static const char *const own_prefixes[] = {"sqlite_", "waybill_"};

/*  Without regard to case, as SQLite compares names.  */
bool
name_is_reserved(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(own_prefixes); i++)
        if (strncasecmp(name, own_prefixes[i], strlen(own_prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(own_tables); i++)
        if (strcasecmp(name, own_tables[i]) == 0)
            return true;
    return false;
}

/*  ------------------------------------------------------------------ reading the schema  */

static void
forget_tables(catalog_t *self)
{
    for (size_t i = 0; i < self->n_tables; i++)
        table_forget(self->tables[i]);
    self->tables = NULL;
    self->n_tables = 0;
    self->last = NULL;
    self->version = -1;
    arena_clear(&self->arena);
}

/*  Generated columns (hidden 2 and 3) are computed, not written: not part of a row.  */
static err_t
read_columns(catalog_t *self, table_t *table, fault_t *fault)
{
    static const char sql[] = "SELECT name, type, pk, \"notnull\", count(*) OVER () "
                              "FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "t", table->name);
    while (db_step(self->db, rows, &err, fault)) {
        if (table->columns == NULL)
            table->columns = arena_new(&self->arena, (size_t) sqlite3_column_int64(rows, 4)
                                                         * sizeof(table_column_t));
        const char *name = arena_text(&self->arena, column_text(rows, 0));
        table->columns[table->n_columns++] = (table_column_t){
            .name = name,
            .size = strlen(name),
            .type = arena_text(&self->arena, column_text(rows, 1)),
            .key = (unsigned) sqlite3_column_int(rows, 2),
            .not_null = sqlite3_column_int(rows, 3) != 0,
        };
    }
    return err;
}

static err_t
read_parents(catalog_t *self, table_t *table, fault_t *fault)
{
    static const char sql[] = "SELECT \"table\", count(*) OVER () "
                              "FROM pragma_foreign_key_list(?1)";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "t", table->name);
    while (db_step(self->db, rows, &err, fault)) {
        if (table->parents == NULL)
            table->parents = arena_new(&self->arena,
                                       (size_t) sqlite3_column_int64(rows, 1) * sizeof(char *));
        table->parents[table->n_parents++] = arena_text(&self->arena, column_text(rows, 0));
    }
    return err;
}

static err_t
read_names(catalog_t *self, fault_t *fault)
{
    static const char sql[] = "SELECT name, count(*) OVER (), strict FROM pragma_table_list "
                              "WHERE schema = 'main' AND type = 'table' ORDER BY name";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "");
    while (db_step(self->db, rows, &err, fault)) {
        if (self->tables == NULL)
            self->tables = arena_new(&self->arena, (size_t) sqlite3_column_int64(rows, 1)
                                                       * sizeof(table_t *));
        if (name_is_reserved(column_text(rows, 0)))
            continue;
        table_t *table = arena_new(&self->arena, sizeof *table);
        table->db = self->db;
        table->name = arena_text(&self->arena, column_text(rows, 0));
        table->strict = sqlite3_column_int(rows, 2) != 0;
        self->tables[self->n_tables++] = table;
    }
    return err;
}

static err_t
read_table(catalog_t *self, table_t *table, fault_t *fault)
{
    err_t err = read_columns(self, table, fault);
    if (err == OK)
        err = read_parents(self, table, fault);
    table_find_key(table, &self->arena);
    table->shape = arena_new(&self->arena, table->n_columns * sizeof *table->shape);
    table->values = arena_new(&self->arena, table->n_columns * sizeof *table->values);
    return err;
}

/*  ---------------------------------------------------------------------- parents first  */

static table_t *
table_named(const catalog_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_tables; i++)
        if (strcasecmp(self->tables[i]->name, name) == 0)
            return self->tables[i];
    return NULL;
}

static bool
parents_are_placed(const catalog_t *self, const table_t *table)
{
    for (size_t i = 0; i < table->n_parents; i++) {
        const table_t *parent = table_named(self, table->parents[i]);
        if (parent != NULL && parent != table && !parent->placed)
            return false;
    }
    return true;
}

/*  The first by name whose parents are all placed. In a circle of parents there is none;
    then simply the first.  */
static table_t *
next_in_order(const catalog_t *self)
{
    table_t *first = NULL;
    for (size_t i = 0; i < self->n_tables; i++) {
        table_t *table = self->tables[i];
        if (table->placed)
            continue;
        if (parents_are_placed(self, table))
            return table;
        if (first == NULL)
            first = table;
    }
    return first;
}

static void
order_tables(catalog_t *self)
{
    table_t **ordered = arena_new(&self->arena, (self->n_tables + 1) * sizeof(table_t *));
    for (size_t i = 0; i < self->n_tables; i++) {
        table_t *next = next_in_order(self);
        assert(next != NULL);
        next->placed = true;
        ordered[i] = next;
    }
    self->tables = ordered;
}

/*  ----------------------------------------------------------------------------- catalog  */

static err_t
read_schema(catalog_t *self, fault_t *fault)
{
    err_t err = read_names(self, fault);
    for (size_t i = 0; i < self->n_tables && err == OK; i++)
        err = read_table(self, self->tables[i], fault);
    if (err == OK)
        order_tables(self);
    return err;
}

err_t
catalog_refresh(catalog_t *self, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_statement(self->db, "PRAGMA schema_version", fault);
    if (!db_step(self->db, row, &err, fault))
        return err;
    const int64_t version = sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    if (version == self->version)
        return OK;

    forget_tables(self);
    err = read_schema(self, fault);
    if (err == OK)
        self->version = version;
    else
        forget_tables(self);
    return err;
}

err_t
catalog_open(db_t *db, catalog_t **self, fault_t *fault)
{
    *self = mem_new(sizeof **self);
    (*self)->db = db;
    (*self)->version = -1;
    const err_t err = catalog_refresh(*self, fault);
    if (err != OK)
        catalog_close(self);
    return err;
}

void
catalog_close(catalog_t **self)
{
    if (*self == NULL)
        return;
    forget_tables(*self);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

table_t *
catalog_table(catalog_t *self, const char *name)
{
    if (self->last != NULL && strcmp(self->last->name, name) == 0)
        return self->last;
    for (size_t i = 0; i < self->n_tables; i++)
        if (strcmp(self->tables[i]->name, name) == 0)
            return self->last = self->tables[i];
    return NULL;
}

size_t
catalog_count(const catalog_t *self)
{
    return self->n_tables;
}

table_t *
catalog_at(catalog_t *self, size_t index)
{
    return self->tables[index];
}

bool
catalog_has_foreign_keys(const catalog_t *self)
{
    for (size_t i = 0; i < self->n_tables; i++)
        if (self->tables[i]->n_parents > 0)
            return true;
    return false;
}
