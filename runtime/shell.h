/*  shell - one thread that runs one cell: sockets, real time, and the wait between turns.

    Made and destroyed by the host, which is called "supervisor" on the bus: it tells the
    shell to start, drain and stop by CONTROL messages, and is told of every change of state
    by one.  */

#pragma once

#include "bus/postbox.h"
#include "bus/tap.h"
#include "runtime/cell.h"
#include "runtime/log_levels.h"

#include <time.h>

typedef struct shell shell_t;

typedef struct shell_options {
    void *zmq;
    system_t *system;
    const net_driver_t *net;
    bool tap; /* there is one */
    const void *settings;
    const char *settings_text; /* for recordings; may be NULL */
    cell_limits_t limits;
    const log_levels_t *log_levels; /* NULL: as limits say */
    uint64_t epoch;
    void (*log)(void *log_to, const log_line_t *line);
    void *log_to;
} shell_options_t;

/*  Binds the inboxes; no thread yet. NULL and fault if that fails. options is copied.  */
shell_t *shell_new(const actor_class_t *class, const shell_options_t *options, fault_t *fault);
/*  Allows it to send there.  */
void shell_know(shell_t *self, const char *name);
/*  Starts the thread, which waits for a `start`.  */
CHECKED err_t shell_launch(shell_t *self, fault_t *fault);
/*  Waits for the thread to end, until the deadline; false: it is stuck.  */
bool shell_join(shell_t *self, const struct timespec *deadline);
/*  Only after a join that returned true, or before a launch.  */
void shell_destroy(shell_t **self);

const char *shell_name(const shell_t *self);
/*  What its actor is busy with; NULL: idle. Any thread.  */
const char *shell_busy_with(const shell_t *self);
/*  Before launch: events it publishes go to subscriber too.  */
void shell_subscribe(shell_t *self, const char *pattern, const char *subscriber);
