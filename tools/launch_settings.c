#include "tools/launch.h"

#include "bus/rundir.h"
#include "runtime/config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

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
