#include "bus/members.h"

#include "bus/serving.h"
#include "schemas/codec.h"

#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { GONE_MS = 60000, ANSWERS_AT_MOST = 2 * PEER_WINDOW };

peer_t *
members_find(gateway_t *self, const char *name)
{
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        if (strcmp(peer->name, name) == 0)
            return peer;
    return NULL;
}

/*  ------------------------------------------------------------------ to the peers  */

/*  False if nobody of that name is connected.  */
static bool
send_frames(gateway_t *self, const char *name, bytes_t header, blob_t *payload)
{
    if (zmq_send(self->router, name, strlen(name), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return false;
    zmq_send(self->router, header.data, header.size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(self->router, payload->data, payload->size, ZMQ_DONTWAIT);
    return true;
}

static void
transmit(void *to, bytes_t header, blob_t *payload)
{
    peer_t *peer = to;
    if (peer->attached)
        peer->attached = send_frames(peer->owner, peer->name, header, payload);
}

/*  To somebody who is no peer (yet).  */
static void
tell_stranger(gateway_t *self, const char *name, envelope_kind_t kind, blob_t *payload)
{
    envelope_t envelope = {
        .kind = kind,
        .type = kind == ENVELOPE_HELLO ? "hello" : "bye",
        .from = "ipc",
        .to = "ipc",
        .epoch = self->options.epoch,
    };
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    send_frames(self, name, (bytes_t){header, size}, payload);
    blob_unref(&payload);
}

static hello_t
our_hello(gateway_t *self, uint64_t next_seq)
{
    return (hello_t){.name = "ipc",
                     .epoch = self->options.epoch,
                     .next_seq = next_seq,
                     .pid = (uint64_t) getpid()};
}

void
members_ask_for_hello(gateway_t *self, const char *name)
{
    hello_t hello = our_hello(self, 0);
    tell_stranger(self, name, ENVELOPE_HELLO, hello_pack(&hello));
}

void
members_refuse(gateway_t *self, const char *name, const char *why)
{
    if (report_is_news(++self->refusals))
        report_line(&self->report, "warning", "peer %s is refused: %s (%llu such so far)", name,
                    why, (unsigned long long) self->refusals);
    tell_stranger(self, name, ENVELOPE_BYE, text_pack(why));
}

blob_t *
members_pack_error(const char *actor, const envelope_t *request, const fault_t *fault,
                   envelope_t *answer)
{
    const problem_t problem = {.code = err_name(fault->err),
                               .message = fault->text,
                               .actor = actor,
                               .subject = request->type};
    buffer_t body = {0};
    message_pack(MSG_problem, &problem, &body);
    blob_t *payload = blob_new(buffer_bytes(&body));
    buffer_release(&body);
    *answer = (envelope_t){
        .kind = ENVELOPE_ERR, .type = "error", .hash = schema_hash(MSG_problem), .from = actor};
    memcpy(answer->corr, request->id, sizeof answer->corr);
    memcpy(answer->trace, request->trace, sizeof answer->trace);
    return payload;
}

void
members_answer_error(peer_t *peer, const envelope_t *request, const fault_t *fault)
{
    if (peer->link.n_answers > ANSWERS_AT_MOST) {
        gateway_bury(peer->owner, request, (bytes_t){0},
                     fault->err); /* a flood of rubbish, nothing read */
        return;
    }
    envelope_t answer;
    blob_t *payload = members_pack_error("ipc", request, fault, &answer);
    memcpy(answer.id, request->id, sizeof answer.id);
    peer_answer(peer, &answer, payload);
    blob_unref(&payload);
}

/*  ---------------------------------------------------------------- coming, going  */

bool
members_want(gateway_t *self, const char *pattern)
{
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        if (peer_has_pattern(peer, pattern))
            return true;
    return false;
}

void
members_drop_pattern(gateway_t *self, peer_t *peer, const char *pattern)
{
    if (!peer_has_pattern(peer, pattern))
        return;
    peer_remove_pattern(peer, pattern);
    if (!members_want(self, pattern))
        gateway_broadcast(self, "unsubscribe", pattern);
}

static void
tell_joined(const gateway_t *self, const char *name, const hello_t *hello)
{
    if (self->options.joined)
        self->options.joined(self->options.joined_to, name, hello);
}

static void
bury(void *gateway, const envelope_t *envelope, err_t why)
{
    gateway_bury(gateway, envelope, (bytes_t){0}, why);
}

void
members_forget(gateway_t *self, peer_t *peer, err_t why)
{
    serving_end(self, peer, why);
    while (peer->n_patterns > 0) {
        char pattern[NAME_ROOM + 1];
        memcpy(pattern, peer->patterns[0], sizeof pattern);
        members_drop_pattern(self, peer, pattern);
    }
    peer_t **at = &self->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    self->n_peers--;
    report_line(&self->report, "debug", "peer %s has left", peer->name);
    tell_joined(self, peer->address, NULL);
    peer_bury(peer, bury, self, why);
    peer_destroy(&peer);
}

static peer_t *
admit_peer(gateway_t *self, const hello_t *hello, uint64_t lowest)
{
    peer_t *peer = peer_new(hello, lowest, self->options.epoch, transmit, self);
    peer->next = self->peers;
    self->peers = peer;
    self->n_peers++;
    report_line(&self->report, "debug", "peer %s joins (process %llu)", peer->name,
                (unsigned long long) hello->pid);
    return peer;
}

void
members_welcome(gateway_t *self, peer_t *peer, const hello_t *hello)
{
    peer->attached = true;
    peer->takes = hello->takes;
    peer->says = hello->says;
    tell_joined(self, peer->address, hello);
    hello_t answer = our_hello(self, peer->link.admitted + 1);
    peer_tell(peer, ENVELOPE_HELLO, "hello", ipc_link_lowest(&peer->link), hello_pack(&answer));
    peer_settle(peer, true);
    ipc_link_resend(&peer->link, hello->next_seq);
    serving_pump(self, peer);
}

/*  The peer of that HELLO: the one we know, a new one, or nobody.  */
peer_t *
members_for_hello(gateway_t *self, const hello_t *hello, uint64_t lowest)
{
    peer_t *peer = members_find(self, hello->name);
    if (peer != NULL && peer->epoch == hello->epoch)
        return peer;
    if (peer != NULL && peer->attached && hello->epoch < peer->epoch) {
        members_refuse(self, hello->name, "a newer process has joined under this name");
        return NULL;
    }
    tasks_t unfinished = {0};
    if (peer != NULL) {
        unfinished = peer->tasks;
        peer->tasks = (tasks_t){0};
        members_forget(self, peer, ERR_OFFLINE);
    }
    if (self->n_peers >= GATEWAY_PEERS) {
        members_refuse(self, hello->name, "too many processes have joined");
        return NULL;
    }
    peer = admit_peer(self, hello, lowest);
    serving_adopt(self, peer, &unfinished);
    return peer;
}

/*  ---------------------------------------------------------------------- liveness  */

static uint64_t
ms_since(uint64_t now_ns, uint64_t then_ns)
{
    return (now_ns - then_ns) / 1000000u;
}

static void
check(gateway_t *self, peer_t *peer, uint64_t now_ns)
{
    uint64_t silent = ms_since(now_ns, peer->heard_ns);
    if (!peer->attached) {
        if (silent >= GONE_MS)
            members_forget(self, peer, ERR_OFFLINE);
    } else if (silent >= IPC_DEAD_MS) {
        peer->attached = false;
    } else if (silent >= IPC_PING_MS && ms_since(now_ns, peer->pinged_ns) >= IPC_PING_MS) {
        peer->pinged_ns = now_ns;
        peer_tell(peer, ENVELOPE_PING, "ping", peer->link.sent, NULL);
    }
}

void
members_check(gateway_t *self)
{
    uint64_t now_ns = gateway_now_ns(self);
    for (peer_t *peer = self->peers, *next; peer != NULL; peer = next) {
        next = peer->next;
        serving_check(self, peer);
        check(self, peer, now_ns);
    }
}

static long
next_ms(const peer_t *peer, uint64_t now_ns)
{
    uint64_t last =
        peer->attached && peer->pinged_ns > peer->heard_ns ? peer->pinged_ns : peer->heard_ns;
    uint64_t wait = peer->attached ? IPC_PING_MS : GONE_MS;
    uint64_t passed = ms_since(now_ns, last);
    return passed >= wait ? 0 : (long) (wait - passed);
}

long
members_next_ms(gateway_t *self)
{
    uint64_t now_ns = gateway_now_ns(self);
    long soonest = -1;
    for (const peer_t *peer = self->peers; peer != NULL; peer = peer->next) {
        long ms = next_ms(peer, now_ns) + 1;
        if (soonest < 0 || ms < soonest)
            soonest = ms;
    }
    return soonest;
}

void
members_dismiss(gateway_t *self)
{
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        serving_end(self, peer, ERR_STOPPED);
    while (self->peers != NULL) {
        peer_t *peer = self->peers;
        self->peers = peer->next;
        tell_joined(self, peer->address, NULL);
        peer_tell(peer, ENVELOPE_BYE, "bye", 0, text_pack("shutting down"));
        peer_bury(peer, bury, self, ERR_STOPPED);
        peer_destroy(&peer);
    }
    self->n_peers = 0;
}
