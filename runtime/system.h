/*  system - what a process knows of itself: its actors, their links, counts and times.

    A host keeps one for each process, and each of its cells is in it for as long as it lives.
    The actor `system` tells others of it. Whoever asks runs in a thread of its own: counts are
    read as they stand (bus/counter.h), and the list of the actors is behind a lock that nobody
    takes to handle a message.  */

#pragma once

#include "runtime/actor.h"

typedef struct system system_t;

typedef struct system_options {
    const char *role;    /* agent or server */
    const char *run_dir; /* NULL: none */
    uint64_t pid;
    int64_t (*wall_us)(void *self); /* since 1970; any thread */
    void *self;
} system_options_t;

/*  For the host. options is copied; role and run_dir must outlive it.  */
system_t *system_new(const system_options_t *options);
/*  When every cell is gone.  */
void system_destroy(system_t **self);

/*  NULL where a cell is run outside of a process, as in some tests.  */
system_t *ctx_system(ctx_t *ctx);

/*  Each fills in an answer; its parts live until the end of the round.  */
void system_tree(ctx_t *ctx, tree_t *tree);
void system_stats(ctx_t *ctx, stats_t *stats);
void system_steps(ctx_t *ctx, const char *change, change_steps_t *steps);

/*  Address of the page that people can look at; the caller is the actor that serves it.  */
void system_note_monitor(ctx_t *ctx, const char *address);
/*  The same, for whoever tells others; empty: there is no page. It lives until the end of the
    round.  */
const char *system_monitor(ctx_t *ctx);
