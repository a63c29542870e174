/*  Which table the log means, and whether its replica still fits.  */

#include "actors/server/postgres/cache_private.h"

#include <stdlib.h>
#include <string.h>

static relation_t *
find(const cache_t *self, uint32_t id)
{
    for (size_t i = 0; i < self->n_relations; i++)
        if (self->relations[i].id == id)
            return &self->relations[i];
    return NULL;
}

static relation_t *
find_or_add(cache_t *self, uint32_t id)
{
    relation_t *found = find(self, id);
    if (found != NULL) {
        arena_clear(&found->told);
        replica_destroy(&found->replica);
        *found = (relation_t){.id = id, .told = found->told};
        return found;
    }
    self->relations =
        mem_grow(self->relations, (self->n_relations + 1) * sizeof *self->relations);
    found = &self->relations[self->n_relations++];
    *found = (relation_t){.id = id};
    return found;
}

static const char *
describe(const pgoutput_message_t *message, arena_t *arena)
{
    buffer_t text = {0};
    for (size_t i = 0; i < message->n_columns; i++) {
        const pgoutput_column_t *column = &message->columns[i];
        buffer_add_format(&text, "%u %d %s\n", column->type, column->modifier, column->name);
    }
    const char *kept = arena_text(arena, buffer_text(&text));
    buffer_release(&text);
    return kept;
}

void
cache_tell(cache_t *self, const pgoutput_message_t *message)
{
    relation_t *relation = find_or_add(self, message->relation);
    relation->table = arena_text(&relation->told, message->table);
    relation->foreign = strcmp(message->schema, self->settings->postgres_schema) != 0;
    relation->n = message->n_columns;
    relation->names =
        arena_new(&relation->told, (message->n_columns + 1) * sizeof *relation->names);
    relation->places =
        arena_new(&relation->told, (message->n_columns + 1) * sizeof *relation->places);
    relation->keys =
        arena_new(&relation->told, (message->n_columns + 1) * sizeof *relation->keys);
    for (size_t i = 0; i < message->n_columns; i++) {
        relation->names[i] = arena_text(&relation->told, message->columns[i].name);
        relation->keys[i] = message->columns[i].key;
    }
    relation->identity = message->identity;
    relation->columns = describe(message, &relation->told);
}

static void
forget_arriving(cache_t *self)
{
    replica_destroy(&self->arriving.replica);
    arena_release(&self->arriving.told);
    self->arriving = (relation_t){0};
}

void
cache_forget_relations(cache_t *self)
{
    forget_arriving(self);
    for (size_t i = 0; i < self->n_relations; i++) {
        replica_destroy(&self->relations[i].replica);
        arena_release(&self->relations[i].told);
    }
    free(self->relations);
    self->relations = NULL;
    self->n_relations = 0;
    self->misfit_relation = NULL;
}

/*  ---------------------------------------------------------------------- comparing  */

static bool
has_line(const char *text, const char *line, size_t size)
{
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
        if (strncmp(at, line, size) == 0)
            return true;
    return false;
}

/*  Is each line of the first one of the second? Lines end with their newline.  */
static bool
is_part_of(const char *few, const char *many)
{
    for (size_t size = 0; *few != '\0'; few += size) {
        size = strcspn(few, "\n") + 1;
        if (!has_line(many, few, size))
            return false;
    }
    return true;
}

static cache_misfit_t
compare_columns(const char *known, const char *told)
{
    if (strcmp(known, told) == 0)
        return CACHE_FITS;
    if (!is_part_of(known, told))
        return CACHE_OTHER_COLUMNS;
    return strlen(known) < strlen(told) ? CACHE_NEW_COLUMNS : CACHE_FITS;
}

static bool
names_old_row_by(const relation_t *relation, const char *column)
{
    for (size_t i = 0; i < relation->n; i++)
        if (relation->keys[i] && strcmp(relation->names[i], column) == 0)
            return true;
    return false;
}

