#include "actors/net/channels.h"

#include <stdlib.h>
#include <string.h>

channel_t *
channels_add(channels_t *self, channel_state_t state, const net_limits_t *limits)
{
    if (self->n == self->room) {
        self->room = self->room == 0 ? 16 : self->room * 2;
        self->all = mem_grow(self->all, self->room * sizeof(channel_t *));
    }
    channel_t *channel = channel_new(++self->newest, &self->sink, limits);
    channel->state = state;
    channel->dialled = state == CHANNEL_DIALLING;
    channel->plain = state == CHANNEL_ASKED;
    self->all[self->n++] = channel;
    return channel;
}

static int
compare_conn(const void *conn, const void *channel)
{
    conn_t wanted = *(const conn_t *) conn;
    conn_t found = (*(channel_t *const *) channel)->conn;
    return (wanted > found) - (wanted < found);
}

channel_t *
channels_find(const channels_t *self, conn_t conn)
{
    if (self->n == 0)
        return NULL;
    channel_t **found = bsearch(&conn, self->all, self->n, sizeof(channel_t *), compare_conn);
    return found != NULL && (*found)->state != CHANNEL_GONE ? *found : NULL;
}

/*  What ended is reported later, from wait(), so that no callback comes out of dial(), and
    exactly one whichever way the library tells it.  */
void
channels_bury(channels_t *self, channel_t *channel)
{
    if (channel->socket != NULL)
        lws_set_opaque_user_data(channel->socket, NULL);
    channel->socket = NULL;
    if (channel->state == CHANNEL_DIALLING)
        channel_blame(channel, 0, "no connection", strlen("no connection"));
    channel_blame(channel, LWS_CLOSE_STATUS_ABNORMAL_CLOSE, "the connection broke",
                  strlen("the connection broke"));
    channel->unannounced = channel->state == CHANNEL_ACCEPTED;
    channel->state = CHANNEL_GONE;
    self->any_gone = true;
}

static void
report(channels_t *self, channel_t *channel)
{
    if (channel->plain)
        return;
    /* Accepted, and lost before the library said so: the listening side holds a token. */
    if (channel->unannounced)
        self->sink.open(self->sink.host, channel->conn, channel->token);
    self->sink.close(self->sink.host, channel->conn, channel->status, channel->reason);
}

/*  The gone leave the list before the sink hears of them: it may dial, or look for others.  */
bool
channels_report_gone(channels_t *self)
{
    if (!self->any_gone)
        return false;
    self->any_gone = false;
    channel_t **gone = mem_new(self->n * sizeof(channel_t *));
    size_t n_gone = 0;
    size_t n_kept = 0;
    for (size_t i = 0; i < self->n; i++)
        if (self->all[i]->state == CHANNEL_GONE)
            gone[n_gone++] = self->all[i];
        else
            self->all[n_kept++] = self->all[i];
    self->n = n_kept;

    for (size_t i = 0; i < n_gone; i++) {
        report(self, gone[i]);
        channel_destroy(&gone[i]);
    }
    free(gone);
    return true;
}

void
channels_release(channels_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        channel_destroy(&self->all[i]);
    free(self->all);
    *self = (channels_t){0};
}
