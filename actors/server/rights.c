#include "actors/server/rights.h"

#include <stdlib.h>
#include <string.h>

struct rights {
    db_t *db;
    catalog_t *catalog;
    const settings_t *settings;
    int64_t version; /* of the schema that the rules were compiled for */
    rule_t **rules;
    size_t n;
};

static void
forget(rights_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        rule_destroy(&self->rules[i]);
    self->n = 0;
    self->version = -1;
}

static err_t
compile(rights_t *self, bool missing_is_fine, fault_t *fault)
{
    err_t err = OK;
    forget(self);
    for (size_t i = 0; err == OK && i < self->settings->n_tables; i++) {
        const table_settings_t *wanted = &self->settings->tables[i];
        if (!rule_is_needed(wanted)
            || (missing_is_fine && catalog_table(self->catalog, wanted->name) == NULL))
            continue;
        err = rule_compile(self->db, self->catalog, wanted, &self->rules[self->n], fault);
        self->n += err == OK;
    }
    if (err == OK)
        self->version = db_number(self->db, "PRAGMA schema_version", -1);
    else
        forget(self);
    return err;
}

static size_t
count_needed(const settings_t *settings)
{
    size_t n = 0;
    for (size_t i = 0; i < settings->n_tables; i++)
        n += rule_is_needed(&settings->tables[i]);
    return n;
}

static err_t
begin(const rights_t *wanted, bool missing_is_fine, rights_t **self, fault_t *fault)
{
    const size_t needed = count_needed(wanted->settings);
    *self = mem_new(sizeof **self);
    **self = *wanted;
    if (needed == 0)
        return OK;
    (*self)->rules = mem_new(needed * sizeof(rule_t *));
    const err_t err = compile(*self, missing_is_fine, fault);
    if (err != OK)
        rights_close(self);
    return err;
}

err_t
rights_open(db_t *db, catalog_t *catalog, const settings_t *settings, rights_t **self,
            fault_t *fault)
{
    const rights_t wanted = {.db = db, .catalog = catalog, .settings = settings};
    return begin(&wanted, false, self, fault);
}

err_t
rights_open_later(db_t *db, catalog_t *catalog, const settings_t *settings, rights_t **self,
                  fault_t *fault)
{
    const rights_t wanted = {.db = db, .catalog = catalog, .settings = settings};
    return begin(&wanted, true, self, fault);
}

void
rights_close(rights_t **self)
{
    if (*self == NULL)
        return;
    forget(*self);
    free((*self)->rules);
    free(*self);
    *self = NULL;
}

err_t
rights_follow(rights_t *self, fault_t *fault)
{
    if (self->rules == NULL
        || db_number(self->db, "PRAGMA schema_version", -1) == self->version)
        return OK;
    const err_t err = catalog_refresh(self->catalog, fault);
    return err == OK ? compile(self, true, fault) : err;
}

rule_t *
rights_of(const rights_t *self, const char *table)
{
    for (size_t i = 0; self != NULL && i < self->n; i++)
        if (strcmp(rule_table(self->rules[i]), table) == 0)
            return self->rules[i];
    return NULL;
}

const char *
rights_missing(const rights_t *self)
{
    for (size_t i = 0; i < self->settings->n_tables; i++) {
        const table_settings_t *table = &self->settings->tables[i];
        if (rule_is_needed(table) && rights_of(self, table->name) == NULL)
            return table->name;
    }
    return NULL;
}

bool
rights_are_lost(const rights_t *self, const char *table)
{
    return self != NULL && rights_of(self, table) == NULL
           && rule_is_needed(settings_of_table(self->settings, table));
}

bool
rights_hide_rows(const rights_t *self)
{
    for (size_t i = 0; self != NULL && i < self->n; i++)
        if (rule_asks(self->rules[i], RIGHT_READ))
            return true;
    return false;
}

bool
rights_depend_on(const rights_t *self, const char *table)
{
    for (size_t i = 0; i < self->n; i++)
        if (rule_depends_on(self->rules[i], table))
            return true;
    return false;
}

size_t
rights_describe(const rights_t *self, arena_t *arena, table_schema_t **tables)
{
    const size_t n = catalog_count(self->catalog);
    size_t described = 0;
    *tables = arena_new(arena, (n + 1) * sizeof **tables);
    for (size_t i = 0; i < n; i++) {
        const table_t *table = catalog_at(self->catalog, i);
        if (table_key(table) == NULL)
            continue;
        const rule_t *rule = rights_of(self, table_name(table));
        (*tables)[described] = table_describe(table, arena);
        if (rule)
            rule_describe(rule, &(*tables)[described]);
        described++;
    }
    return described;
}