/*  Whole rows tell nothing of the key, but have it.  */
static bool
has_other_key(cache_t *self, const relation_t *relation)
{
    const table_t *table = catalog_table(self->catalog, relation->table);
    if (table == NULL || relation->identity == '\0')
        return false;
    const table_schema_t replica = table_describe(table, &self->arena);
    for (size_t i = 0; i < replica.n_columns; i++) {
        const bool key = replica.columns[i].key != 0;
        const bool told = names_old_row_by(relation, replica.columns[i].name);
        if (key ? !told : told && relation->identity != 'f')
            return true;
    }
    return false;
}

static err_t
compare(cache_t *self, const relation_t *relation, cache_misfit_t *misfit, fault_t *fault)
{
    static const char sql[] = "SELECT columns, id FROM waybill_cache_tables WHERE tbl = ?1";
    err_t err = OK;
    *misfit = CACHE_UNKNOWN_TABLE;
    sqlite3_stmt *row = db_query(self->db, sql, fault, "t", relation->table);
    if (!db_step(self->db, row, &err, fault))
        return err;
    const uint32_t id = (uint32_t) sqlite3_column_int64(row, 1);
    *misfit = compare_columns(column_text(row, 0), relation->columns);
    sqlite3_reset(row);
    if (relation->id == 0)
        return OK;
    if ((id != 0 && id != relation->id) || has_other_key(self, relation))
        *misfit = CACHE_OTHER_TABLE;
    return id == 0 ? cache_remember_id(self, relation->table, relation->id, fault) : OK;
}

bool
cache_has_columns(cache_t *self, const char *table, const char *columns)
{
    fault_t unread = {0};
    cache_misfit_t misfit = CACHE_FITS;
    const relation_t now = {.table = table, .columns = columns};
    return compare(self, &now, &misfit, &unread) == OK
           && (misfit == CACHE_FITS || misfit == CACHE_NEW_COLUMNS);
}

/*  ----------------------------------------------------------------------- opening  */

static err_t
open_replica(cache_t *self, relation_t *relation, fault_t *fault)
{
    table_t *table = catalog_table(self->catalog, relation->table);
    if (table == NULL || table_key(table) == NULL)
        return fault_set(fault, ERR_CORRUPT, "the cache has no table %s with a key",
                         relation->table);
    relation->replica = replica_new(self->db, table, self->puts, self->journal, self->settings);
    for (size_t i = 0; i < relation->n; i++) {
        relation->places[i] = replica_place(relation->replica, relation->names[i]);
        if (relation->places[i] == replica_columns(relation->replica))
            return fault_set(fault, ERR_CORRUPT, "table %s of the cache has no column %s",
                             relation->table, relation->names[i]);
    }
    return OK;
}

static err_t
note_misfit(cache_t *self, cache_misfit_t misfit, const char *table, relation_t *relation,
            fault_t *fault)
{
    free(self->misfit_table);
    self->misfit = misfit;
    self->misfit_table = mem_text(table);
    self->misfit_relation = relation;
    return fault_set(fault, ERR_STALE, "table %s is not what it was", table);
}

static err_t
look_at(cache_t *self, relation_t *relation, fault_t *fault)
{
    cache_misfit_t misfit = CACHE_FITS;
    const err_t err = compare(self, relation, &misfit, fault);
    if (err != OK)
        return err;
    return misfit == CACHE_FITS ? open_replica(self, relation, fault)
                                : note_misfit(self, misfit, relation->table, relation, fault);
}

err_t
cache_relation(cache_t *self, uint32_t id, relation_t **relation, fault_t *fault)
{
    relation_t *found = find(self, id);
    *relation = NULL;
    if (found == NULL)
        return fault_set(fault, ERR_PROTOCOL,
                         "the database sent a row of a table that it did not describe");
    if (found->foreign || found->ignored)
        return OK;
    *relation = found;
    return found->replica != NULL ? OK : look_at(self, found, fault);
}

