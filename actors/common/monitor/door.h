/*  door - who may look at the monitor page.

    What keeps strangers out: the address that it listens on, a token where others than this
    machine can reach it, the Host that a browser was told (a page of a stranger whose name
    was made to lead here says another one), the Origin of a WebSocket, and so many requests a
    second.  */

#pragma once

#include "actors/settings.h"
#include "runtime/net.h"

enum { DOOR_HOST_ROOM = 256 };

typedef struct door {
    char host[DOOR_HOST_ROOM]; /* of monitor.listen, without brackets */
    bool outside;              /* others than this machine can reach it */
    buffer_t token;            /* empty: none is asked for */
    uint64_t paid_us;          /* when the requests so far have used up their time */
} door_t;

/*  ERR_CONFIG, and the way out, if it would stand open, or if the token is none.  */
CHECKED err_t door_open(door_t *self, const settings_t *settings, fault_t *fault);
void door_close(door_t *self);

/*  Each request and each frame takes its share of a second. False: too many came.  */
bool door_charge(door_t *self, uint64_t now_us);
/*  Whether Host and Origin are of a page of ours. False, and answer says why, if not.  */
bool door_knows_origin(const door_t *self, const net_upgrade_t *upgrade, net_answer_t *answer);
/*  Whether the request brings the token. False, and answer says 401, if not.  */
bool door_knows_token(const door_t *self, const net_upgrade_t *upgrade, net_answer_t *answer);
