#include "bus/ipc_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { FAREWELL_MS = 200, OWED_AT_MOST = 32, PINGS = IPC_DEAD_MS / IPC_PING_MS };

struct ipc_session {
    char name[PEER_NAME_ROOM + 1];
    char address[NAME_ROOM + 1];
    void *zmq, *dealer;
    ipc_link_t link;
    uint64_t host_epoch;  /* the gateway's; 0: not known yet */
    uint64_t limit;       /* we may send up to this number */
    bool joined, offline; /* neither: HELLO is under way */
    uint64_t n_joins;
    char farewell[128];
    uint64_t heard_ns, asked_ns;
    int n_unanswered;   /* pings */
    uint64_t asked_for; /* last number asked for with a NAK */
    mailbox_t mailbox;
    uint64_t n_owed; /* mail taken and not acknowledged */
    char (*patterns)[NAME_ROOM + 1];
    size_t n_patterns;
};

uint64_t
ipc_session_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

/*  ---------------------------------------------------------------------- sending  */

static void
transmit(void *transmit_to, bytes_t header, blob_t *payload)
{
    ipc_session_t *self = transmit_to;
    /* What cannot go now is kept, and goes when the other side asks for it. */
    zmq_send(self->dealer, header.data, header.size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(self->dealer, payload->data, payload->size, ZMQ_DONTWAIT);
}

static void
tell(ipc_session_t *self, envelope_kind_t kind, const char *type, uint64_t seq, blob_t *payload)
{
    envelope_t envelope = {
        .kind = kind, .type = type, .from = self->address, .to = "ipc", .seq = seq};
    if (payload == NULL)
        payload = blob_new((bytes_t){0});
    ipc_link_tell(&self->link, &envelope, payload);
    blob_unref(&payload);
}

static void
say_hello(ipc_session_t *self)
{
    hello_t hello = {.epoch = self->link.epoch,
                     .next_seq = self->link.admitted + 1,
                     .pid = (uint64_t) getpid()};
    memcpy(hello.name, self->name, sizeof hello.name);
    self->joined = false;
    tell(self, ENVELOPE_HELLO, "hello", ipc_link_lowest(&self->link), hello_pack(&hello));
}

void
ipc_session_send(ipc_session_t *self, envelope_t *envelope, blob_t *payload)
{
    envelope->from = self->address;
    ipc_link_send(&self->link, envelope, payload);
}

void
ipc_session_subscribe(ipc_session_t *self, const char *pattern)
{
    self->patterns = mem_grow(self->patterns, (self->n_patterns + 1) * sizeof *self->patterns);
    snprintf(self->patterns[self->n_patterns++], NAME_ROOM + 1, "%s", pattern);
    if (self->joined)
        tell(self, ENVELOPE_CONTROL, "subscribe", 0, text_pack(pattern));
}

/*  ------------------------------------------------------------------------- life  */

static void *
open_dealer(void *zmq, const char *name, const char *endpoint)
{
    const int none = 0;
    const int linger = FAREWELL_MS;
    const int64_t limit = IPC_FRAME_LIMIT;
    void *dealer = zmq_socket(zmq, ZMQ_DEALER);
    if (dealer == NULL)
        return NULL;
    zmq_setsockopt(dealer, ZMQ_ROUTING_ID, name, strlen(name));
    zmq_setsockopt(dealer, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &limit, sizeof limit);
    if (zmq_connect(dealer, endpoint) == 0)
        return dealer;
    zmq_close(dealer);
    return NULL;
}

/*  The epoch of a process is when it joined: a later one of the same name is greater.  */
static uint64_t
new_epoch(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000u + (uint64_t) now.tv_nsec / 1000u;
}

ipc_session_t *
ipc_session_new(const char *endpoint, const char *name)
{
    ipc_session_t *self = mem_new(sizeof *self);
    snprintf(self->name, sizeof self->name, "%s", name);
    snprintf(self->address, sizeof self->address, "ipc/%s", name);
    self->heard_ns = ipc_session_now_ns();
    ipc_link_init(&self->link, new_epoch(), transmit, self);
    self->zmq = zmq_ctx_new();
    self->dealer = self->zmq != NULL ? open_dealer(self->zmq, name, endpoint) : NULL;
    if (self->dealer == NULL) {
        ipc_session_destroy(&self);
        return NULL;
    }
    say_hello(self);
    return self;
}

void
ipc_session_destroy(ipc_session_t **self_p)
{
    ipc_session_t *self = *self_p;
    if (self == NULL)
        return;
    if (self->dealer != NULL) {
        tell(self, ENVELOPE_BYE, "bye", 0, text_pack("done"));
        zmq_close(self->dealer);
    }
    if (self->zmq != NULL)
        zmq_ctx_term(self->zmq);
    mailbox_clear(&self->mailbox);
    ipc_link_release(&self->link);
    free(self->patterns);
    free(self);
    *self_p = NULL;
}

/*  -------------------------------------------------------------------- receiving  */

static void
acknowledge(ipc_session_t *self)
{
    const mail_t *oldest = self->mailbox.first;
    while (oldest != NULL && oldest->envelope.epoch != self->host_epoch)
        oldest = oldest->next; /* from a process that is gone, and counted on its own */
    uint64_t done = oldest != NULL ? oldest->envelope.seq - 1 : self->link.admitted;
    self->n_owed = 0;
    tell(self, ENVELOPE_CREDIT, "credit", done, number_pack(UINT64_MAX));
}

static void
on_hello(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    hello_t hello;
    if (hello_unpack(payload, &hello, NULL) != OK)
        return;
    if (hello.next_seq == 0) {
        say_hello(self);
        return;
    }
    if (hello.epoch
        != self->host_epoch) { /* another process, which counts from its own start */
        self->host_epoch = hello.epoch;
        self->link.admitted = envelope->seq > 0 ? envelope->seq - 1 : 0;
    }
    self->joined = true;
    self->n_joins++;
    self->offline = false;
    self->farewell[0] = '\0';
    for (size_t i = 0; i < self->n_patterns; i++)
        tell(self, ENVELOPE_CONTROL, "subscribe", 0, text_pack(self->patterns[i]));
    acknowledge(self); /* what said so may have been lost with the connection */
    ipc_link_resend(&self->link, hello.next_seq);
}

static void
on_credit(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    uint64_t limit;
    if (number_unpack(payload, &limit) != OK
        || !ipc_link_acknowledge(&self->link, envelope->seq))
        return;
    self->limit = limit;
}

static void
on_nak(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    (void) payload;
    ipc_link_resend(&self->link, envelope->seq);
}

/*  Their seq is the last number sent: the end of a gap shows here.  */
static void
on_ping(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    (void) payload;
    if (envelope->seq > self->link.admitted)
        tell(self, ENVELOPE_NAK, "nak", self->link.admitted + 1, NULL);
    if (envelope->kind == ENVELOPE_PING)
        tell(self, ENVELOPE_PONG, "pong", self->link.sent, NULL);
}

static void
on_bye(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    (void) envelope;
    if (text_unpack(payload, self->farewell, sizeof self->farewell) != OK)
        snprintf(self->farewell, sizeof self->farewell, "it said BYE");
    self->joined = false;
    self->offline = true;
}

static void
on_message(ipc_session_t *self, const envelope_t *envelope, bytes_t payload)
{
    uint64_t wanted = self->link.admitted + 1;
    switch (ipc_link_admit(&self->link, envelope->seq)) {
    case DUPLICATE:
        self->n_owed++;
        return;
    case OUT_OF_ORDER:
        if (self->asked_for != wanted)
            tell(self, ENVELOPE_NAK, "nak", wanted, NULL);
        self->asked_for = wanted;
        return;
    case ADMIT:
        break;
    }
    mailbox_add(&self->mailbox, mail_new(envelope, payload));
}

/*  What is not here is not for a client, and passed over.  */
static void (*const on_kind[ENVELOPE_KIND_COUNT])(ipc_session_t *, const envelope_t *,
                                                  bytes_t) = {
    [ENVELOPE_CAST] = on_message, [ENVELOPE_EVT] = on_message,   [ENVELOPE_REP] = on_message,
    [ENVELOPE_ERR] = on_message,  [ENVELOPE_CREDIT] = on_credit, [ENVELOPE_NAK] = on_nak,
    [ENVELOPE_HELLO] = on_hello,  [ENVELOPE_BYE] = on_bye,       [ENVELOPE_PING] = on_ping,
    [ENVELOPE_PONG] = on_ping,
};

static void
look_at(ipc_session_t *self, bytes_t header, bytes_t payload)
{
    envelope_t envelope;
    envelope_names_t names;
    if (envelope_unpack(header, &envelope, &names) != OK || on_kind[envelope.kind] == NULL)
        return;
    self->heard_ns = ipc_session_now_ns();
    self->n_unanswered = 0;
    bool always = envelope.kind == ENVELOPE_HELLO || envelope.kind == ENVELOPE_BYE;
    if (always || (self->joined && envelope.epoch == self->host_epoch))
        on_kind[envelope.kind](self, &envelope, payload);
}

/*  False: there was no message.  */
static bool
receive(ipc_session_t *self)
{
    zmq_msg_t header;
    zmq_msg_t payload;
    zmq_msg_init(&header);
    zmq_msg_init(&payload);
    bool any = zmq_msg_recv(&header, self->dealer, ZMQ_DONTWAIT) >= 0;
    bool two = any && zmq_msg_more(&header)
               && zmq_msg_recv(&payload, self->dealer, ZMQ_DONTWAIT) >= 0
               && !zmq_msg_more(&payload);
    if (two)
        look_at(self, (bytes_t){zmq_msg_data(&header), zmq_msg_size(&header)},
                (bytes_t){zmq_msg_data(&payload), zmq_msg_size(&payload)});
    zmq_msg_close(&header);
    zmq_msg_close(&payload);
    return any;
}

/*  ---------------------------------------------------------------------- waiting  */

static uint64_t
next_question_ns(const ipc_session_t *self)
{
    uint64_t last = self->asked_ns > self->heard_ns ? self->asked_ns : self->heard_ns;
    return last + (uint64_t) IPC_PING_MS * 1000000u;
}

static void
ask_if_silent(ipc_session_t *self)
{
    uint64_t now_ns = ipc_session_now_ns();
    if (now_ns < next_question_ns(self))
        return;
    self->asked_ns = now_ns;
    if (self->n_unanswered++ >= PINGS)
        self->offline = true;
    if (self->joined && !self->offline)
        tell(self, ENVELOPE_PING, "ping", self->link.sent, NULL);
    else
        say_hello(self);
}

static void
wait_until(ipc_session_t *self, uint64_t until_ns)
{
    uint64_t question_ns = next_question_ns(self);
    uint64_t end_ns = until_ns < question_ns ? until_ns : question_ns;
    uint64_t now_ns = ipc_session_now_ns();
    long wait_ms = end_ns > now_ns ? (long) ((end_ns - now_ns + 999999u) / 1000000u) : 0;
    zmq_pollitem_t item = {.socket = self->dealer, .events = ZMQ_POLLIN};
    (void) zmq_poll(&item, 1, wait_ms); /* a signal only makes the caller look once more */
}

err_t
ipc_session_pump(ipc_session_t *self, uint64_t until_ns)
{
    bool was_offline = self->offline;
    bool any = false;
    while (receive(self))
        any = true;
    if (!any) {
        if (ipc_session_now_ns() >= until_ns)
            return self->offline ? ERR_OFFLINE : ERR_TIMEOUT;
        wait_until(self, until_ns);
        while (receive(self))
            ;
    }
    ask_if_silent(self);
    return self->offline && !was_offline ? ERR_OFFLINE : OK;
}

/*  ----------------------------------------------------------------- what it knows  */

bool
ipc_session_joined(const ipc_session_t *self)
{
    return self->joined;
}

uint64_t
ipc_session_joins(const ipc_session_t *self)
{
    return self->n_joins;
}

const char *
ipc_session_farewell(const ipc_session_t *self)
{
    return self->farewell;
}

bool
ipc_session_may_send(const ipc_session_t *self)
{
    return self->joined && self->link.sent < self->limit;
}

bool
ipc_session_all_done(const ipc_session_t *self)
{
    return self->link.first == NULL;
}

mail_t *
ipc_session_mail(ipc_session_t *self)
{
    return self->mailbox.first;
}

void
ipc_session_take(ipc_session_t *self, mail_t *mail)
{
    mailbox_take(&self->mailbox, mail);
    if (++self->n_owed >= OWED_AT_MOST || self->mailbox.first == NULL)
        acknowledge(self);
}

int
ipc_session_fd(ipc_session_t *self)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(self->dealer, ZMQ_FD, &fd, &size);
    return fd;
}
