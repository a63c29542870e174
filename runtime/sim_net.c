#include "runtime/sim_wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  Under this many queued bytes a sender is told to go on.  */
enum { DRAINED_BYTES = 16384 };
/*  Ports that were not chosen.  */
enum { FIRST_PORT = 40001 };
enum { CLOSE_ABNORMAL = 1006, CLOSE_TOO_LARGE = 1009 };

network_t *
network_new(world_t *world)
{
    network_t *self = mem_new(sizeof *self);
    self->world = world;
    return self;
}

/*  Between steps: nobody holds an end then.  */
static void
sweep(network_t *self)
{
    wire_t **at = &self->wires;
    while (*at) {
        wire_t *wire = *at;
        if (!wire_unused(wire)) {
            at = &wire->next;
            continue;
        }
        *at = wire->next;
        wire_destroy(&wire);
    }
}

/*  ---------------------------------------------------------------- opening a connection  */

static void
open_arrives(end_t *self, const news_t *news)
{
    (void) news;
    net_t *net = self->net;
    self->open = true;
    net->sink.open(net->sink.host, self->id, 0);
    net->owner.touched(net->owner.self);
}

static net_t *
find_listener(const network_t *self, const char *host)
{
    for (net_t *net = self->nets; net; net = net->next)
        if (net->listening && !net->down && net->address && strcmp(net->address, host) == 0)
            return net;
    return NULL;
}

static void
accept_dial(end_t *self, net_t *net, uint64_t token)
{
    self->net = net;
    self->id = ++net->network->last_id;
    self->limits = net->limits;
    self->open = true;
    end_post(end_peer(self), &(news_t){.arrive = open_arrives}, NULL);
    net->sink.open(net->sink.host, self->id, token);
}

/*  A body is as long as it is: it is the reason that the dialler hears.  */
static void
give_answer(end_t *self, const net_answer_t *answer)
{
    self->net = NULL;
    end_close(end_peer(self), answer->status, answer->body ? answer->body : "");
}

/*  The listening end has nobody yet.  */
static void
dial_arrives(end_t *self, const news_t *news)
{
    (void) news;
    wire_t *wire = self->wire;
    net_t *net = find_listener(wire->network, wire->host);
    if (net == NULL) {
        end_close(end_peer(self), 0, "refused");
        return;
    }
    net_upgrade_t upgrade = {
        .upgrade = !wire->plain,
        .method = "GET",
        .path = wire->path,
        .query = wire->query,
        .protocol = wire->protocol,
        .origin = "",
        .host = wire->host,
        .peer = "simulated",
        .authorization = wire->authorization,
    };
    net_answer_t answer = {0};
    if (wire->plain) {
        self->net = net;
        upgrade.conn = ++net->network->last_id;
    }
    net->sink.upgrade(net->sink.host, &upgrade, &answer);
    if (wire->plain && answer.status == NET_LATER)
        self->id = upgrade.conn; /* by which sim_reply() finds it */
    else if (wire->plain)
        give_answer(self, &answer);
    else if (answer.status == 101)
        accept_dial(self, net, answer.token);
    else
        end_close(end_peer(self), answer.status, answer.body ? answer.body : "refused");
    net->owner.touched(net->owner.self);
}

