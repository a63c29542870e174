#include "actors/agent/states.h"

#define X(name, text) [STATE_##name] = #name,
static const char *const state_names[] = {STATE_MAP(X)};
#undef X

#define X(name, text) [EVENT_##name] = #name,
static const char *const event_names[] = {EVENT_MAP(X)};
#undef X

/*  One more than the state, so that zero is none: the event means nothing there.  */
#define TO(state) (STATE_##state + 1)

/* clang-format off */
static const int transitions[STATE_COUNT][EVENT_COUNT] = {
    [STATE_offline] = {
        [EVENT_dial] = TO(connecting),
        [EVENT_disconnect] = TO(stopped),
    },
    [STATE_connecting] = {
        [EVENT_snapshot] = TO(initial),
        [EVENT_catchup] = TO(catchup),
        [EVENT_live] = TO(live),
        [EVENT_lost] = TO(offline),
        [EVENT_disconnect] = TO(stopped),
    },
    [STATE_initial] = {
        [EVENT_catchup] = TO(catchup),
        [EVENT_live] = TO(live),
        [EVENT_lost] = TO(offline),
        [EVENT_disconnect] = TO(stopped),
    },
    [STATE_catchup] = {
        [EVENT_snapshot] = TO(initial),
        [EVENT_live] = TO(live),
        [EVENT_lost] = TO(offline),
        [EVENT_disconnect] = TO(stopped),
    },
    [STATE_live] = {
        [EVENT_snapshot] = TO(initial),
        [EVENT_catchup] = TO(catchup),
        [EVENT_lost] = TO(offline),
        [EVENT_disconnect] = TO(stopped),
    },
    [STATE_stopped] = {
        [EVENT_connect] = TO(offline),
    },
};
/* clang-format on */

const char *
state_name(state_t state)
{
    return state_names[state];
}

const char *
event_name(event_t event)
{
    return event_names[event];
}

bool
state_is_connected(state_t state)
{
    return state == STATE_initial || state == STATE_catchup || state == STATE_live;
}

state_t
state_after(state_t state, event_t event)
{
    const int to = transitions[state][event];
    return to ? (state_t) (to - 1) : state;
}
