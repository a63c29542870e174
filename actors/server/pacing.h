/*  pacing - chunks of a snapshot or a catch-up on their way to a client, until it has said
    that it has them.

    A client of the JSON encoding takes one at a time: it gets the next when it has named the
    last one by table and number. What it does not answer in a catch-up it gets again, and
    after a while the catch-up is given up. Our own agents are sent several ahead.  */

#pragma once

#include "actors/server/session.h"

void pacing_deliver(session_t *session, ctx_t *ctx, message_id_t id, const void *body,
                    const delivery_t *delivery);

void pacing_take_page(session_t *session, ctx_t *ctx, const clt_init_received_t *receipt);
void pacing_take_chunk(session_t *session, ctx_t *ctx, const clt_catchup_received_t *receipt);

/*  Its timer: sends again what it has not answered.  */
void pacing_remind(session_t *session, ctx_t *ctx);
