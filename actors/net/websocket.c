#include "actors/net/websocket.h"

#include "actors/net/address.h"
#include "actors/net/channels.h"
#include "actors/net/http.h"
#include "actors/net/serve.h"
#include "actors/net/tls.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_SOCKETS = 4096, /* of one actor; each costs 28 bytes from the start */
    SERVICE_ROOM = 32 * 1024,
    HANDSHAKE_SECONDS = 10,
    FIRST_CONN_SHIFT = 10, /* so many connections a microsecond, before ids of two lives meet */
};

struct net {
    channels_t channels;
    struct lws_context *context;
    struct lws_vhost *dialler;  /* also polls the wake-up descriptors */
    struct lws_vhost *private;  /* dials wss; NULL until it is asked to */
    tls_context_t *trust;       /* of that */
    struct lws_vhost *listener; /* NULL until listen() */
    address_t address;          /* of the listener */
    lws_sorted_usec_list_t alarm;
};

/*  --------------------------------------------------------------------- open, close  */

static struct lws_context *
open_context(net_t *self)
{
    lws_set_log_level(0, NULL); /* what matters comes through the callbacks */
    /* TLS is asked for by the host that needs it: of two contexts in a process that both do,
       the library gives back only one's certificates at the end. */
    return lws_create_context(&(struct lws_context_creation_info){
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .port = CONTEXT_PORT_NO_LISTEN,
        .fd_limit_per_thread = MOST_SOCKETS,
        .pt_serv_buf_size = SERVICE_ROOM,
        .timeout_secs = HANDSHAKE_SECONDS,
        .connect_timeout_secs = HANDSHAKE_SECONDS,
        .user = &self->channels,
    });
}

static bool
adopt(struct lws_vhost *vhost, int fd)
{
    lws_sock_file_fd_type copy = {.filefd = dup(fd)}; /* the library closes what it adopts */
    return copy.filefd >= 0
           && lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, copy, "wake", NULL)
                  != NULL;
}

static void
close_net(net_t **self_p)
{
    net_t *self = *self_p;
    if (self == NULL)
        return;
    if (self->context != NULL)
        lws_context_destroy(self->context);
    tls_destroy(&self->trust);
    channels_release(&self->channels);
    free(self);
    *self_p = NULL;
}

static bool
open_dialler(net_t *self, const int *wake_fds, size_t n_wake_fds)
{
    self->context = open_context(self);
    if (self->context == NULL)
        return false;
    self->dialler = lws_create_vhost(self->context, &(struct lws_context_creation_info){
                                                        .port = CONTEXT_PORT_NO_LISTEN,
                                                        .vhost_name = "dialler",
                                                        .protocols = dialler_protocols,
                                                        .alpn = "http/1.1",
                                                        .timeout_secs = HANDSHAKE_SECONDS,
                                                    });
    if (self->dialler == NULL)
        return false;
    for (size_t i = 0; i < n_wake_fds; i++)
        if (!adopt(self->dialler, wake_fds[i]))
            return false;
    return true;
}

static net_t *
open_net(const net_sink_t *sink, const int *wake_fds, size_t n_wake_fds)
{
    net_t *self = mem_new(sizeof(*self));
    self->channels.sink = *sink;
    self->channels.newest = (conn_t) lws_now_usecs() << FIRST_CONN_SHIFT;
    if (!open_dialler(self, wake_fds, n_wake_fds))
        close_net(&self);
    return self;
}

/*  -------------------------------------------------------------------------- wait  */

/*  The library looks at its alarms before it sleeps: one that is due by then must keep it
    from sleeping.  */
static void
on_alarm(lws_sorted_usec_list_t *alarm)
{
    net_t *self = lws_container_of(alarm, net_t, alarm);
    lws_cancel_service(self->context);
}

static void
wait_for_anything(net_t *self, int timeout_ms)
{
    if (channels_report_gone(&self->channels))
        timeout_ms = 0;
    if (timeout_ms > 0)
        lws_sul_schedule(self->context, 0, &self->alarm, on_alarm,
                         (lws_usec_t) timeout_ms * LWS_US_PER_MS);
    lws_service(self->context, timeout_ms == 0 ? -1 : 0);
    lws_sul_cancel(&self->alarm);
    channels_report_gone(&self->channels);
}

/*  ------------------------------------------------------------------ listen, dial  */

static bool
is_given(const char *path)
{
    return path != NULL && path[0] != '\0';
}

static struct lws_vhost *
open_listener(net_t *self, const net_listen_t *request)
{
    const char *host = self->address.host;
    struct lws_context_creation_info info = {
        .port = self->address.port,
        .iface = host[0] != '\0' ? host : NULL,
        .vhost_name = "listener",
        .protocols = listener_protocols,
        .alpn = "http/1.1",
        .timeout_secs = HANDSHAKE_SECONDS,
        .keepalive_timeout = HANDSHAKE_SECONDS,
        .retry_and_idle_policy = &self->channels.keepalive,
        .options = strchr(host, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6,
    };
    if (is_given(request->certificate)) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = request->certificate;
        info.ssl_private_key_filepath = request->key;
        info.ssl_options_set = tls_refused_versions();
    }
    return lws_create_vhost(self->context, &info);
}

static err_t
check_encryption(const net_listen_t *request, fault_t *fault)
{
    const bool certified = is_given(request->certificate);
    if (certified != is_given(request->key))
        return fault_set(fault, ERR_CONFIG,
                         "tls.certificate and tls.key: one alone is of no use; name both");
    return certified ? tls_check_pair(request->certificate, request->key, fault) : OK;
}

