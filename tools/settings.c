/*  Settings of this process: defaults, then a file, then the command line.  */

#include "tools/settings_table.h"

#include "bus/rundir.h"
#include "tools/launch.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const config_section_t sections[] = {
#define SECTION(name, roles, summary) {#name, roles, summary},
#define TEXT_KEY(...)
#define NUMBER_KEY(...)
#define FLAG_KEY(...)
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};

#define AT(section, name) offsetof(settings_t, section##_##name)
static const config_key_t keys[] = {
#define SECTION(...)
#define TEXT_KEY(section, name, value, summary)                                                \
    {#section, #name, CONFIG_TEXT, value, 0, 0, AT(section, name), summary},
#define NUMBER_KEY(section, name, value, low, high, summary)                                   \
    {#section, #name, CONFIG_NUMBER, #value, low, high, AT(section, name), summary},
#define FLAG_KEY(section, name, value, summary)                                                \
    {#section, #name, CONFIG_FLAG, #value, 0, 0, AT(section, name), summary},
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};
/* clang-format on */

static const config_order_t orders[] = {
    {"connection.heartbeat_ms", "connection.silent_ms"},
};

const config_table_t settings_table = {
    .sections = sections,
    .n_sections = COUNT_OF(sections),
    .keys = keys,
    .n_keys = COUNT_OF(keys),
    .orders = orders,
    .n_orders = COUNT_OF(orders),
};

/*  An agent and a server of one person must not meet in one directory.  */
static void
choose_run_dir(const char *role, settings_t *settings)
{
    static char standard[PATH_MAX], server[PATH_MAX + sizeof "-server"];
    if (settings->process_run_dir[0])
        return;
    rundir_default(standard, sizeof standard);
    snprintf(server, sizeof server, "%s-server", standard);
    settings->process_run_dir = strcmp(role, "server") == 0 ? server : standard;
}

bool
launch_settings(const char *role, const char *file, const launch_option_t *options,
                settings_t *settings)
{
    static config_t config; /* the settings' texts live in it */
    fault_t fault = {0};
    config_defaults(&config, &settings_table, settings);
    err_t err = file ? config_load(&config, file, &fault) : OK;
    for (; err == OK && options->key; options++)
        if (options->value)
            err = config_set(&config, options->key, options->value, &fault);
    if (err == OK)
        err = config_check(&config, &fault);
    if (err != OK)
        complain("%s", fault.text);
    else
        choose_run_dir(role, settings);
    return err == OK;
}
