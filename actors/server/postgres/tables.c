#include "actors/server/postgres/tables_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*  ----------------------------------------------------------------------- reading tables  */

/*  What an extension brought along is not the application's. Of a schema that is published as a
    whole no row is left out.  */
static const char tables_sql[] =
    "SELECT c.oid, c.relname, c.relreplident, c.relpersistence, "
    "       EXISTS (SELECT FROM pg_publication_tables p WHERE p.pubname = $2 "
    "               AND p.schemaname = n.nspname AND p.tablename = c.relname), "
    "       coalesce((SELECT i.indimmediate FROM pg_index i "
    "                 WHERE i.indrelid = c.oid AND i.indisprimary), true), "
    "       coalesce((SELECT i.indisreplident FROM pg_index i "
    "                 WHERE i.indrelid = c.oid AND i.indisprimary), false), c.relkind = 'p', "
    "       EXISTS (SELECT FROM pg_publication p JOIN pg_publication_rel r "
    "               ON r.prpubid = p.oid WHERE p.pubname = $2 AND r.prrelid = c.oid "
    "               AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) "
    "               AND NOT EXISTS (SELECT FROM pg_publication_namespace s "
    "                               WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
    "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
    "                AND d.objid = c.oid AND d.deptype = 'e') "
    "ORDER BY c.relname COLLATE \"C\"";

static bool
is_true(const PGresult *result, int row, int column)
{
    return pg_text_at(result, row, column)[0] == 't';
}

static void
take_tables(pg_tables_t *self, const PGresult *rows)
{
    const int n = PQntuples(rows);
    self->tables = arena_new(&self->arena, ((size_t) n + 1) * sizeof *self->tables);
    self->n_tables = (size_t) n;
    for (int i = 0; i < n; i++) {
        pg_table_t *table = arena_new(&self->arena, sizeof *table);
        table->id = (uint32_t) pg_number_at(rows, i, 0);
        table->name = arena_text(&self->arena, pg_text_at(rows, i, 1));
        table->identity = pg_text_at(rows, i, 2)[0];
        table->published = is_true(rows, i, 4);
        table->partitioned = is_true(rows, i, 7);
        table->partial = is_true(rows, i, 8);
        self->tables[i] = (known_t){
            .table = table,
            .logged = pg_text_at(rows, i, 3)[0] == 'p',
            .key_is_immediate = is_true(rows, i, 5),
            .key_is_identity = is_true(rows, i, 6),
        };
    }
}

static known_t *
known_by_id(const pg_tables_t *self, uint32_t id)
{
    for (size_t i = 0; i < self->n_tables; i++)
        if (self->tables[i].table->id == id)
            return &self->tables[i];
    return NULL;
}

/*  ---------------------------------------------------------------------- reading columns  */

/*  A domain may be one of a domain. The rows of one table stand together.  */
static const char columns_sql[] =
    "WITH RECURSIVE bases (type, base) AS ("
    "  SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd' "
    "  UNION ALL SELECT b.type, t.typbasetype FROM bases b "
    "  JOIN pg_type t ON t.oid = b.base WHERE t.typtype = 'd') "
    "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), "
    "       coalesce((SELECT b.base FROM bases b JOIN pg_type t ON t.oid = b.base "
    "                 WHERE b.type = a.atttypid AND t.typtype <> 'd'), a.atttypid), "
    "       coalesce((SELECT k.place FROM pg_index i, "
    "                 unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place) "
    "                 WHERE i.indrelid = c.oid AND i.indisprimary "
    "                 AND k.place <= i.indnkeyatts AND k.number = a.attnum), 0), "
    "       a.attnotnull, a.atthasdef OR a.attidentity <> '', "
    "a.attgenerated <> '' "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
    "AND a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY a.attrelid, a.attnum";

