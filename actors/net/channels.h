/*  channels - every connection of one actor, and the one place that tells of their end.  */

#pragma once

#include "actors/net/channel.h"

typedef struct channels {
    net_sink_t sink;
    net_limits_t limits;      /* of accepted connections */
    lws_retry_bo_t keepalive; /* the same */
    channel_t **all;          /* by rising conn */
    size_t n;
    size_t room;
    bool any_gone; /* some channel's close is to be reported */
    conn_t newest;
    size_t peers; /* sockets that the listener has, whatever they are or will be */
} channels_t;

channel_t *channels_add(channels_t *self, channel_state_t state, const net_limits_t *limits);
/*  NULL if it is gone, or never was.  */
channel_t *channels_find(const channels_t *self, conn_t conn);
/*  Its socket is no more. Once is enough, twice does no harm.  */
void channels_bury(channels_t *self, channel_t *channel);
/*  Reports and forgets the buried. True if there was any.  */
bool channels_report_gone(channels_t *self);
void channels_release(channels_t *self);