static conn_t
sim_dial(net_t *self, const net_dial_t *request, const net_limits_t *limits, fault_t *fault)
{
    static const char scheme[] = "ws://", plain[] = "http://";
    const char *url = request->url;
    const bool is_plain = strncmp(url, plain, strlen(plain)) == 0;
    const char *host = url + (is_plain ? strlen(plain) : strlen(scheme));
    if ((!is_plain && strncmp(url, scheme, strlen(scheme)) != 0) || strcspn(host, "/?") == 0) {
        fault_set(fault, ERR_CONFIG, "server %s: not of the form ws://HOST:PORT/PATH", url);
        return 0;
    }
    const char *path = host + strcspn(host, "/?");
    size_t path_size = strcspn(path, "?");
    const char *query = path[path_size] == '?' ? path + path_size + 1 : "";

    wire_t *wire = mem_new(sizeof *wire);
    wire->network = self->network;
    wire->plain = is_plain;
    wire->host = mem_format("%.*s", (int) (path - host), host);
    wire->path = path_size > 0 ? mem_format("%.*s", (int) path_size, path) : mem_text("/");
    wire->query = mem_text(query);
    wire->protocol = mem_text(request->protocol ? request->protocol : "");
    wire->authorization = mem_text(request->authorization ? request->authorization : "");
    wire->ends[DIALLER] =
        (end_t){.wire = wire, .id = ++self->network->last_id, .net = self, .limits = *limits};
    wire->ends[LISTENER].wire = wire;
    wire->next = self->network->wires;
    self->network->wires = wire;
    if (self->down)
        end_close(&wire->ends[DIALLER], 0, "unreachable");
    else
        end_post(&wire->ends[LISTENER], &(news_t){.arrive = dial_arrives}, NULL);
    return wire->ends[DIALLER].id;
}

/*  HOST:PORT with a port that nobody has.  */
static char *
any_port(net_t *self, const char *address)
{
    const int host = (int) (strrchr(address, ':') - address);
    return mem_format("%.*s:%d", host, address, FIRST_PORT + self->network->last_port++);
}

static bool
wants_any_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon && strcmp(colon, ":0") == 0;
}

static err_t
sim_listen(net_t *self, const net_listen_t *request, const net_limits_t *limits, int *port,
           fault_t *fault)
{
    if (wants_any_port(request->address))
        self->address = self->any_port = any_port(self, request->address);
    if (find_listener(self->network, self->address ? self->address : ""))
        return fault_set(fault, ERR_EXISTS, "%s: somebody listens there already",
                         request->address);
    const char *colon = strrchr(self->address ? self->address : request->address, ':');
    self->listening = true;
    self->limits = *limits;
    *port = colon ? (int) strtol(colon + 1, NULL, 10) : 0;
    return OK;
}

/*  -------------------------------------------------------------------- an open connection  */

static end_t *
find_end(const net_t *self, conn_t conn)
{
    for (wire_t *wire = self->network->wires; wire; wire = wire->next)
        for (size_t i = 0; i < 2; i++)
            if (wire->ends[i].net == self && wire->ends[i].id == conn)
                return &wire->ends[i];
    return NULL;
}

static void
note_sent(end_t *self, size_t size)
{
    size_t before = self->queued;
    self->queued = before - size;
    bool crossed = before > DRAINED_BYTES && self->queued <= DRAINED_BYTES;
    if (self->open && (crossed || self->queued == 0))
        self->drained_ns = self->wire->network->world->now_ns;
}

static void
frame_arrives(end_t *self, const news_t *news)
{
    net_t *net = self->net;
    note_sent(end_peer(self), news->size);
    if (self->limits.max_frame > 0 && news->size > self->limits.max_frame) {
        wire_cut(self->wire, CLOSE_TOO_LARGE, "frame too large");
        return;
    }
    bytes_t frame = {news->data, news->size};
    world_note_frame(net->network->world, self->wire->host, self->id, frame);
    net->sink.frame(net->sink.host, self->id, frame, news->binary);
    net->owner.touched(net->owner.self);
}

static void
sim_send(net_t *self, conn_t conn, bytes_t frame, bool binary)
{
    end_t *end = find_end(self, conn);
    if (end == NULL || !end->open || end->closing)
        return;
    world_t *world = self->network->world;
    if (world_chance(world, world->faults.net_cut)) {
        wire_cut(end->wire, CLOSE_ABNORMAL, "connection lost");
        return;
    }
    end_t *peer = end_peer(end);
    if (peer->net == NULL || peer->closing)
        return;
    news_t what = {
        .arrive = frame_arrives, .is_frame = true, .binary = binary, .size = frame.size};
    int copies = world_chance(world, world->faults.net_duplicate) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        end->queued += frame.size;
        end_post(peer, &what, frame.data);
    }
}

