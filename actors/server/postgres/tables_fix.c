/*  What keeps a table from being synchronised, as the SQL that changes it.  */

#include "actors/server/postgres/tables_private.h"

#include "actors/common/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void
begin_alter(buffer_t *sql, const char *schema, const pg_table_t *table)
{
    buffer_add_text(sql, "ALTER TABLE ");
    pg_name(sql, schema);
    buffer_add_text(sql, ".");
    pg_name(sql, table->name);
}

/*  Not reserved, and free as far as one can see.  */
static void
add_other_name(buffer_t *sql, const char *name)
{
    char *other = mem_format("my_%s", name);
    pg_name(sql, other);
    free(other);
}

/*  --------------------------------------------------------------------------------- names  */

/*  The replica is SQLite's: names that differ in capitals alone are one.  */
static bool
is_second_of_its_name(const pg_tables_t *self, const pg_table_t *table)
{
    for (size_t i = 0; i < self->n_tables; i++) {
        const char *other = self->tables[i].table->name;
        if (strcasecmp(other, table->name) == 0 && strcmp(other, table->name) < 0)
            return true;
    }
    return false;
}

static bool
rename_table(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    const char *name = known->table->name;
    if (!name_is_reserved(name) && !is_second_of_its_name(self, known->table))
        return false;
    buffer_add_text(sql, " RENAME TO ");
    add_other_name(sql, name);
    return true;
}

static bool
rename_column(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    const pg_table_t *table = known->table;
    (void) self;
    for (size_t i = 1; i < table->n_columns; i++)
        for (size_t k = 0; k < i; k++) {
            if (strcasecmp(table->columns[i].name, table->columns[k].name) != 0)
                continue;
            buffer_add_text(sql, " RENAME COLUMN ");
            pg_name(sql, table->columns[i].name);
            buffer_add_text(sql, " TO ");
            add_other_name(sql, table->columns[i].name);
            return true;
        }
    return false;
}

/*  --------------------------------------------------------------------------------- keys  */

static bool
add_key(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    (void) self;
    if (known->table->n_keys > 0)
        return false;
    buffer_add_text(sql, " ADD PRIMARY KEY (...)");
    return true;
}

/*  A key that is computed is not sent by the database.  */
static bool
keep_key(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    const pg_table_t *table = known->table;
    (void) self;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key == 0 || !table->columns[i].generated)
            continue;
        buffer_add_text(sql, " ALTER COLUMN ");
        pg_name(sql, table->columns[i].name);
        buffer_add_text(sql, " DROP EXPRESSION");
        return true;
    }
    return false;
}

/*  The database takes no key for an identity that it checks at the end only.  */
static bool
make_key_immediate(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    (void) self;
    if (known->key_is_immediate)
        return false;
    buffer_add_text(sql, " DROP CONSTRAINT ..., ADD PRIMARY KEY (...) NOT DEFERRABLE");
    return true;
}

/*  ------------------------------------------------------------------------------ identity  */

/*  Of an updated or deleted row the log must name the key.  */
static bool
set_identity(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    const char identity = known->table->identity;
    (void) self;
    if (identity == 'd' || identity == 'f' || (identity == 'i' && known->key_is_identity))
        return false;
    buffer_add_text(sql, " REPLICA IDENTITY DEFAULT");
    return true;
}

static bool
set_logged(const pg_tables_t *self, const known_t *known, buffer_t *sql)
{
    (void) self;
    if (known->logged)
        return false;
    buffer_add_text(sql, " SET LOGGED");
    return true;
}

/*  --------------------------------------------------------------------------- publication  */

/*  What is left out would be missing at every agent.  */
static void
publish_whole(const known_t *known, const settings_t *settings, buffer_t *sql)
{
    static const char *const verbs[] = {" DROP TABLE ", " ADD TABLE "};
    buffer_clear(sql);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        buffer_add_text(sql, i > 0 ? "; ALTER PUBLICATION " : "ALTER PUBLICATION ");
        pg_name(sql, settings->postgres_publication);
        buffer_add_text(sql, verbs[i]);
        pg_name(sql, settings->postgres_schema);
        buffer_add_text(sql, ".");
        pg_name(sql, known->table->name);
    }
}

/*  -------------------------------------------------------------------------------- all  */

void
tables_find_fix(pg_tables_t *self, const known_t *known, const settings_t *settings)
{
    static bool (*const fixes[])(const pg_tables_t *self, const known_t *known,
                                 buffer_t *sql) = {
        rename_table, rename_column,      add_key,     keep_key,
        set_logged,   make_key_immediate, set_identity};
    bool found = false;
    buffer_t sql = {0};
    begin_alter(&sql, settings->postgres_schema, known->table);
    for (size_t i = 0; i < COUNT_OF(fixes) && !found; i++)
        found = fixes[i](self, known, &sql);
    if (!found && known->table->partial)
        publish_whole(known, settings, &sql);
    if (found || known->table->partial)
        known->table->fix = arena_text(&self->arena, buffer_text(&sql));
    buffer_release(&sql);
}
