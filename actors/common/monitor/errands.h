/*  errands - what was asked of other actors, and for whom.

    A request over HTTP, a wish of a watcher and each look at the state is an errand: a question
    to another actor, and the way its answer takes from there. So many at a time, so that who
    asks faster than others answer costs nothing but a refusal.  */

#pragma once

#include "runtime/net.h"

typedef enum role { ROLE_agent, ROLE_server, ROLE_COUNT } role_t;

/*  Whose errand it is.  */
typedef enum errand_for {
    FOR_REQUEST,  /* over HTTP: conn is its request */
    FOR_ANSWER,   /* a watcher, for its question number ask */
    FOR_WATCHERS, /* everybody who watches */
} errand_for_t;

typedef struct view view_t; /* views.h */

typedef struct errand {
    uint64_t token; /* of the request on the bus */
    const view_t *view;
    errand_for_t whose;
    conn_t conn;
    uint64_t ask;
} errand_t;

enum { ERRANDS = 64 };

typedef struct errands {
    errand_t items[ERRANDS];
    size_t n;
    uint64_t last;
} errands_t;

/*  NULL: there are too many.  */
errand_t *errands_add(errands_t *self);
/*  False if there is none with that token.  */
bool errands_take(errands_t *self, uint64_t token, errand_t *errand);
/*  Whether one is under way, for everybody who watches, about that view.  */
bool errands_has(const errands_t *self, const view_t *view);
