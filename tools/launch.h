/*  launch - makes an agent or a server of this process.  */

#pragma once

#include "actors/settings.h"
#include "runtime/host.h"
#include "tools/verb.h"

/*  What the command line says about one key of config.def; value NULL: nothing.  */
typedef struct launch_option {
    const char *key; /* "agent.db" */
    const char *value;
} launch_option_t;

/*  The settings of that role ("agent" or "server"): defaults, then the file (NULL: none),
    then the options, ended by {0}. An empty run_dir becomes the default one. False after a
    complaint. They live until the end of the process.  */
bool launch_settings(const char *role, const char *file, const launch_option_t *options,
                     settings_t *settings);

/*  Adds a plug-in of the config file.  */
CHECKED err_t launch_plugin(host_t *host, const plugin_settings_t *settings, fault_t *fault);

typedef struct launch {
    const char *role;
    const settings_t *settings;
    const actor_class_t *const *actors; /* NULL-terminated */
    const net_driver_t *net;
    void (*ready)(void *ready_to, host_t *host); /* all have started */
    void *ready_to;
} launch_t;

/*  Runs them until somebody stops the process. Gives the exit status, after a complaint if
    it is not 0.  */
int launch_run(const launch_t *self);
