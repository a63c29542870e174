/*  states - of the connection to the server, and what moves it from one to another.  */

#pragma once

#include <stdbool.h>

#define STATE_MAP(X)                                                                           \
    X(offline, "not connected; the next attempt is planned")                                   \
    X(connecting, "on the way to the server")                                                  \
    X(initial, "a snapshot is coming in")                                                      \
    X(catchup, "missed transactions are coming in")                                            \
    X(live, "every transaction comes at once")                                                 \
    X(stopped, "told to stay down")

#define X(name, text) STATE_##name,
typedef enum state { STATE_MAP(X) STATE_COUNT } state_t;
#undef X

#define EVENT_MAP(X)                                                                           \
    X(dial, "an attempt to connect begins")                                                    \
    X(snapshot, "the server begins a snapshot")                                                \
    X(catchup, "the server begins a catch-up")                                                 \
    X(live, "the catch-up has ended")                                                          \
    X(lost, "the connection is gone, or did not come about")                                   \
    X(connect, "somebody wants it connected")                                                  \
    X(disconnect, "somebody wants it down")

#define X(name, text) EVENT_##name,
typedef enum event { EVENT_MAP(X) EVENT_COUNT } event_t;
#undef X

const char *state_name(state_t state);
const char *event_name(event_t event);
/*  The server has answered, and not left since.  */
bool state_is_connected(state_t state);
/*  The state after the event; the same if it means nothing there.  */
state_t state_after(state_t state, event_t event);
