/*  address - HOST:PORT and ws[s]://HOST:PORT/PATH taken apart.  */

#pragma once

#include "schemas/base.h"

enum { HOST_ROOM = 256, TARGET_ROOM = 2048 };

typedef struct address {
    char host[HOST_ROOM]; /* without brackets; empty: every interface */
    int port;
} address_t;

typedef struct url {
    bool secure; /* wss */
    address_t address;
    char target[TARGET_ROOM]; /* path and query, at least "/" */
} url_t;

/*  HOST:PORT, [V6]:PORT or *:PORT; port 0 is allowed.  */
CHECKED err_t address_parse(const char *text, address_t *out, fault_t *fault);
/*  ws://HOST[:PORT][/PATH][?QUERY], or wss; without a port it is 80 or 443. A token in the
    query is refused: URLs end up in logs.  */
CHECKED err_t url_parse(const char *text, url_t *out, fault_t *fault);
/*  Whether what goes there stays on this machine.  */
bool address_is_loopback(const address_t *self);
/*  Asks the system whether this can be listened on, and why not; host becomes numeric. The
    WebSocket library does not tell, and waits for addresses that this machine lacks.  */
CHECKED err_t address_probe(address_t *self, fault_t *fault);
/*  The errno of a failed attempt to listen, for a person.  */
err_t address_refuse(const address_t *self, int cause, fault_t *fault);
