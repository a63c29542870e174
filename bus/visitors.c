#include "bus/members.h"

#include "bus/intake.h"
#include "bus/serving.h"

#include <string.h>
#include <zmq.h>

/*  Events of peers that wait for actors without credit, of all of them together.  */
enum { EVENTS_WAITING = 1000 };

/*  One message off the ROUTER.  */
typedef struct visit {
    char name[PEER_NAME_ROOM + 1];
    envelope_t envelope;
    envelope_names_t names;
    bytes_t payload;
} visit_t;

static void
on_hello(gateway_t *self, const visit_t *visit)
{
    hello_t hello;
    fault_t fault;
    if (hello_unpack(visit->payload, &hello, &fault) != OK
        || intake_check_hello(&hello, &fault) != OK) {
        members_refuse(self, visit->name, fault.text);
        return;
    }
    if (strcmp(hello.name, visit->name) != 0) {
        members_refuse(self, visit->name, "hello: field name: it is not the routing id");
        return;
    }
    peer_t *peer = members_for_hello(self, &hello, visit->envelope.seq);
    if (peer == NULL)
        return;
    peer->heard_ns = gateway_now_ns(self);
    members_welcome(self, peer, &hello);
}

/*  ------------------------------------------------------------------- what they say  */

static target_t
find_target(gateway_t *self, const envelope_t *envelope)
{
    if (strncmp(envelope->to, "ipc/", strlen("ipc/")) == 0) {
        const peer_t *peer = members_find(self, envelope->to + strlen("ipc/"));
        return peer == NULL ? (target_t){0}
                            : (target_t){.name = peer->address,
                                         .offers = type_list_has(&peer->takes, envelope->type)};
    }
    const directory_actor_t *actor = directory_find(&self->directory, envelope->to);
    if (actor == NULL)
        return (target_t){0};
    return (target_t){.name = actor->name,
                      .offers = self->options.open || directory_offers(actor, envelope->type)};
}

/*  It is finished when whoever it is for has handled it.  */
static err_t
take_order(gateway_t *self, peer_t *peer, const visit_t *visit, fault_t *fault)
{
    if (atomic_load(&self->refusing))
        return fault_set(fault, ERR_STOPPED, "this process is shutting down");
    envelope_t draft;
    const target_t target = find_target(self, &visit->envelope);
    err_t err = intake_check(&visit->envelope, visit->payload, &target, &draft, fault);
    if (err != OK)
        return err;
    blob_t *payload = blob_new(visit->payload);
    if (strncmp(draft.to, "ipc/", strlen("ipc/")) == 0) {
        draft.from = peer->address;
        peer_add_handed(peer, &draft);
        serving_accept(self, &draft, payload);
        blob_unref(&payload);
    } else {
        peer_add_errand(peer, &draft, payload);
        peer_forward(peer, self->port);
    }
    return OK;
}

static err_t
take_answer(gateway_t *self, peer_t *peer, const visit_t *visit, fault_t *fault)
{
    err_t err = serving_on_answer(self, peer, &visit->envelope, visit->payload, fault);
    if (err == OK)
        peer_add_finished(peer);
    return err;
}

/*  Events never slow who says them: what its hearers cannot take in time is lost, and counted.
 */
static err_t
take_event(gateway_t *self, peer_t *peer, const visit_t *visit, fault_t *fault)
{
    envelope_t draft;
    bool declared = type_list_has(&peer->says, visit->envelope.type);
    err_t err = intake_check_event(&visit->envelope, visit->payload, declared, &draft, fault);
    if (err != OK)
        return err;
    blob_t *payload = blob_new(visit->payload);
    draft.from = peer->address;
    draft.to = "*";
    gateway_fan_out(self, &draft, payload);
    if (port_stats(self->port).queued < EVENTS_WAITING)
        port_publish(self->port, &draft, payload);
    else
        gateway_bury(self, &draft, visit->payload, ERR_OVERFLOW);
    blob_unref(&payload);
    peer_add_finished(peer);
    return OK;
}

typedef err_t take_fn(gateway_t *self, peer_t *peer, const visit_t *visit, fault_t *fault);

static take_fn *const takers[ENVELOPE_KIND_COUNT] = {
    [ENVELOPE_CAST] = take_order, [ENVELOPE_REQ] = take_order,  [ENVELOPE_EVT] = take_event,
    [ENVELOPE_REP] = take_answer, [ENVELOPE_ERR] = take_answer,
};

static void
on_message(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    const envelope_t *envelope = &visit->envelope;
    switch (peer_admit(peer, envelope->seq, visit->payload.size)) {
    case DUPLICATE:
        return;
    case OUT_OF_ORDER:
        peer_ask_again(peer, envelope->seq);
        return;
    case ADMIT:
        break;
    }
    fault_t fault;
    if (takers[envelope->kind](self, peer, visit, &fault) == OK)
        return;
    members_answer_error(peer, envelope, &fault);
    peer_add_finished(peer);
}

static void
on_control(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    const char *verb = visit->envelope.type;
    char pattern[NAME_ROOM + 1];
    fault_t fault;
    bool subscribe = strcmp(verb, "subscribe") == 0;
    if (!subscribe && strcmp(verb, "unsubscribe") != 0) {
        fault_set(&fault, ERR_REFUSED, "field type: a peer may not %s", verb);
        members_answer_error(peer, &visit->envelope, &fault);
    } else if (text_unpack(visit->payload, pattern, sizeof pattern) != OK || *pattern == '\0') {
        fault_set(&fault, ERR_MALFORMED,
                  "payload: a pattern of at most %d characters is wanted", NAME_ROOM);
        members_answer_error(peer, &visit->envelope, &fault);
    } else if (!subscribe) {
        members_drop_pattern(self, peer, pattern);
    } else {
        bool wanted = members_want(self, pattern);
        if (!peer_add_pattern(peer, pattern)) {
            fault_set(&fault, ERR_OVERFLOW, "payload: at most %d patterns", PEER_PATTERNS);
            members_answer_error(peer, &visit->envelope, &fault);
        } else if (!wanted) {
            gateway_broadcast(self, "subscribe", pattern);
        }
    }
}

