/*  gate - who is let in by the listener, as whom, and for how long.

    Users are checked before anything is kept for a peer; again when their token expires,
    and every half an hour, because a token may be taken away from somebody who is connected.
    The files are read again then, and when a token is not known, at most once a second. If
    they cannot be read any more, what was read before stands.  */

#pragma once

#include "actors/server/registry.h"
#include "actors/server/session.h"

typedef struct gate {
    auth_t *auth;
    registry_t *registry; /* for who owns a client id; NULL: users are not known */
    uint64_t read_ms;
} gate_t;

CHECKED err_t gate_open(gate_t *self, ctx_t *ctx, fault_t *fault);
void gate_close(gate_t *self);

/*  Fills who it is in visitor. False, and answer says 401, if nobody.  */
bool gate_admit(gate_t *self, ctx_t *ctx, const net_upgrade_t *upgrade, visitor_t *visitor,
                net_answer_t *answer);
/*  False, and answer says 403, if the client id belongs to somebody else.  */
bool gate_check_owner(gate_t *self, ctx_t *ctx, const net_upgrade_t *upgrade,
                      const visitor_t *visitor, net_answer_t *answer);

/*  The session has opened: arms the timer of its number, which calls gate_recheck().  */
void gate_watch(const gate_t *self, ctx_t *ctx, const session_t *session);
/*  Closes the session if its token is not good any more.  */
void gate_recheck(gate_t *self, ctx_t *ctx, session_t *session);
