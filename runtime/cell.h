/*  cell - what a host runs: one actor instance, its port, its timers, its restarts.

    All behaviour of the runtime that is not about threads or sockets is here, so that the
    threaded host and the simulator cannot differ: rounds, settling, redelivery after a
    failure, restart with backoff and an intensity limit, timers, requests and their
    deadlines, draining. A host brings messages in, asks when to call again, and moves
    frames out. Single-threaded: the host calls a cell from one thread only.  */

#pragma once

#include "bus/letter.h"
#include "bus/port.h"
#include "bus/tap.h"
#include "runtime/meters.h"
#include "runtime/net.h"
#include "runtime/system.h"

typedef struct cell cell_t;

/*  Who runs the cells of a process is called so on the bus.  */
#define SUPERVISOR "supervisor"

typedef enum cell_state {
    CELL_STARTING,
    CELL_RUNNING,
    CELL_BACKOFF,  /* failed; starts again by itself */
    CELL_DRAINING, /* takes what is there, starts nothing new */
    CELL_DRAINED,
    CELL_STOPPED,
    CELL_GIVEN_UP /* past its restart limit */
} cell_state_t;
const char *cell_state_name(cell_state_t state);

/*  What the host does for a cell. put, now_ns, random, wall_ms are the transport's.  */
typedef struct cell_host {
    transport_t transport; /* .dead is filled in by the cell */
    void (*log)(void *self, const log_line_t *line);
    void (*watch_fd)(void *self, int fd, int ready); /* 0: no more */
    void (*state)(void *self, cell_state_t state, const char *reason);
    void (*tap)(void *self, tap_point_t point, const envelope_t *envelope, bytes_t payload,
                err_t err); /* only while it is tapped, and the gate is open */
    tap_gate_t *gate;
    /*  NULL: there is no tap to watch.  */
    err_t (*watch_tap)(void *self, tap_want_t want);
    const char *settings_text; /* for recordings: the text of a config file; NULL: none */
    /*  Address of the monitor page; NULL: what the system knows.  */
    const char *(*monitor)(void *self);
    system_t *system; /* the process it is part of; NULL: none. Must outlive the cell.  */
} cell_host_t;

typedef struct cell_limits {
    uint32_t restarts, period_ms; /* intensity */
    uint32_t attempts;            /* deliveries of one message */
    uint32_t round;               /* lo messages between settles; 0: 128 */
    log_level_t log_level;
    bool log_steps; /* of changes, each as a line */
} cell_limits_t;

/*  host is copied; class and settings must outlive the cell.  */
cell_t *cell_new(const actor_class_t *class, const cell_host_t *host,
                 const cell_limits_t *limits, const void *settings, uint64_t epoch);
/*  Calls the actor's stop() if it runs; sends nothing.  */
void cell_destroy(cell_t **self);
const char *cell_name(const cell_t *self);
const actor_class_t *cell_class(const cell_t *self);
cell_state_t cell_state(const cell_t *self);
port_t *cell_port(cell_t *self);

/*  For an actor with net handlers: what its driver shall call, and the driver it shall use
    (before cell_start; NULL: net_ calls fail).  */
net_sink_t cell_sink(cell_t *self);
void cell_use_net(cell_t *self, const net_driver_t *driver, net_t *net);

/*  Calls the actor's start().  */
CHECKED err_t cell_start(cell_t *self, fault_t *fault);

/*  One message of either lane. The cell owns it from here on.  */
void cell_take(cell_t *self, letter_t *letter);
/*  May the host take another lo message now? False when parked, backing off, or the round is
    full.  */
bool cell_wants_lo(const cell_t *self);
/*  A descriptor that the actor watches is ready; 0: it is closed.  */
void cell_on_fd(cell_t *self, int fd, int ready);
/*  A record of the tap that the actor watches.  */
void cell_on_tapped(cell_t *self, const tap_record_t *record);
/*  Fires timers that are due, expires requests, restarts after a backoff. Then ends the round:
    settle(), done, credit. idle: nothing more is waiting. Call it after each batch.  */
void cell_turn(cell_t *self, bool idle);
/*  Milliseconds until cell_turn() has something to do by itself; -1: nothing planned.  */
int64_t cell_next_ms(cell_t *self);

/*  No new work; drain() is called, and the state becomes DRAINED once nothing is under way.  */
void cell_drain(cell_t *self);
/*  stop(), now.  */
void cell_stop(cell_t *self);
/*  The instance is lost as if it had failed: for the simulator's faults.  */
void cell_fail(cell_t *self, const char *why);
void cell_tap(cell_t *self, tap_want_t want);

/*  What it is busy with, for the report of a straggler; NULL: idle. Any thread.  */
const char *cell_busy_with(const cell_t *self);
/*  Any thread, as what follows.  */
uint64_t cell_restarts(const cell_t *self);
/*  So many records the tap had no room for, until now. For the host.  */
void cell_note_tap_lost(cell_t *self, uint64_t records);
/*  What it counts and remembers.  */
const meters_t *cell_meters(const cell_t *self);
/*  Dead letters so far by reason.  */
uint64_t cell_dead(const cell_t *self, err_t why);