static void
on_credit(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    if (!ipc_link_acknowledge(&peer->link, visit->envelope.seq)
        && report_is_news(++self->refusals))
        report_line(&self->report, "warning", "peer %s acknowledges what was never sent",
                    peer->name);
    serving_on_credit(self, peer);
    peer_tell_lost(peer);
}

static void
on_nak(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    (void) self;
    ipc_link_resend(&peer->link, visit->envelope.seq);
}

/*  Its seq is the number of the last message sent: the end of a gap shows here.  */
static void
on_ping(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    (void) self;
    if (visit->envelope.seq > peer->link.admitted && !peer->turned_away)
        peer_tell(peer, ENVELOPE_NAK, "nak", peer->link.admitted + 1, NULL);
    if (visit->envelope.kind == ENVELOPE_PING)
        peer_tell(peer, ENVELOPE_PONG, "pong", peer->link.sent, NULL);
}

static void
on_bye(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    (void) visit;
    members_forget(self, peer, ERR_STOPPED);
}

static void
on_nonsense(gateway_t *self, peer_t *peer, const visit_t *visit)
{
    (void) self;
    fault_t fault;
    fault_set(&fault, ERR_REFUSED, "field kind: a peer may not send %s",
              envelope_kind_name(visit->envelope.kind));
    members_answer_error(peer, &visit->envelope, &fault);
}

static void (*const on_kind[ENVELOPE_KIND_COUNT])(gateway_t *, peer_t *, const visit_t *) = {
    [ENVELOPE_CAST] = on_message, [ENVELOPE_REQ] = on_message,
    [ENVELOPE_EVT] = on_message,  [ENVELOPE_REP] = on_message,
    [ENVELOPE_ERR] = on_message,  [ENVELOPE_CREDIT] = on_credit,
    [ENVELOPE_NAK] = on_nak,      [ENVELOPE_HELLO] = on_nonsense,
    [ENVELOPE_BYE] = on_bye,      [ENVELOPE_PING] = on_ping,
    [ENVELOPE_PONG] = on_ping,    [ENVELOPE_CONTROL] = on_control,
};

static void
serve(gateway_t *self, const visit_t *visit)
{
    if (visit->envelope.kind == ENVELOPE_HELLO) {
        on_hello(self, visit);
        return;
    }
    peer_t *peer = members_find(self, visit->name);
    if (peer != NULL && visit->envelope.epoch < peer->epoch) {
        members_refuse(self, visit->name, "a newer process has joined under this name");
        return;
    }
    if (peer == NULL || !peer->attached || visit->envelope.epoch != peer->epoch) {
        members_ask_for_hello(self, visit->name);
        return;
    }
    peer->heard_ns = gateway_now_ns(self);
    on_kind[visit->envelope.kind](self, peer, visit);
}

static void
refuse_frame(gateway_t *self, const char *name, const char *why)
{
    static const envelope_t unknown = {.type = "unknown"};
    peer_t *peer = members_find(self, name);
    if (peer == NULL || !peer->attached) {
        members_refuse(self, name, why);
        return;
    }
    fault_t fault;
    fault_set(&fault, ERR_MALFORMED, "%s", why);
    members_answer_error(peer, &unknown, &fault);
}

/*  --------------------------------------------------------------------- receiving  */

enum { NAME, HEADER, PAYLOAD, FRAMES };

/*  All frames of one message; beyond the third they are only counted.  */
static size_t
receive_frames(void *router, zmq_msg_t frames[FRAMES])
{
    zmq_msg_t extra;
    zmq_msg_init(&extra);
    size_t n = 0;
    bool more = true;
    while (more) {
        zmq_msg_t *frame = n < FRAMES ? &frames[n] : &extra;
        if (zmq_msg_recv(frame, router, ZMQ_DONTWAIT) < 0)
            break;
        n++;
        more = zmq_msg_more(frame);
    }
    zmq_msg_close(&extra);
    return n;
}

static void
look_at(gateway_t *self, zmq_msg_t frames[FRAMES], size_t n)
{
    visit_t visit = {0};
    size_t size = zmq_msg_size(&frames[NAME]);
    if (!peer_name_valid(zmq_msg_data(&frames[NAME]), size))
        return; /* nobody we could answer by name */
    memcpy(visit.name, zmq_msg_data(&frames[NAME]), size);
    bytes_t header = {zmq_msg_data(&frames[HEADER]), zmq_msg_size(&frames[HEADER])};
    visit.payload = (bytes_t){zmq_msg_data(&frames[PAYLOAD]), zmq_msg_size(&frames[PAYLOAD])};
    if (n != FRAMES)
        refuse_frame(self, visit.name, "a message is two frames: envelope and payload");
    else if (envelope_unpack(header, &visit.envelope, &visit.names) != OK)
        refuse_frame(self, visit.name, "the envelope is malformed");
    else
        serve(self, &visit);
}

bool
gateway_receive(gateway_t *self)
{
    zmq_msg_t frames[FRAMES];
    for (size_t i = 0; i < FRAMES; i++)
        zmq_msg_init(&frames[i]);
    size_t n = receive_frames(self->router, frames);
    if (n > 0) {
        gateway_read_news(self); /* whoever says this may know it already */
        look_at(self, frames, n);
    }
    for (size_t i = 0; i < FRAMES; i++)
        zmq_msg_close(&frames[i]);
    return n > 0;
}
