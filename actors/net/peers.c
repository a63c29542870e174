#include "actors/net/peers.h"

#include <stdlib.h>
#include <string.h>

peer_t *
peers_add(peers_t *self, peer_state_t state, const net_limits_t *limits)
{
    if (self->n == self->room) {
        self->room = self->room == 0 ? 16 : self->room * 2;
        self->all = mem_grow(self->all, self->room * sizeof(peer_t *));
    }
    peer_t *peer = peer_new(++self->newest, &self->sink, limits);
    peer->state = state;
    self->all[self->n++] = peer;
    return peer;
}

static int
compare_conn(const void *conn, const void *peer)
{
    conn_t wanted = *(const conn_t *) conn;
    conn_t found = (*(peer_t *const *) peer)->conn;
    return (wanted > found) - (wanted < found);
}

peer_t *
peers_find(const peers_t *self, conn_t conn)
{
    if (self->n == 0)
        return NULL;
    peer_t **found = bsearch(&conn, self->all, self->n, sizeof(peer_t *), compare_conn);
    return found != NULL && (*found)->state != PEER_GONE ? *found : NULL;
}

/*  What ended is reported later, from wait(), so that no callback comes out of dial(), and
    exactly one whichever way the library tells it.  */
void
peers_bury(peers_t *self, peer_t *peer)
{
    if (peer->socket != NULL)
        lws_set_opaque_user_data(peer->socket, NULL);
    peer->socket = NULL;
    if (peer->state == PEER_DIALLING)
        peer_blame(peer, 0, "no connection", strlen("no connection"));
    peer_blame(peer, LWS_CLOSE_STATUS_ABNORMAL_CLOSE, "the connection broke",
               strlen("the connection broke"));
    peer->unannounced = peer->state == PEER_ACCEPTED;
    peer->state = PEER_GONE;
    self->any_gone = true;
}

static void
report(peers_t *self, peer_t *peer)
{
    /* Accepted, and lost before the library said so: the listening side holds a token. */
    if (peer->unannounced)
        self->sink.open(self->sink.host, peer->conn, peer->token);
    self->sink.close(self->sink.host, peer->conn, peer->status, peer->reason);
}

/*  The gone leave the list before the sink hears of them: it may dial, or look for peers.  */
bool
peers_report_gone(peers_t *self)
{
    if (!self->any_gone)
        return false;
    self->any_gone = false;
    peer_t **gone = mem_new(self->n * sizeof(peer_t *));
    size_t n_gone = 0;
    size_t n_kept = 0;
    for (size_t i = 0; i < self->n; i++)
        if (self->all[i]->state == PEER_GONE)
            gone[n_gone++] = self->all[i];
        else
            self->all[n_kept++] = self->all[i];
    self->n = n_kept;

    for (size_t i = 0; i < n_gone; i++) {
        report(self, gone[i]);
        peer_destroy(&gone[i]);
    }
    free(gone);
    return true;
}

void
peers_release(peers_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        peer_destroy(&self->all[i]);
    free(self->all);
    *self = (peers_t){0};
}
