/*  why - the reason why a change is where it is, in a sentence, and what can be done.

    Reasons stand in a table, the first that holds is told: what has become of the change, what
    holds it back, and only then the connection.  */

#pragma once

#include "actors/agent/states.h"
#include "schemas/message.h"

/*  All that is looked at.  */
typedef struct why_facts {
    const char *id;
    const change_row_t *change; /* NULL: there is no such change */
    const change_row_t *holder; /* that it waits for, or was folded into; NULL: none */
    int64_t now;                /* wall clock */
    uint64_t attempts;          /* after which a refused change waits for a person */

    state_t state;      /* of the connection */
    const char *reason; /* of that state */
    uint64_t apart_ms;  /* for so long there has been no connection */
    int64_t retry_in;   /* ms until the next attempt to connect; 0: none is planned */

    bool sent;          /* on this connection */
    uint64_t silent_ms; /* since the server gave the last verdict, or was sent something */
    uint64_t in_flight; /* changes that are sent and undecided */
} why_facts_t;

/*  Texts are put into arena.  */
void why_tell(const why_facts_t *facts, arena_t *arena, change_reason_t *reason);
