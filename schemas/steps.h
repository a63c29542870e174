/*  steps - the stations in the life of a change, from the application's call to every replica.

    Each process remembers the latest steps of the changes that pass through it
    (ctx_step()); `waybill tap trace` asks all of them and puts the journey together.  */

#pragma once

#include <stdbool.h>

/*  name, where it happens, what its detail is, text  */
#define STEP_MAP(X)                                                                            \
    X(asked, agent, none, "the application's call reached the recorder")                       \
    X(recorded, agent, none, "committed with its row in local_changes")                        \
    X(captured, agent, none, "taken over from the triggers")                                   \
    X(sent, agent, none, "in a frame to the server")                                           \
    X(received, server, session, "the frame came in")                                          \
    X(judged, server, none, "validator and executor have decided")                             \
    X(committed, server, lsn, "on the server's disk and in its change log, with its verdict")  \
    X(answered, server, session, "the verdict is in a frame to its client")                    \
    X(decided, agent, lsn, "the verdict is recorded")                                          \
    X(fetched, server, session, "read from the change log for a client")                       \
    X(distributed, server, session, "in a frame to a client")                                  \
    X(arrived, agent, lsn, "the frame came in at a replica")                                   \
    X(applied, agent, lsn, "committed at a replica, with its position")                        \
    X(held, agent, lsn, "set aside at a replica, which cannot write it yet")                   \
    X(refused, agent, none, "it was refused, and will be tried again")                         \
    X(parked, agent, none, "it waits for a person")                                            \
    X(retried, agent, none, "back in the outbox")                                              \
    X(closed, agent, none, "skipped or discarded by a person")

#define X(name, side, detail, text) STEP_##name,
typedef enum step_name { STEP_MAP(X) STEP_COUNT } step_name_t;
#undef X

typedef struct step_about {
    const char *name;
    const char *side;   /* agent or server */
    const char *detail; /* none, lsn or session */
    const char *text;
} step_about_t;

const step_about_t *step_about(step_name_t step);
/*  False if there is none of that name.  */
bool step_named(const char *name, step_name_t *step);
