/*  members - who has joined: coming, staying alive, leaving, and what is said to them.

    A part of the gateway; runs on its thread.  */

#pragma once

#include "bus/gateway_private.h"

peer_t *members_find(gateway_t *self, const char *name);

/*  The peer of that HELLO: the one we know, or a new one. NULL: it was refused. lowest is the
    number of the first message that can still come from it.  */
peer_t *members_for_hello(gateway_t *self, const hello_t *hello, uint64_t lowest);
/*  Answers the HELLO, and sends what the peer has missed.  */
void members_welcome(gateway_t *self, peer_t *peer, const hello_t *hello);
/*  Whoever waits for it is told why it will not answer.  */
void members_forget(gateway_t *self, peer_t *peer, err_t why);

/*  For those who are not (or no longer) attached.  */
void members_ask_for_hello(gateway_t *self, const char *name);
void members_refuse(gateway_t *self, const char *name, const char *why);
/*  An error reply from us.  */
void members_answer_error(peer_t *peer, const envelope_t *request, const fault_t *fault);
/*  An error reply as actor gives it; `to` is the caller's.  */
blob_t *members_pack_error(const char *actor, const envelope_t *request, const fault_t *fault,
                           envelope_t *answer);

bool members_want(gateway_t *self, const char *pattern);
void members_drop_pattern(gateway_t *self, peer_t *peer, const char *pattern);

/*  Asks the silent, gives up on the dead, forgets the gone.  */
void members_check(gateway_t *self);
/*  Milliseconds until members_check() has something to do; -1: nobody is here.  */
long members_next_ms(gateway_t *self);
/*  Says BYE to all and forgets them.  */
void members_dismiss(gateway_t *self);
