#include "actors/net/channel.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONGESTED_ABOVE = 256 * 1024, /* queued bytes */
    DRAINED_BELOW = 64 * 1024,
    WRITES_IN_ONE_GO = 64,
    KEPT_ROOM = 64 * 1024, /* of the receive buffer, between messages */
    HANG_UP_SECONDS = 30,  /* for what is still queued */
    DEFAULT_FRAME = 1024 * 1024,
    DEFAULT_FRAGMENTS = 64,
};

/*  One frame to send. libwebsockets writes its header into the room before it.  */
typedef struct outgoing {
    struct outgoing *next;
    size_t size;
    bool binary;
    uint8_t data[];
} outgoing_t;

static uint16_t
seconds(uint32_t s)
{
    return s < UINT16_MAX ? (uint16_t) s : UINT16_MAX;
}

lws_retry_bo_t
channel_keepalive(const net_limits_t *limits)
{
    if (limits->ping_s == 0 || limits->hangup_s <= limits->ping_s)
        return (lws_retry_bo_t){0};
    return (lws_retry_bo_t){
        .secs_since_valid_ping = seconds(limits->ping_s),
        .secs_since_valid_hangup = seconds(limits->hangup_s),
    };
}

channel_t *
channel_new(conn_t conn, const net_sink_t *sink, const net_limits_t *limits)
{
    channel_t *self = mem_new(sizeof(*self));
    self->conn = conn;
    self->sink = sink;
    self->limits = *limits;
    self->keepalive = channel_keepalive(limits);
    if (self->limits.max_frame == 0)
        self->limits.max_frame = DEFAULT_FRAME;
    if (self->limits.max_fragments == 0)
        self->limits.max_fragments = DEFAULT_FRAGMENTS;
    return self;
}

/*  ----------------------------------------------------------------------- sending  */

void
channel_send(channel_t *self, bytes_t frame, bool binary)
{
    if (self->closing || self->state == CHANNEL_GONE)
        return;
    outgoing_t *last = mem_new(sizeof(*last) + LWS_PRE + frame.size);
    last->size = frame.size;
    last->binary = binary;
    if (frame.size > 0)
        memcpy(last->data + LWS_PRE, frame.data, frame.size);

    if (self->last != NULL)
        self->last->next = last;
    else
        self->first = last;
    self->last = last;
    self->queued += frame.size;
    if (self->queued > CONGESTED_ABOVE)
        self->congested = true;
    if (self->state == CHANNEL_OPEN)
        lws_callback_on_writable(self->socket);
}

static void
drop_first(channel_t *self)
{
    outgoing_t *frame = self->first;
    self->first = frame->next;
    if (self->first == NULL)
        self->last = NULL;
    self->queued -= frame->size;
    free(frame);
}

/*  libwebsockets keeps what the system did not take, so a frame is written once.  */
static bool
write_first(channel_t *self)
{
    outgoing_t *frame = self->first;
    int written = lws_write(self->socket, frame->data + LWS_PRE, frame->size,
                            frame->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    drop_first(self);
    return written >= 0;
}

static void
report_drained(channel_t *self)
{
    bool few = self->congested && self->queued < DRAINED_BELOW;
    if (!few && self->first != NULL)
        return;
    self->congested = false;
    self->sink->drained(self->sink->host, self->conn);
}

int
channel_write(channel_t *self)
{
    size_t writes = 0;
    for (; self->first != NULL && writes < WRITES_IN_ONE_GO; writes++) {
        if (lws_send_pipe_choked(self->socket))
            break;
        if (!write_first(self))
            return -1;
    }
    if (self->closing && self->first == NULL) {
        lws_close_reason(self->socket, (enum lws_close_status) self->status,
                         (unsigned char *) self->reason, strlen(self->reason));
        return -1;
    }
    if (self->first != NULL)
        lws_callback_on_writable(self->socket);
    if (writes > 0 && !self->closing)
        report_drained(self);
    return 0;
}

/*  --------------------------------------------------------------------- receiving  */

/*  Refused before a byte of it is stored: the header of a frame tells its size. To a server no
    code is said: while the library waits for the answer to it, it would go on writing what
    comes behind the end of the buffer that it has just filled.  */
static int
refuse_size(channel_t *self)
{
    char why[REASON_ROOM];
    int size =
        snprintf(why, sizeof(why), "message larger than %zu bytes or in more than %zu frames",
                 self->limits.max_frame, self->limits.max_fragments);
    channel_blame(self, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, why, (size_t) size);
    if (self->dialled)
        return -1;
    lws_close_reason(self->socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE,
                     (unsigned char *) self->reason, strlen(self->reason));
    return -1;
}

static bool
fits(const channel_t *self, size_t piece, size_t to_come)
{
    size_t room = self->limits.max_frame - self->half.size;
    return piece <= room && to_come <= room - piece
           && self->fragments < self->limits.max_fragments;
}

static void
forget_half(channel_t *self)
{
    self->fragments = 0;
    if (self->half.room > KEPT_ROOM)
        buffer_release(&self->half);
    else
        buffer_clear(&self->half);
}

int
channel_receive(channel_t *self, bytes_t piece)
{
    size_t to_come = lws_remaining_packet_payload(self->socket);
    if (self->closing)
        return 0;
    if (lws_is_first_fragment(self->socket))
        forget_half(self);
    if (!fits(self, piece.size, to_come))
        return refuse_size(self);

    bool whole = lws_is_final_fragment(self->socket) != 0;
    bool binary = lws_frame_is_binary(self->socket) != 0;
    if (to_come == 0)
        self->fragments++;
    if (whole && self->half.size == 0) {
        self->fragments = 0;
        self->sink->frame(self->sink->host, self->conn, piece, binary);
        return 0;
    }
    buffer_add(&self->half, piece.data, piece.size);
    if (whole) {
        self->sink->frame(self->sink->host, self->conn, buffer_bytes(&self->half), binary);
        forget_half(self);
    }
    return 0;
}

/*  ------------------------------------------------------------------------ ending  */

void
channel_blame(channel_t *self, int status, const char *reason, size_t reason_size)
{
    if (self->status != 0 || self->reason[0] != '\0')
        return;
    self->status = status;
    if (reason_size >= sizeof(self->reason))
        reason_size = sizeof(self->reason) - 1;
    if (reason_size > 0)
        memcpy(self->reason, reason, reason_size);
    self->reason[reason_size] = '\0';
}

void
channel_hang_up(channel_t *self, int code, const char *reason)
{
    if (self->closing || self->state == CHANNEL_GONE)
        return;
    channel_blame(self, code, reason, strlen(reason));
    self->closing = true;
    if (self->state != CHANNEL_OPEN)
        return;
    lws_rx_flow_control(self->socket, 1); /* the answer to our close must come through */
    lws_set_timeout(self->socket, PENDING_TIMEOUT_USER_REASON_BASE, HANG_UP_SECONDS);
    lws_callback_on_writable(self->socket);
}

void
channel_destroy(channel_t **self_p)
{
    channel_t *self = *self_p;
    if (self == NULL)
        return;
    while (self->first != NULL)
        drop_first(self);
    buffer_release(&self->half);
    buffer_release(&self->answer);
    if (self->authorization != NULL)
        explicit_bzero(self->authorization, strlen(self->authorization));
    free(self->authorization);
    free(self);
    *self_p = NULL;
}
