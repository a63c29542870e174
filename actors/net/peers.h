/*  peers - every connection of one actor, and the one place that tells of their end.  */

#pragma once

#include "actors/net/peer.h"

typedef struct peers {
    net_sink_t sink;
    net_limits_t limits;      /* of accepted connections */
    lws_retry_bo_t keepalive; /* the same */
    peer_t **all;             /* by rising conn */
    size_t n;
    size_t room;
    bool any_gone; /* some peer's close is to be reported */
    conn_t newest;
} peers_t;

peer_t *peers_add(peers_t *self, peer_state_t state, const net_limits_t *limits);
/*  NULL if it is gone, or never was.  */
peer_t *peers_find(const peers_t *self, conn_t conn);
/*  Its socket is no more. Once is enough, twice does no harm.  */
void peers_bury(peers_t *self, peer_t *peer);
/*  Reports and forgets the buried. True if there was any.  */
bool peers_report_gone(peers_t *self);
void peers_release(peers_t *self);
