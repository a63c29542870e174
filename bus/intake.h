/*  intake - everything from a peer is hostile until it has passed here.

    Knows no sockets and keeps nothing: looks at an unpacked envelope and its payload and
    says what they are, or which field is wrong.  */

#pragma once

#include "bus/ipc_frame.h"

/*  What a peer declares in its HELLO: it may take what can be sent to an actor, and may say
    events of its own, but none in Waybill's name.  */
CHECKED err_t intake_check_hello(const hello_t *hello, fault_t *fault);

/*  Who a message of a peer is for.  */
typedef struct target {
    const char *name; /* NULL: there is nobody of that name */
    bool offers;      /* it takes that type from programs that have joined */
} target_t;

/*  A message that a peer may send to that target: a request, a command or a hint, that is
    offered and fits its schema; or one of the target's own, which no schema here knows. On OK,
    draft is what goes on: nothing of the peer's but type, ids, times and its deadline is in
    it, its texts live as long as the envelope and the target; from is left out. Otherwise
    fault names the field.  */
CHECKED err_t intake_check(const envelope_t *envelope, bytes_t payload, const target_t *target,
                           envelope_t *draft, fault_t *fault);

/*  An answer of a peer, REP or ERR, to a request that it was handed.  */
CHECKED err_t intake_check_answer(const envelope_t *envelope, bytes_t payload,
                                  envelope_t *draft, fault_t *fault);
/*  An event of a peer; declared: its HELLO has named the type.  */
CHECKED err_t intake_check_event(const envelope_t *envelope, bytes_t payload, bool declared,
                                 envelope_t *draft, fault_t *fault);