static err_t
listen_on(net_t *self, const net_listen_t *request, const net_limits_t *limits, int *port,
          fault_t *fault)
{
    if (self->listener != NULL)
        return fault_set(fault, ERR_EXISTS, "cannot listen on %s: listening already",
                         request->address);
    err_t err = address_parse(request->address, &self->address, fault);
    if (err == OK)
        err = check_encryption(request, fault);
    if (err == OK)
        err = address_probe(&self->address, fault);
    if (err != OK)
        return err;

    self->channels.limits = *limits;
    self->channels.keepalive = channel_keepalive(limits);
    self->listener = open_listener(self, request);
    if (self->listener == NULL)
        return address_refuse(&self->address, EADDRINUSE, fault);
    *port = lws_get_vhost_listen_port(self->listener);
    return OK;
}

/*  At the first dial, so that whoever dials only ws reads no authorities.  */
static err_t
open_private(net_t *self, const char *ca_file, fault_t *fault)
{
    if (self->private != NULL)
        return OK;
    tls_destroy(&self->trust);
    const err_t err = tls_new_trust(ca_file, &self->trust, fault);
    if (err != OK)
        return err;
    self->private =
        lws_create_vhost(self->context, &(struct lws_context_creation_info){
                                            .port = CONTEXT_PORT_NO_LISTEN,
                                            .vhost_name = "private",
                                            .protocols = dialler_protocols,
                                            .alpn = "http/1.1",
                                            .timeout_secs = HANDSHAKE_SECONDS,
                                            .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
                                            .provided_client_ssl_ctx = self->trust,
                                        });
    return self->private != NULL ? OK : fault_set(fault, ERR_IO, "TLS cannot be used here");
}

/*  What stands between us and an attempt to connect there.  */
static err_t
prepare(net_t *self, const net_dial_t *request, url_t *url, fault_t *fault)
{
    const err_t err = url_parse(request->url, url, fault);
    if (err == OK && url->secure)
        return open_private(self, request->ca_file, fault);
    if (err == OK && request->authorization != NULL && !address_is_loopback(&url->address))
        return fault_set(fault, ERR_CONFIG,
                         "the token would be sent in the clear: use wss://, or send none");
    return err;
}

static conn_t
dial(net_t *self, const net_dial_t *request, const net_limits_t *limits, fault_t *fault)
{
    url_t url;
    const char *protocol = request->protocol;
    if (prepare(self, request, &url, fault) != OK)
        return 0;
    char host[HOST_ROOM + sizeof(":65535")];
    snprintf(host, sizeof(host), "%s:%d", url.address.host, url.address.port);

    channel_t *channel = channels_add(&self->channels, CHANNEL_DIALLING, limits);
    conn_t conn = channel->conn;
    channel->authorization = request->authorization ? mem_text(request->authorization) : NULL;
    struct lws *socket = lws_client_connect_via_info(&(struct lws_client_connect_info){
        .context = self->context,
        .vhost = url.secure ? self->private : self->dialler,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (url.secure ? LCCSCF_USE_SSL : 0),
        .alpn = "http/1.1",
        .address = url.address.host,
        .port = url.address.port,
        .path = url.target,
        .host = host,
        .protocol = protocol != NULL && *protocol != '\0' ? protocol : NULL,
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = channel,
        .retry_and_idle_policy = &channel->keepalive,
        .pwsi = &channel->socket,
    });
    if (socket == NULL && channel->state != CHANNEL_GONE) {
        channel->socket = NULL;
        channel_blame(channel, 0, "the host is unknown", strlen("the host is unknown"));
        channels_bury(&self->channels, channel);
    }
    return conn;
}

/*  -------------------------------------------------------------------- connections  */

static void
send_frame(net_t *self, conn_t conn, bytes_t frame, bool binary)
{
    channel_t *channel = channels_find(&self->channels, conn);
    if (channel != NULL)
        channel_send(channel, frame, binary);
}

static size_t
queued(net_t *self, conn_t conn)
{
    const channel_t *channel = channels_find(&self->channels, conn);
    return channel != NULL ? channel->queued : 0;
}

static void
pause_reading(net_t *self, conn_t conn, bool pause)
{
    const channel_t *channel = channels_find(&self->channels, conn);
    if (channel != NULL && channel->state == CHANNEL_OPEN && !channel->closing)
        lws_rx_flow_control(channel->socket, pause ? 0 : 1);
}

static void
hang_up(net_t *self, conn_t conn, int code, const char *reason)
{
    channel_t *channel = channels_find(&self->channels, conn);
    if (channel == NULL)
        return;
    channel_hang_up(channel, code, reason != NULL ? reason : "");
    if (channel->state == CHANNEL_DIALLING)
        lws_set_timeout(channel->socket, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void
reply(net_t *self, conn_t conn, const net_answer_t *answer)
{
    channel_t *channel = channels_find(&self->channels, conn);
    if (channel == NULL || channel->state != CHANNEL_ASKED || channel->answer.size > 0)
        return;
    http_pack(channel->socket, answer, &channel->answer);
    lws_callback_on_writable(channel->socket);
}

const net_driver_t websocket_driver = {
    .name = "websocket",
    .open = open_net,
    .close = close_net,
    .wait = wait_for_anything,
    .listen = listen_on,
    .dial = dial,
    .send = send_frame,
    .queued = queued,
    .pause = pause_reading,
    .hang_up = hang_up,
    .reply = reply,
};
