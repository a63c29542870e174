/*  monitor - what the parts of the actor share.  */

#pragma once

#include "actors/common/monitor/door.h"
#include "actors/common/monitor/errands.h"
#include "actors/common/monitor/watchers.h"

enum { MONITOR_ADDRESS_ROOM = 300 };

/*  Timers.  */
enum { TIMER_TICK = 1 };

typedef struct monitor {
    role_t role;
    char address[MONITOR_ADDRESS_ROOM]; /* of the page; empty: there is none */
    door_t door;
    errands_t errands;
    watchers_t watchers;
    buffer_t identity; /* members of the state that never change; empty: not known yet */
    buffer_t state;    /* as the watchers have it */
    status_t counts;   /* its numbers, as the watchers have them */
    bool follows;      /* the tap is watched */
    bool lists_moved;  /* something has become of a change since the watchers were told */
} monitor_t;
