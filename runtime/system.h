/*  system - what a process knows of itself: its actors, their links, counts and times.

    A host keeps one for each process, and each of its cells is in it for as long as it lives.
    The actor `system` tells others of it. Whoever asks runs in a thread of its own: counts are
    read as they stand (bus/counter.h), and the list of the actors is behind a lock that nobody
    takes to handle a message.  */

#pragma once

#include "bus/ipc_frame.h"
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

/*  A program has joined the process over ipc, or has left: hello is NULL. For
    gateway_options_t.  */
void system_note_joined(void *system, const char *name, const hello_t *hello);
/*  A message that a program which joined did not get. For gateway_options_t.  */
void system_note_dead(void *system, const envelope_t *envelope, bytes_t payload, err_t why);

/*  For its supervisor: an actor that is in one callback for longer than limit_ms. Each is found
    once; false: there is no other one. Look again and again: how long is known from looking. */
typedef struct stuck {
    char actor[NAME_ROOM + 1];
    char busy[NAME_ROOM + 1]; /* message or callback */
    uint64_t ms;
} stuck_t;
bool system_find_stuck(system_t *self, uint64_t now_ns, uint32_t limit_ms, stuck_t *stuck);

enum { DUMP_PATH = 256 };
/*  Writes the last messages of every actor to a file of the run directory (flight_file.h); of
    older ones a few are kept. stuck: the actor that is why; may be NULL.  */
CHECKED err_t system_dump(system_t *self, uint64_t now_ns, const char *stuck,
                          char path[DUMP_PATH], fault_t *fault);
/*  Drops the oldest of these files, if there are many.  */
void system_tidy_dumps(const char *run_dir);
/*  The last messages into an open file, from a signal handler.  */
bool system_dump_crash(const system_t *self, int fd, int signal, uint64_t now_ns);

/*  NULL where a cell is run outside of a process, as in some tests.  */
system_t *ctx_system(ctx_t *ctx);

/*  Each fills in an answer; its parts live until the end of the round.  */
void system_tree(ctx_t *ctx, tree_t *tree);
void system_stats(ctx_t *ctx, stats_t *stats);
void system_steps(ctx_t *ctx, const char *change, change_steps_t *steps);

/*  A message that a person sends. Only where tap.inject is set, which the caller looks at.  */
typedef struct system_letter {
    envelope_kind_t kind; /* CAST, REQ or EVT */
    const char *to;       /* NULL: an event, to whoever hears it */
    const char *type;
    bytes_t payload;
    uint64_t token; /* of a REQ: its answer comes to the caller's on_answer or on_error */
} system_letter_t;
/*  Never waits for credit: it is refused then, as anything that could not be handled.  */
CHECKED err_t system_send(ctx_t *ctx, const system_letter_t *letter, fault_t *fault);

/*  Messages that were not delivered: payloads with their secrets masked.  */
void system_dead_letters(ctx_t *ctx, const dead_letters_get_t *question,
                         dead_letters_t *letters);
/*  Sends it once more and forgets it; what a request answers is dropped.  */
CHECKED err_t system_requeue(ctx_t *ctx, uint64_t n, fault_t *fault);
/*  All that can be sent; gives their number.  */
uint64_t system_requeue_all(ctx_t *ctx);

/*  Address of the page that people can look at; the caller is the actor that serves it.  */
void system_note_monitor(ctx_t *ctx, const char *address);
/*  The same, for whoever tells others; empty: there is no page. It lives until the end of the
    round.  */
const char *system_monitor(ctx_t *ctx);
