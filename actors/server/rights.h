/*  rights - what users may read and write: the rules of all tables that have one.

    For one connection to the database: whoever reads or writes rows has rights of its own.
    A table without a rule costs nothing.  */

#pragma once

#include "actors/server/rule.h"

typedef struct rights rights_t;

/*  Compiles what the settings say. ERR_CONFIG names the key.  */
CHECKED err_t rights_open(db_t *db, catalog_t *catalog, const settings_t *settings,
                          rights_t **self, fault_t *fault);
/*  The same of a database that was fine when the server started: a table that is gone since
    has nothing to protect.  */
CHECKED err_t rights_open_later(db_t *db, catalog_t *catalog, const settings_t *settings,
                                rights_t **self, fault_t *fault);
/*  Before its database is closed.  */
void rights_close(rights_t **self);
/*  Again, if the schema has changed since.  */
CHECKED err_t rights_follow(rights_t *self, fault_t *fault);

/*  NULL: everybody may do anything with that table, as where self is NULL.  */
rule_t *rights_of(const rights_t *self, const char *table);
/*  A table that the settings have rules for, and the database has not; NULL: there is none.  */
const char *rights_missing(const rights_t *self);
/*  True for a table that is gone with its rule: the log may still have rows of it, and nobody
   can say who may read them.  */
bool rights_are_lost(const rights_t *self, const char *table);
/*  True if somebody may not read every row of every table.  */
bool rights_hide_rows(const rights_t *self);
/*  True if what may be read of some table depends on the rows of this one.  */
bool rights_depend_on(const rights_t *self, const char *table);

/*  All tables as clients are told of them: those without a key cannot be synchronised. In
    arena.  */
size_t rights_describe(const rights_t *self, arena_t *arena, table_schema_t **tables);
