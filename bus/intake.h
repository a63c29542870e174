/*  intake - everything from a peer is hostile until it has passed here.

    Knows no sockets and keeps nothing: looks at an unpacked envelope and its payload and
    says what they are, or which field is wrong.  */

#pragma once

#include "bus/port.h"

/*  A message that a peer may send to an actor: a request, a command or a hint, that fits
    its schema. actors is NULL-terminated. On OK, draft is what goes on: its texts are
    constants of ours, and nothing of the peer's but ids, times and its deadline is in it;
    from is left out. Otherwise fault names the field.  */
CHECKED err_t intake_check(const envelope_t *envelope, bytes_t payload,
                           const char *const *actors, envelope_t *draft, fault_t *fault);