/*  A Relation message tells of it only when it is written to for the first time.  */
err_t
cache_new_table(cache_t *self, const char *table, replica_t **replica, fault_t *fault)
{
    relation_t *arriving = &self->arriving;
    cache_misfit_t misfit = CACHE_FITS;
    const bool same = arriving->table != NULL && strcmp(arriving->table, table) == 0;
    *replica = arriving->replica;
    if (same && (arriving->replica != NULL || arriving->ignored))
        return OK;
    forget_arriving(self);
    arriving->table = arena_text(&arriving->told, table);
    arriving->columns = "";
    err_t err = compare(self, arriving, &misfit, fault);
    if (err == OK && misfit == CACHE_UNKNOWN_TABLE)
        return note_misfit(self, CACHE_NEW_TABLE, table, NULL, fault);
    if (err == OK)
        err = open_replica(self, arriving, fault);
    *replica = arriving->replica;
    return err;
}

/*  ----------------------------------------------------------------------- misfits  */

cache_misfit_t
cache_misfit(const cache_t *self, const char **table)
{
    *table = self->misfit_table != NULL ? self->misfit_table : "";
    return self->misfit;
}

void
cache_ignore(cache_t *self, const char *table)
{
    for (size_t i = 0; i < self->n_relations; i++)
        if (strcmp(self->relations[i].table, table) == 0)
            self->relations[i].ignored = true;
    if (self->arriving.table != NULL && strcmp(self->arriving.table, table) == 0)
        self->arriving.ignored = true;
}

err_t
cache_remember_columns(cache_t *self, const char *table, const char *columns, fault_t *fault)
{
    static const char sql[] = "INSERT INTO waybill_cache_tables (tbl, columns) VALUES (?1, ?2)"
                              " ON CONFLICT (tbl) DO UPDATE SET columns = excluded.columns";
    return db_run(self->db, sql, NULL, fault, "tt", table, columns);
}

err_t
cache_remember_id(cache_t *self, const char *table, uint32_t id, fault_t *fault)
{
    static const char sql[] = "UPDATE waybill_cache_tables SET id = ?2 WHERE tbl = ?1";
    return db_run(self->db, sql, NULL, fault, "tu", table, (uint64_t) id);
}

static bool
was_told(const relation_t *relation, const char *name)
{
    for (size_t i = 0; i < relation->n; i++)
        if (strcmp(relation->names[i], name) == 0)
            return true;
    return false;
}

/*  Those columns of the schema that the log knows already.  */
static table_schema_t
leave_out_later(const relation_t *relation, const table_schema_t *schema, arena_t *arena)
{
    column_t *columns = arena_new(arena, (schema->n_columns + 1) * sizeof *columns);
    table_schema_t known = {.name = schema->name, .columns = columns};
    for (size_t i = 0; i < schema->n_columns; i++)
        if (was_told(relation, schema->columns[i].name))
            columns[known.n_columns++] = schema->columns[i];
    return known;
}

static err_t
make_fit(cache_t *self, const table_schema_t *schema, const char *columns, fault_t *fault)
{
    bool extended = false;
    const relation_t *relation = self->misfit_relation;
    const table_t *table = catalog_table(self->catalog, schema->name);
    const table_schema_t known = columns != NULL || relation == NULL
                                     ? *schema
                                     : leave_out_later(relation, schema, &self->arena);
    return table != NULL ? table_extend(table, &known, &extended, fault)
                         : table_create(self->db, &known, fault);
}

err_t
cache_fit(cache_t *self, const table_schema_t *schema, const char *columns, fault_t *fault)
{
    const relation_t *relation = self->misfit_relation;
    const char *now = columns != NULL ? columns : relation != NULL ? relation->columns : "";
    err_t err = cache_begin(self, fault);
    if (err == OK)
        err = make_fit(self, schema, columns, fault);
    if (err == OK)
        err = cache_remember_columns(self, schema->name, now, fault);
    if (err == OK)
        err = cache_refresh(self, fault);
    return err;
}

err_t
cache_describe(cache_t *self, const char *table, arena_t *arena, table_schema_t *schema,
               fault_t *fault)
{
    const table_t *found = catalog_table(self->catalog, table);
    if (found == NULL)
        return fault_set(fault, ERR_CORRUPT, "the cache has no table %s", table);
    *schema = table_describe(found, arena);
    return OK;
}
