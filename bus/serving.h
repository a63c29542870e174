/*  serving - peers as actors that others write to: what they are sent, what they answer, and
    what becomes of it when they fall silent, leave or come back.

    A part of the gateway; runs on its thread.  */

#pragma once

#include "bus/gateway_private.h"

/*  A command or request whose `to` is a peer, from whoever `from` says: it is queued, or its
    sender is told why not.  */
void serving_accept(gateway_t *self, const envelope_t *envelope, blob_t *payload);
/*  An answer on its way to an actor or to a peer.  */
void serving_deliver(gateway_t *self, envelope_t *answer, blob_t *payload);

/*  The peer has acknowledged something.  */
void serving_on_credit(gateway_t *self, peer_t *peer);
/*  The peer answers; an error says why that answer is no answer.  */
CHECKED err_t serving_on_answer(gateway_t *self, peer_t *peer, const envelope_t *envelope,
                                bytes_t payload, fault_t *fault);
/*  Sends it what waits, as far as it may work ahead.  */
void serving_pump(gateway_t *self, peer_t *peer);

/*  A new process of the peer's name has come: it gets what the one before did not finish.  */
void serving_adopt(gateway_t *self, peer_t *peer, tasks_t *unfinished);
/*  Forgets what nobody waits for any more.  */
void serving_check(gateway_t *self, peer_t *peer);
/*  The peer is gone for good: whoever waits for it is told.  */
void serving_end(gateway_t *self, peer_t *peer, err_t why);
