/*  settings - what an agent or a server was told: by defaults, the config file, and the
    command line, in this order. config.def declares each key once.  */

#pragma once

#include "runtime/config.h"

typedef struct settings {
#define SECTION(name, roles, summary)
#define TEXT_KEY(section, name, value, summary) const char *section##_##name;
#define NUMBER_KEY(section, name, value, low, high, summary) int64_t section##_##name;
#define FLAG_KEY(section, name, value, summary) bool section##_##name;
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
} settings_t;

/*  config.def for the loader: fills a settings_t.  */
extern const config_table_t settings_table;
