/*  host - runs actors on threads: one shell thread an actor, ZeroMQ between them, real time.

    The program adds actors in start order and calls host_run(), which blocks until a signal
    (SIGTERM, SIGINT, through signalfd) or host_stop(), then stops them in reverse: intake,
    drain, flush, stop, each with a deadline; a straggler is named. All of it is called from
    the main thread, but for host_stop(). While it runs, actors may ask it for plug-ins to come
   and go (ctx_supervise() with plugin_add, plugin_remove).  */

#pragma once

#include "runtime/log_levels.h"
#include "runtime/net.h"
#include "runtime/plugin.h"

typedef struct host host_t;

enum { MOST_ACTORS = 64 }; /* in one process */

typedef struct host_options {
    const char *name;        /* "agent" or "server", for logs */
    const char *run_dir;     /* NULL: no ipc endpoint, no tap */
    const net_driver_t *net; /* for actors with net handlers; NULL: none */
    bool open_border;        /* joined programs may send any actor anything: tap.inject */
    const void *settings;    /* what ctx_settings() gives; must outlive the host */
    /*  The same for recordings, as a config file; must outlive the host.  */
    const char *settings_text;
    log_level_t log_level;          /* what is not logged is not even formatted */
    const log_levels_t *log_levels; /* in its place, with exceptions; NULL: none; outlives it */
    bool log_steps;                 /* each step of each change as a line */
    uint32_t restart_limit;         /* restarts of one actor in restart_period_ms; 0: 5 */
    uint32_t restart_period_ms;     /* 0: 30000 */
    uint32_t attempts_limit;   /* deliveries of one message before it is a dead letter; 0: 3 */
    uint32_t stop_deadline_ms; /* per actor and phase; 0: 5000 */
    const char *program;       /* looks at plug-ins and runs them: see plugin.h; NULL: none */
    uint32_t stuck_ms;         /* in one callback for longer is reported; 0: 10000 */
    void (*log)(void *log_to, const log_line_t *line); /* NULL: stderr. Any thread. */
    void *log_to;
} host_options_t;

host_t *host_new(const host_options_t *options);
/*  Adds an actor; they start in the order added. class must outlive the host.  */
void host_add(host_t *self, const actor_class_t *class);
/*  Loads a plug-in and adds it, behind the first actor and before all others: so it hears them
   to their end.  */
CHECKED err_t host_add_plugin(host_t *self, const plugin_order_t *order, fault_t *fault);
/*  Checks the graph, locks the run directory, starts everybody. On an error nothing runs,
    and fault names who and why.  */
CHECKED err_t host_start(host_t *self, fault_t *fault);
/*  Blocks until stopped. OK after an ordered stop; ERR_FAILED when an actor was given up
    (past its restart limit); ERR_TIMEOUT when a straggler had to be abandoned.  */
CHECKED err_t host_run(host_t *self, fault_t *fault);
/*  Makes host_run() return. Any thread, any time.  */
void host_stop(host_t *self);
void host_destroy(host_t **self);

/*  The graph of parking edges among these classes. ERR_CONFIG and the cycle in fault,
    "a -> b -> a", with the ways out, if there is one.  */
CHECKED err_t lint_edges(const actor_class_t *const *classes, size_t n, fault_t *fault);
/*  What an actor offers, it also takes. ERR_CONFIG names the type.  */
CHECKED err_t lint_offers(const actor_class_t *const *classes, size_t n, fault_t *fault);
