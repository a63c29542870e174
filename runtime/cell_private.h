/*  cell_private - the inside of a cell, shared by cell.c (its life), turn.c (its time), round.c
    (messages) and context.c (what the actor may do).  */

#pragma once

#include "runtime/cell.h"
#include "runtime/requests.h"
#include "runtime/taping.h"
#include "runtime/timers.h"
#include "runtime/watched.h"

enum { RESTARTS_KEPT = 32 };

struct ctx {
    cell_t *cell;
};

/*  Connections of the present instance. Events of any other are dropped.  */
typedef struct conns {
    conn_t *items;
    size_t n, room;
} conns_t;

struct cell {
    ctx_t ctx;
    const actor_class_t *class;
    cell_host_t host;
    cell_limits_t limits;
    const void *settings;
    port_t *port;
    cell_state_t state;
    void *instance;
    timers_t timers;
    requests_t requests;
    arena_t arena;    /* of the round */
    buffer_t scratch; /* packing */

    /*  The round: lo letters admitted and not done, in order. Those before unhandled (there
        are n_handled) were handled by the present instance and wait for settle().  */
    letter_t *round, **round_last;
    letter_t **unhandled;
    size_t n_round, n_handled;
    letter_t *answers; /* hi letters of the round, kept because bodies point into them */
    bool active;       /* something was handled since the last settle */

    const letter_t *current; /* being handled; NULL: a timer, a descriptor, the network */
    uint64_t token;
    bool answered;
    fault_t refusal;

    uint64_t restart_at_ms;
    uint64_t failures_ms[RESTARTS_KEPT];
    counter_t restarts;
    bool drain_called;
    bool muted;            /* sends nothing: stopping */
    tap_want_t tapped;     /* what is offered to the tap now */
    tap_want_t tap_wanted; /* what it asked for */
    tap_want_t watching;   /* what the actor asked of it: then it is not tapped */

    const net_driver_t *driver;
    net_t *net;
    conns_t conns;
    int listening;     /* port, once the driver listens; 0 before */
    int fds[MOST_FDS]; /* watched by the actor */
    size_t n_fds;

    taping_t *taping;              /* NULL: it is not recorded */
    struct tape_order *tape_order; /* NULL: nobody asked for it */
    bool replayed;                 /* it lives on a tape (replay.h) */

    uint64_t last_uuid_ms, uuid_count;
    counter_t dead[ERR_COUNT];
    uint64_t lines_lost; /* since the last line that was not */
    counter_t answers_taken;
    counter_t tap_lost; /* records */
    unsigned untimed;   /* messages since one was timed */
    uint64_t clock_ns;  /* what the clock said last */
    watched_t *watched; /* the system's, if the cell is part of one */
    meters_t meters;
};

/*  What is offered to the tap: of the payload only its size if nobody asked for more.  */
static inline void
cell_offer(cell_t *self, tap_point_t point, const envelope_t *envelope, bytes_t payload,
           err_t err)
{
    if (envelope->flags & FLAG_NO_TAP)
        return;
    uint64_t sent = envelope->sent_ns;
    const flight_event_t event = {point, envelope, payload.size, err,
                                  self->clock_ns > sent ? self->clock_ns : sent};
    if (point != TAP_done)
        flight_add(&self->watched->flight, &event);
    if (self->tapped == TAP_NOTHING)
        return;
    if (self->host.gate->room == 0) {
        self->host.gate->turned_away++;
        return;
    }
    if (self->tapped == TAP_HEADERS)
        payload.data = NULL;
    self->host.tap(self->host.transport.self, point, envelope, payload, err);
}

/*  Around each input of a cell: one branch while it is not recorded.  */
#define TAPED(self, what, ...)                                                                 \
    do {                                                                                       \
        if ((self)->taping)                                                                    \
            taping_input((self)->taping, &(tape_event_t){.kind = what, __VA_ARGS__});          \
    } while (0)
#define TAPED_DONE(self)                                                                       \
    do {                                                                                       \
        if ((self)->taping)                                                                    \
            taping_done((self)->taping);                                                       \
    } while (0)

/*  round.c  */
void round_handle_pending(cell_t *self);
void round_answer(cell_t *self, letter_t *letter);
void round_settle(cell_t *self);
/*  After a failure: what to deliver again, and what has failed too often. culprit NULL: the
    whole round is suspect.  */
void round_blame(cell_t *self, const letter_t *culprit);
/*  Nobody will handle them any more.  */
void round_bury_all(cell_t *self, err_t why);
void round_release_all(cell_t *self);
/*  The instance is gone: whatever it has handled and not settled is to be handled again.  */
void round_forget_handling(cell_t *self);
/*  Tells the actor that a request of its came to nothing.  */
void round_tell_failure(cell_t *self, const request_t *request, err_t err, const char *text);

/*  cell.c  */
err_t cell_watch(cell_t *self, tap_want_t want);
void cell_set_state(cell_t *self, cell_state_t state, const char *reason);
/*  A callback is about to be called: that is what the actor is busy with, until it is judged.
 */
void cell_begin(cell_t *self, const char *what);
/*  What a callback returned: OK, or a refusal that nobody waits for, or a failure.  */
void cell_judge(cell_t *self, err_t err, const char *what);
void cell_forget_instance(cell_t *self);
/*  A new instance, after a backoff.  */
void cell_restart(cell_t *self);
uint64_t cell_now_ns(cell_t *self);
uint64_t cell_now_ms(cell_t *self);
/*  Can callbacks of the instance be called?  */
bool cell_lives(const cell_t *self);

/*  cell_state.c  */
void cell_pack_state(const cell_t *self, buffer_t *out);
/*  For a cell that has not started. False: that is no such state.  */
CHECKED bool cell_take_state(cell_t *self, bytes_t state);

/*  context.c  */
/*  Sends or publishes the payload in scratch, which was begun as a blob.  */
err_t cell_dispatch(cell_t *self, envelope_t *draft, uint8_t sent_id[16]);
void cell_send_error(cell_t *self, const char *to, const uint8_t corr[16], err_t err,
                     const char *text);
