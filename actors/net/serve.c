#include "actors/net/serve.h"

#include "actors/net/channels.h"
#include "actors/net/http.h"
#include "actors/net/tls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    RECEIVE_ROOM = 32 * 1024, /* read at a time */
    SEND_ROOM = 256 * 1024,   /* offered to the system at a time */
    HANDSHAKE_MS = 10000,
};

/*  One callback of the library.  */
typedef struct event {
    channels_t *channels;
    struct lws *socket;
    channel_t *channel; /* NULL: the socket is no connection of ours (yet) */
    void *user;
    void *data;
    size_t size;
} event_t;

/*  Before anything is allocated for it.  */
static int
on_knock(event_t *event)
{
    const uint32_t most = event->channels->limits.max_peers;
    return most != 0 && event->channels->peers >= most ? -1 : 0;
}

/*  The library forgets some requests that it does not understand, and starts its clocks anew
    for others: this one runs until the peer is accepted, whatever it sends.  */
static int
on_arrival(event_t *event)
{
    event->channels->peers++;
    const uint32_t patience_ms = event->channels->limits.handshake_ms;
    lws_set_timer_usecs(event->socket,
                        (lws_usec_t) (patience_ms != 0 ? patience_ms : HANDSHAKE_MS)
                            * LWS_US_PER_MS);
    return 0;
}

static int
on_timer(event_t *event)
{
    const channel_t *channel = event->channel;
    const bool waits = channel == NULL || channel->state == CHANNEL_ACCEPTED
                       || channel->state == CHANNEL_ASKED;
    return waits ? -1 : 0;
}

/*  HTTP/2 has holes in this version of the library and is compiled in: such a caller is hung
    up on. Only a negative answer is safe here; what becomes of a WebSocket is decided later,
    in on_upgrade().  */
static int
on_confirm_upgrade(event_t *event)
{
    return event->data != NULL && strcasecmp(event->data, "websocket") == 0 ? 0 : -1;
}

/*  The library has picked the first offered sub-protocol that it knows, and will echo it.  */
static bool
is_picked(struct lws *socket, const net_answer_t *answer)
{
    return answer->protocol == NULL
           || strcmp(answer->protocol, lws_get_protocol(socket)->name) == 0;
}

/*  The library also speaks what was there before RFC 6455.  */
static bool
is_current(struct lws *socket)
{
    char version[8] = "";
    return lws_hdr_copy(socket, version, sizeof(version), WSI_TOKEN_VERSION) >= 0
           && strcmp(version, "13") == 0;
}

static int
on_upgrade(event_t *event)
{
    channels_t *self = event->channels;
    net_answer_t answer;
    http_ask(event->socket, &self->sink, 0, &answer);
    if (answer.status == 101 && !is_picked(event->socket, &answer))
        answer = (net_answer_t){.status = 400, .body = "No such sub-protocol\n"};
    if (answer.status == 101 && !is_current(event->socket))
        answer = (net_answer_t){.status = 400, .body = "Sec-WebSocket-Version 13 is spoken\n"};
    if (answer.status != 101) {
        http_answer(event->socket, &answer);
        return -1;
    }
    channel_t *channel = channels_add(self, CHANNEL_ACCEPTED, &self->limits);
    channel->socket = event->socket;
    channel->token = answer.token;
    lws_set_opaque_user_data(event->socket, channel);
    return 0;
}

static int
on_request(event_t *event)
{
    channels_t *self = event->channels;
    channel_t *channel = channels_add(self, CHANNEL_ASKED, &self->limits);
    net_answer_t answer;
    http_ask(event->socket, &self->sink, channel->conn, &answer);
    if (answer.status == NET_LATER) {
        channel->socket = event->socket;
        lws_set_opaque_user_data(event->socket, channel);
        lws_set_timeout(event->socket, NO_PENDING_TIMEOUT, 0); /* our own clock goes on */
        return 0;
    }
    channels_bury(self, channel);
    if (answer.status == 101)
        answer = (net_answer_t){.status = 426, .body = "A WebSocket upgrade is expected\n"};
    http_answer(event->socket, &answer);
    return -1;
}

/*  The answer to a plain request goes out, and it is over.  */
static int
on_answerable(event_t *event)
{
    channel_t *channel = event->channel;
    if (channel == NULL || !channel->plain || channel->answer.size == 0)
        return 0;
    http_send(event->socket, &channel->answer);
    channels_bury(event->channels, channel);
    return -1;
}

/*  Writes our header into the room that the library gives.  */
static int
on_append_header(event_t *event)
{
    unsigned char **at = event->data;
    const char *value = event->channel != NULL ? event->channel->authorization : NULL;
    if (value == NULL)
        return 0;
    return lws_add_http_header_by_token(event->socket, WSI_TOKEN_HTTP_AUTHORIZATION,
                                        (const unsigned char *) value, (int) strlen(value), at,
                                        *at + event->size);
}

static int
on_established(event_t *event)
{
    if (event->channel == NULL || event->channel->closing)
        return -1;
    channel_t *channel = event->channel;
    channel->state = CHANNEL_OPEN;
    channel->socket = event->socket;
    event->channels->sink.open(event->channels->sink.host, channel->conn, channel->token);
    if (channel->first != NULL)
        lws_callback_on_writable(channel->socket);
    return 0;
}

