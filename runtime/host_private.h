/*  host_private - the inside of a host: host.c starts and stops it, host_plugins.c lets
    plug-ins come and go, host_watch.c looks after those who are stuck.  */

#pragma once

#include "bus/gateway.h"
#include "bus/rundir.h"
#include "runtime/crew.h"

#include <signal.h>

/*  A plug-in that this host runs.  */
typedef struct plug {
    struct plug *next;
    plugin_t *plugin;
} plug_t;

struct host {
    host_options_t options;
    crew_t crew;
    plug_t *plugs;
    system_t *system;
    void *zmq;
    rundir_t *rundir;
    gateway_t *gateway;
    tap_t *tap;
    int signals, wake;
    sigset_t old_mask;
    uint64_t epoch;    /* of the newest shell */
    void *crash_stack; /* of the main thread */
    bool started, doors_open, abandoned;
};

void host_say(host_t *self, const char *level, const char *text);
/*  A shell for that class, and a route to it.  */
CHECKED err_t host_make_shell(host_t *self, member_t *member, const actor_class_t *class,
                              fault_t *fault);
void host_drain_member(host_t *self, member_t *member);
/*  False: it is stuck, and must be left alone.  */
bool host_stop_member(host_t *self, member_t *member);

/*  host_watch.c: names those who are stuck since the last look.  */
void host_look_for_stuck(host_t *self);

/*  host_plugins.c: whatever actors have asked for by now.  */
void host_serve(host_t *self);
/*  A plug-in that failed too often goes, and the others go on.  */
void host_drop_failed(host_t *self);
void host_forget_plugins(host_t *self);
