/*  settings - what an agent or a server was told: by defaults, the config file, and the
    command line, in this order. config.def declares each key once.  */

#pragma once

#include "runtime/config.h"

#define SECTION(name, roles, summary)
#define TEXT_KEY(section, name, value, summary) const char *section##_##name;
#define CHOICE_KEY(section, name, value, choices, summary) const char *section##_##name;
#define NUMBER_KEY(section, name, value, low, high, summary) int64_t section##_##name;
#define FLAG_KEY(section, name, value, summary) bool section##_##name;

/*  What one table of the application was given: tables_capture, tables_read, ...  */
typedef struct table_settings {
    const char *name;
#include "actors/config_tables.def"
} table_settings_t;

/*  One plug-in: plugins_file, plugins_isolation, and settings of its own.  */
typedef struct plugin_settings {
    const char *name;
    config_extras_t own;
#include "actors/config_plugins.def"
} plugin_settings_t;

typedef struct settings {
#include "actors/config.def"
    table_settings_t *tables; /* in the order of the file */
    size_t n_tables;
    plugin_settings_t *plugins; /* the same */
    size_t n_plugins;
} settings_t;

#undef SECTION
#undef TEXT_KEY
#undef CHOICE_KEY
#undef NUMBER_KEY
#undef FLAG_KEY

/*  Of that table, or the defaults if the file does not name it.  */
const table_settings_t *settings_of_table(const settings_t *self, const char *name);

/*  True if server.db is the address of a PostgreSQL database.  */
bool settings_on_postgres(const settings_t *self);
/*  server.db as people may see it: the file, or postgres://USER@HOST/DATABASE without password
   and parameters. Maybe in arena.  */
const char *settings_database(const settings_t *self, arena_t *arena);
/*  The SQLite file that a server sends its clients rows from: its database, or its cache of
    one in PostgreSQL.  */
const char *settings_server_file(const settings_t *self);

/*  config.def and config_tables.def for the loader: fills a settings_t.  */
extern const config_table_t settings_table;