static int
on_receive(event_t *event)
{
    if (event->channel == NULL)
        return -1;
    return channel_receive(event->channel, (bytes_t){event->data, event->size});
}

static int
on_writeable(event_t *event)
{
    return event->channel != NULL ? channel_write(event->channel) : 0;
}

static int
on_peer_close(event_t *event)
{
    const uint8_t *data = event->data;
    if (event->channel == NULL)
        return 0;
    if (event->size < 2)
        channel_blame(event->channel, LWS_CLOSE_STATUS_NO_STATUS, "", 0);
    else
        channel_blame(event->channel, data[0] << 8 | data[1], (const char *) data + 2,
                      event->size - 2);
    return 0;
}

/*  The library's own text does not tell what is wrong with a certificate.  */
static int
on_certificate(event_t *event)
{
    const bool trusted = event->size != 0;
    char why[REASON_ROOM];
    if (trusted || event->channel == NULL)
        return trusted ? 0 : -1;
    int size = snprintf(why, sizeof(why), "its certificate is not trusted: %s",
                        tls_distrust(event->user));
    channel_blame(event->channel, 0, why, (size_t) size);
    return -1;
}

static int
on_failed(event_t *event)
{
    static const char tls_failed[] = "connect SSL err";
    if (event->channel == NULL)
        return 0;
    int status = (int) lws_http_client_http_response(event->socket);
    const char *why = event->data != NULL ? event->data : "";
    size_t size = event->data != NULL ? strnlen(why, event->size) : 0;
    if (size >= sizeof(tls_failed) && strncmp(why, tls_failed, sizeof(tls_failed) - 1) == 0) {
        why = "the TLS handshake failed: what listens there may speak ws:// only";
        size = strlen(why);
    }
    channel_blame(event->channel, status, why, size);
    channels_bury(event->channels, event->channel);
    return 0;
}

static int
on_closed(event_t *event)
{
    if (event->channel != NULL)
        channels_bury(event->channels, event->channel);
    return 0;
}

static int
on_destroyed(event_t *event)
{
    struct lws_vhost *vhost = lws_get_vhost(event->socket);
    const bool accepted = vhost != NULL && strcmp(lws_get_vhost_name(vhost), "listener") == 0;
    if (accepted && event->channels->peers > 0) /* the listening socket itself comes last */
        event->channels->peers--;
    return on_closed(event);
}

/*  Everything the library may say and we listen to, the frequent first.  */
static const struct {
    enum lws_callback_reasons reason;
    int (*handle)(event_t *event);
} handlers[] = {
    {LWS_CALLBACK_CLIENT_RECEIVE, on_receive},
    {LWS_CALLBACK_RECEIVE, on_receive},
    {LWS_CALLBACK_CLIENT_WRITEABLE, on_writeable},
    {LWS_CALLBACK_SERVER_WRITEABLE, on_writeable},
    {LWS_CALLBACK_CLIENT_ESTABLISHED, on_established},
    {LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, on_append_header},
    {LWS_CALLBACK_ESTABLISHED, on_established},
    {LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, on_peer_close},
    {LWS_CALLBACK_CLIENT_CLOSED, on_closed},
    {LWS_CALLBACK_CLOSED, on_closed},
    {LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION, on_certificate},
    {LWS_CALLBACK_FILTER_NETWORK_CONNECTION, on_knock},
    {LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED, on_arrival},
    {LWS_CALLBACK_TIMER, on_timer},
    {LWS_CALLBACK_CLIENT_CONNECTION_ERROR, on_failed},
    {LWS_CALLBACK_HTTP_CONFIRM_UPGRADE, on_confirm_upgrade},
    {LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, on_upgrade},
    {LWS_CALLBACK_HTTP, on_request},
    {LWS_CALLBACK_HTTP_WRITEABLE, on_answerable},
    {LWS_CALLBACK_WSI_DESTROY, on_destroyed},
};

static int
serve(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        if (handlers[i].reason != reason)
            continue;
        event_t event = {
            .channels = lws_context_user(lws_get_context(socket)),
            .socket = socket,
            .channel = lws_get_opaque_user_data(socket),
            .user = user,
            .data = data,
            .size = size,
        };
        return handlers[i].handle(&event);
    }
    return 0;
}

/*  A descriptor of the bus can be read. That alone ends the wait; reading it is the
    business of its owner.  */
static int
wake(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void) socket, (void) reason, (void) user, (void) data, (void) size;
    return 0;
}

#define SERVED(protocol)                                                                       \
    {                                                                                          \
        .name = (protocol), .callback = serve, .rx_buffer_size = RECEIVE_ROOM,                 \
        .tx_packet_size = SEND_ROOM                                                            \
    }

/*  The first serves those who offer no sub-protocol.  */
const struct lws_protocols listener_protocols[] = {
    SERVED("none"), SERVED("waybill.v1"), SERVED("waybill.v1.json"), {.name = NULL}};

const struct lws_protocols dialler_protocols[] = {SERVED("none"),
                                                  SERVED("waybill.v1"),
                                                  SERVED("waybill.v1.json"),
                                                  {.name = "wake", .callback = wake},
                                                  {.name = NULL}};