static pg_column_t
column_of(const PGresult *rows, int row, arena_t *arena)
{
    const uint32_t type = (uint32_t) pg_number_at(rows, row, 3);
    return (pg_column_t){
        .name = arena_text(arena, pg_text_at(rows, row, 1)),
        .type = arena_text(arena, pg_text_at(rows, row, 2)),
        .type_id = type,
        .shape = pg_shape_of(type),
        .key = (unsigned) pg_number_at(rows, row, 4),
        .not_null = is_true(rows, row, 5),
        .has_default = is_true(rows, row, 6) && !is_true(rows, row, 7),
        .generated = is_true(rows, row, 7),
    };
}

static void
add_column(pg_tables_t *self, pg_table_t *table, const pg_column_t *column)
{
    const size_t n = table->n_columns;
    if ((n & (n - 1)) == 0) {
        pg_column_t *grown = arena_new(&self->arena, (n > 0 ? n * 2 : 1) * sizeof *grown);
        if (n > 0)
            memcpy(grown, table->columns, n * sizeof *grown);
        table->columns = grown;
    }
    table->columns[table->n_columns++] = *column;
    if (column->key != 0)
        table->n_keys++;
}

static void
take_columns(pg_tables_t *self, const PGresult *rows)
{
    known_t *known = NULL;
    for (int i = 0; i < PQntuples(rows); i++) {
        const uint32_t id = (uint32_t) pg_number_at(rows, i, 0);
        if (known == NULL || known->table->id != id)
            known = known_by_id(self, id);
        if (known == NULL)
            continue;
        const pg_column_t column = column_of(rows, i, &self->arena);
        add_column(self, known->table, &column);
    }
}

/*  ---------------------------------------------------------------------- reading parents  */

static const char parents_sql[] =
    "SELECT f.conrelid, p.relname, f.condeferrable "
    "FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid "
    "JOIN pg_class p ON p.oid = f.confrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.oid = p.relnamespace "
    "WHERE n.nspname = $1 AND f.contype = 'f' AND f.conparentid = 0 "
    "ORDER BY f.conrelid, f.conname";

static size_t
count_of(const PGresult *rows, uint32_t id)
{
    size_t n = 0;
    for (int i = 0; i < PQntuples(rows); i++)
        n += pg_number_at(rows, i, 0) == (int64_t) id;
    return n;
}

static void
take_parents(pg_tables_t *self, const PGresult *rows)
{
    for (size_t i = 0; i < self->n_tables; i++) {
        pg_table_t *table = self->tables[i].table;
        size_t n = 0;
        table->parents =
            arena_new(&self->arena, (count_of(rows, table->id) + 1) * sizeof(char *));
        for (int row = 0; row < PQntuples(rows); row++) {
            if (pg_number_at(rows, row, 0) != (int64_t) table->id)
                continue;
            table->parents[n++] = arena_text(&self->arena, pg_text_at(rows, row, 1));
            table->deferrable |= is_true(rows, row, 2);
        }
    }
}

/*  ------------------------------------------------------------------------- parents first  */

static int
by_name(const void *a, const void *b)
{
    return strcmp((*(pg_table_t *const *) a)->name, (*(pg_table_t *const *) b)->name);
}

static known_t *
known_by_name(const pg_tables_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_tables; i++)
        if (strcmp(self->tables[i].table->name, name) == 0)
            return &self->tables[i];
    return NULL;
}

static bool
parents_are_placed(const pg_tables_t *self, const known_t *known)
{
    for (const char **parent = known->table->parents; *parent != NULL; parent++) {
        const known_t *found = known_by_name(self, *parent);
        if (found != NULL && found != known && !found->placed)
            return false;
    }
    return true;
}

/*  The first by name whose parents are all placed; in a circle of parents simply the first. */
static known_t *
next_in_order(const pg_tables_t *self)
{
    known_t *first = NULL;
    for (size_t i = 0; i < self->n_tables; i++) {
        known_t *known = &self->tables[i];
        if (!known->placed && parents_are_placed(self, known))
            return known;
        if (!known->placed && first == NULL)
            first = known;
    }
    return first;
}

