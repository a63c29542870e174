#include "tools/launch.h"

#include "actors/common/log_text.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*  ------------------------------------------------------------------------- logging  */

/*  Lines that no logger takes: of actors that start, and of the host. While they start they
    are kept: if it comes to nothing, one complaint says why.  */
typedef struct log {
    pthread_mutex_t lock;
    log_levels_t levels;
    bool json;
    bool started;
    buffer_t kept;
} log_t;

static void
write_line(void *log_to, const log_line_t *line)
{
    log_t *self = log_to;
    log_level_t level = LOG_error;
    (void) log_level_named(line->level, &level);
    if (level > log_levels_of(&self->levels, line->actor))
        return;
    pthread_mutex_lock(&self->lock);
    (self->json ? log_text_json : log_text_plain)(line, &self->kept);
    if (self->started) {
        fwrite(self->kept.data, 1, self->kept.size, stderr);
        buffer_clear(&self->kept);
    }
    pthread_mutex_unlock(&self->lock);
}

static void
release_lines(log_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->started = true;
    fwrite(buffer_text(&self->kept), 1, self->kept.size, stderr);
    buffer_clear(&self->kept);
    pthread_mutex_unlock(&self->lock);
}

/*  ------------------------------------------------------------------------- running  */

static host_t *
make_host(const launch_t *self, log_t *log, const char *settings_text)
{
    host_t *host = host_new(&(host_options_t){
        .name = self->role,
        .run_dir = self->settings->process_run_dir,
        .net = self->net,
        .open_border = self->settings->tap_inject,
        .settings = self->settings,
        .settings_text = settings_text,
        .log_levels = &log->levels,
        .log_steps = self->settings->process_log_steps,
        .program = "/proc/self/exe",
        .restart_limit = (uint32_t) self->settings->process_restart_limit,
        .restart_period_ms = (uint32_t) self->settings->process_restart_ms,
        .stuck_ms = (uint32_t) self->settings->tap_stuck_ms,
        .log = write_line,
        .log_to = log,
    });
    for (const actor_class_t *const *class = self->actors; *class; class ++)
        if ((*class)->is_wanted == NULL || (*class)->is_wanted(self->settings))
            host_add(host, *class);
    return host;
}

/*  Before anything runs: whoever wrote the file is told at once.  */
static bool
add_plugins(const launch_t *self, host_t *host)
{
    for (size_t i = 0; i < self->settings->n_plugins; i++) {
        fault_t fault = {0};
        if (launch_plugin(host, &self->settings->plugins[i], &fault) == OK)
            continue;
        complain("%s", fault.text);
        return false;
    }
    return true;
}

static int
run(const launch_t *self, host_t *host, log_t *log)
{
    fault_t fault = {0};
    if (host_start(host, &fault) != OK)
        return complain("%s", fault.text), STATUS_USAGE;
    release_lines(log);
    self->ready(self->ready_to, host);
    if (host_run(host, &fault) != OK)
        return complain("%s", fault.text), STATUS_NO;
    return STATUS_DONE;
}

/*  Its count of memory, which nobody reads, is one lock for all threads at every allocation. */
static void
quicken_sqlite(void)
{
    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/*  A core would hold rows and tokens.  */
static void
forgo_cores(void)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        complain("core dumps cannot be turned off: %s", strerrordesc_np(errno));
}

/*  Recordings hold the settings, and are given to others.  */
static void
write_settings(const settings_t *settings, buffer_t *text)
{
    arena_t arena = {0};
    settings_t shown = *settings;
    shown.server_db = settings_database(settings, &arena);
    config_write(&settings_table, &shown, text);
    arena_release(&arena);
}

int
launch_run(const launch_t *self)
{
    forgo_cores();
    quicken_sqlite();
    fault_t fault = {0};
    log_t log = {.lock = PTHREAD_MUTEX_INITIALIZER,
                 .json = strcmp(self->settings->process_log_format, "json") == 0};
    if (log_levels_read(&log.levels, self->settings->process_log_level, &fault) != OK)
        return complain("%s", fault.text), STATUS_USAGE;
    buffer_t text = {0};
    write_settings(self->settings, &text);
    host_t *host = make_host(self, &log, buffer_text(&text));
    int status = add_plugins(self, host) ? run(self, host, &log) : STATUS_USAGE;
    host_destroy(&host);
    buffer_release(&text);
    buffer_release(&log.kept);
    return status;
}