static size_t
sim_queued(net_t *self, conn_t conn)
{
    const end_t *end = find_end(self, conn);
    return end ? end->queued : 0;
}

static void
sim_pause(net_t *self, conn_t conn, bool pause)
{
    end_t *end = find_end(self, conn);
    if (end)
        end->paused = pause;
}

static void
sim_hang_up(net_t *self, conn_t conn, int code, const char *reason)
{
    end_t *end = find_end(self, conn);
    if (end == NULL || end->closing)
        return;
    const char *why = reason ? reason : "";
    if (!end->open) {
        wire_cut(end->wire, 0, why);
        return;
    }
    end_close(end_peer(end), code, why);
    end_forget(end);
    end->open = false;
    end_close(end, code, why);
}

static void
sim_reply(net_t *self, conn_t conn, const net_answer_t *answer)
{
    end_t *end = find_end(self, conn);
    if (end && end->wire->plain && end == &end->wire->ends[LISTENER])
        give_answer(end, answer);
}

/*  ------------------------------------------------------------------------- the agenda  */

static void
run_news(void *subject)
{
    end_t *end = subject;
    news_t *news = end_pop(end);
    news->arrive(end, news);
    free(news);
}

static void
run_drained(void *subject)
{
    end_t *end = subject;
    net_t *net = end->net;
    end->drained_ns = 0;
    net->sink.drained(net->sink.host, end->id);
    net->owner.touched(net->owner.self);
}

static void
end_agenda(end_t *self, agenda_t *agenda)
{
    if (self->first && !(self->paused && self->first->is_frame))
        agenda_add(agenda, self->first->at_ns, run_news, self);
    if (self->net && self->open && self->drained_ns > 0)
        agenda_add(agenda, self->drained_ns, run_drained, self);
}

void
network_agenda(network_t *self, agenda_t *agenda)
{
    sweep(self);
    for (wire_t *wire = self->wires; wire; wire = wire->next) {
        end_agenda(&wire->ends[DIALLER], agenda);
        end_agenda(&wire->ends[LISTENER], agenda);
    }
}

/*  ----------------------------------------------------------------- actors on the network  */

net_t *
network_join(network_t *self, const char *address, const net_sink_t *sink, net_owner_t owner)
{
    net_t *net = mem_new(sizeof *net);
    net->network = self;
    net->address = address;
    net->sink = *sink;
    net->owner = owner;
    net->next = self->nets;
    self->nets = net;
    return net;
}

static void
cut_all(net_t *self, bool silently)
{
    for (wire_t *wire = self->network->wires; wire; wire = wire->next) {
        end_t *ends = wire->ends;
        if (ends[DIALLER].net != self && ends[LISTENER].net != self)
            continue;
        for (size_t i = 0; silently && i < 2; i++)
            if (ends[i].net == self)
                ends[i].net = NULL;
        wire_cut(wire, CLOSE_ABNORMAL, "connection lost");
    }
}

void
network_leave(net_t **self_p)
{
    net_t *self = *self_p;
    if (self == NULL)
        return;
    cut_all(self, true);
    net_t **at = &self->network->nets;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    free(self->any_port);
    free(self);
    *self_p = NULL;
}

void
net_link(net_t *self, bool up)
{
    self->down = !up;
    if (!up)
        cut_all(self, false);
}

void
network_destroy(network_t **self_p)
{
    network_t *self = *self_p;
    if (self == NULL)
        return;
    assert(self->nets == NULL);
    sweep(self);
    free(self);
    *self_p = NULL;
}

const net_driver_t sim_net_driver = {
    .name = "sim",
    .listen = sim_listen,
    .dial = sim_dial,
    .send = sim_send,
    .queued = sim_queued,
    .pause = sim_pause,
    .hang_up = sim_hang_up,
    .reply = sim_reply,
};