static void
order_tables(pg_tables_t *self)
{
    const size_t size = (self->n_tables + 1) * sizeof(pg_table_t *);
    self->ordered = arena_new(&self->arena, size);
    self->named = arena_new(&self->arena, size);
    for (size_t i = 0; i < self->n_tables; i++) {
        known_t *next = next_in_order(self);
        assert(next != NULL);
        next->placed = true;
        self->ordered[i] = next->table;
        self->named[i] = next->table;
    }
    qsort(self->named, self->n_tables, sizeof *self->named, by_name);
}

/*  ------------------------------------------------------------------------------ reading  */

static err_t
read_part(pg_t *pg, const char *sql, const settings_t *settings, PGresult **rows,
          fault_t *fault)
{
    if (sql == tables_sql)
        return pg_run(pg, sql, rows, fault, "tt", settings->postgres_schema,
                      settings->postgres_publication);
    return pg_run(pg, sql, rows, fault, "t", settings->postgres_schema);
}

static err_t
read_all(pg_t *pg, const settings_t *settings, pg_tables_t *self, fault_t *fault)
{
    static const struct {
        const char *sql;
        void (*take)(pg_tables_t *self, const PGresult *rows);
    } parts[] = {
        {tables_sql, take_tables}, {columns_sql, take_columns}, {parents_sql, take_parents}};
    err_t err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(parts); i++) {
        PGresult *rows = NULL;
        err = read_part(pg, parts[i].sql, settings, &rows, fault);
        if (err == OK)
            parts[i].take(self, rows);
        PQclear(rows);
    }
    return err;
}

/*  What was known before stays if this fails.  */
err_t
pg_tables_read(pg_t *pg, const settings_t *settings, pg_tables_t **self, fault_t *fault)
{
    pg_tables_t *fresh = mem_new(sizeof *fresh);
    const err_t err = read_all(pg, settings, fresh, fault);
    if (err != OK) {
        pg_tables_destroy(&fresh);
        return err;
    }
    order_tables(fresh);
    for (size_t i = 0; i < fresh->n_tables; i++)
        tables_find_fix(fresh, &fresh->tables[i], settings);
    if (*self == NULL)
        *self = mem_new(sizeof **self);
    arena_release(&(*self)->arena);
    **self = *fresh;
    free(fresh);
    return OK;
}

void
pg_tables_destroy(pg_tables_t **self)
{
    if (*self == NULL)
        return;
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

/*  ------------------------------------------------------------------------------- looking  */

size_t
pg_tables_count(const pg_tables_t *self)
{
    return self->n_tables;
}

const pg_table_t *
pg_tables_at(const pg_tables_t *self, size_t index)
{
    return self->ordered[index];
}

const pg_table_t *
pg_tables_find(const pg_tables_t *self, const char *name)
{
    const pg_table_t wanted = {.name = name};
    const pg_table_t *key = &wanted;
    pg_table_t *const *found =
        bsearch(&key, self->named, self->n_tables, sizeof *self->named, by_name);
    return found != NULL ? *found : NULL;
}

bool
pg_table_is_synchronised(const pg_table_t *self)
{
    return self->published && self->fix == NULL;
}

const pg_column_t *
pg_table_column(const pg_table_t *self, const char *name, size_t size)
{
    for (size_t i = 0; i < self->n_columns; i++) {
        const char *known = self->columns[i].name;
        if (strncmp(known, name, size) == 0 && known[size] == '\0')
            return &self->columns[i];
    }
    return NULL;
}

table_schema_t
pg_table_describe(const pg_table_t *self, arena_t *arena)
{
    table_schema_t schema = {.name = arena_text(arena, self->name)};
    schema.columns = arena_new(arena, (self->n_columns + 1) * sizeof *schema.columns);
    for (size_t i = 0; i < self->n_columns; i++) {
        const pg_column_t *column = &self->columns[i];
        if (column->generated)
            continue;
        schema.columns[schema.n_columns++] = (column_t){
            .name = arena_text(arena, column->name),
            .type = arena_text(arena, pg_shape_column(column->shape)),
            .key = column->key,
            .not_null = column->not_null,
        };
    }
    return schema;
}
