/*  What stands between a cell that is recorded and its host: each call goes through, and is
    written down with what it came to.  */

#include "runtime/system_private.h"
#include "runtime/taping_private.h"

#include <string.h>

void
taping_note(taping_t *self, const tape_event_t *event)
{
    if (self->depth > 0)
        tape_write(self->tape, event);
}

#define NOTE(self, what, ...) taping_note(self, &(tape_event_t){.kind = what, __VA_ARGS__})

/*  -------------------------------------------------------------------- the transport  */

static err_t
put(void *taping, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    taping_t *self = taping;
    const transport_t *plain = &self->plain.transport;
    err_t err = plain->put(plain->self, to, lane, header, payload);
    bytes_t bytes = payload ? (bytes_t){payload->data, payload->size} : (bytes_t){0};
    NOTE(self, TAPE_put, {lane, err}, {tape_text(to), header, bytes});
    return err;
}

static uint64_t
now_ns(void *taping)
{
    taping_t *self = taping;
    uint64_t now = self->plain.transport.now_ns(self->plain.transport.self);
    NOTE(self, TAPE_now, {now});
    return now;
}

static uint64_t
chance(void *taping)
{
    taping_t *self = taping;
    uint64_t number = self->plain.transport.random(self->plain.transport.self);
    NOTE(self, TAPE_chance, {number});
    return number;
}

static int64_t
wall_ms(void *taping)
{
    taping_t *self = taping;
    int64_t ms = self->plain.transport.wall_ms(self->plain.transport.self);
    NOTE(self, TAPE_wall, {(uint64_t) ms});
    return ms;
}

/*  ------------------------------------------------------------------------ the host  */

static void
log_line(void *taping, const log_line_t *line)
{
    taping_t *self = taping;
    NOTE(self, TAPE_log, .texts = {tape_text(line->level), tape_text(line->text)});
    self->plain.log(self->plain.transport.self, line);
}

static void
watch_fd(void *taping, int fd, int ready)
{
    taping_t *self = taping;
    const size_t place = tape_places_of(&self->places, fd);
    NOTE(self, TAPE_watch, {place, (uint64_t) ready});
    if (ready == 0)
        tape_places_free(&self->places, place);
    self->plain.watch_fd(self->plain.transport.self, fd, ready);
}

static void
state(void *taping, cell_state_t state, const char *reason)
{
    taping_t *self = taping;
    NOTE(self, TAPE_state, {state}, {tape_text(reason)});
    self->plain.state(self->plain.transport.self, state, reason);
}

static void
tap(void *taping, tap_point_t point, const envelope_t *envelope, bytes_t payload, err_t err)
{
    taping_t *self = taping;
    self->plain.tap(self->plain.transport.self, point, envelope, payload, err);
}

static err_t
watch_tap(void *taping, tap_want_t want)
{
    taping_t *self = taping;
    err_t err = ERR_NOT_FOUND;
    if (self->plain.watch_tap)
        err = self->plain.watch_tap(self->plain.transport.self, want);
    NOTE(self, TAPE_watch_tap, {want, err});
    return err;
}

static const char *
monitor(void *taping)
{
    taping_t *self = taping;
    const char *address = system_monitor_known(&self->cell->ctx);
    NOTE(self, TAPE_monitor, .texts = {tape_text(address)});
    return address;
}

/*  --------------------------------------------------------------------- the network  */

static err_t
net_listen_taped(net_t *taping, const net_listen_t *request, const net_limits_t *limits,
                 int *port, fault_t *fault)
{
    taping_t *self = (taping_t *) taping;
    fault_t why = {0};
    NOTE(self, TAPE_listen,
         .texts = {tape_text(request->address), tape_text(request->certificate),
                   tape_text(request->key)});
    err_t err = self->driver->listen(self->net, request, limits, port, &why);
    NOTE(self, TAPE_listening, {(uint64_t) *port, err}, {tape_text(why.text)});
    return err == OK ? OK : fault_set(fault, err, "%s", why.text);
}

/*  What authorizes is not for a file.  */
static conn_t
net_dial_taped(net_t *taping, const net_dial_t *request, const net_limits_t *limits,
               fault_t *fault)
{
    taping_t *self = (taping_t *) taping;
    fault_t why = {0};
    NOTE(self, TAPE_dial, {request->authorization != NULL},
         {tape_text(request->url), tape_text(request->protocol), tape_text(request->ca_file)});
    conn_t conn = self->driver->dial(self->net, request, limits, &why);
    NOTE(self, TAPE_dialled, {conn, why.err}, {tape_text(why.text)});
    if (conn == 0)
        fault_set(fault, why.err, "%s", why.text);
    return conn;
}

static void
net_send_taped(net_t *taping, conn_t conn, bytes_t frame, bool binary)
{
    taping_t *self = (taping_t *) taping;
    NOTE(self, TAPE_send, {conn, binary}, {frame});
    self->driver->send(self->net, conn, frame, binary);
}

static size_t
net_queued_taped(net_t *taping, conn_t conn)
{
    taping_t *self = (taping_t *) taping;
    size_t queued = self->driver->queued(self->net, conn);
    NOTE(self, TAPE_queued, {conn, queued});
    return queued;
}

static void
net_pause_taped(net_t *taping, conn_t conn, bool pause)
{
    taping_t *self = (taping_t *) taping;
    NOTE(self, TAPE_pause, {conn, pause});
    self->driver->pause(self->net, conn, pause);
}

static void
net_hang_up_taped(net_t *taping, conn_t conn, int code, const char *reason)
{
    taping_t *self = (taping_t *) taping;
    NOTE(self, TAPE_hang_up, {conn, (uint64_t) code}, {tape_text(reason)});
    self->driver->hang_up(self->net, conn, code, reason);
}

tape_event_t
taping_answer_event(conn_t conn, const net_answer_t *answer)
{
    return (tape_event_t){
        .kind = TAPE_reply,
        {conn, (uint64_t) answer->status, answer->token},
        {tape_text(answer->protocol), tape_text(answer->type), tape_text(answer->headers),
         tape_text(answer->body)},
    };
}

void
taping_answer(taping_t *self, conn_t conn, const net_answer_t *answer)
{
    const tape_event_t event = taping_answer_event(conn, answer);
    taping_note(self, &event);
}

static void
net_reply_taped(net_t *taping, conn_t conn, const net_answer_t *answer)
{
    taping_t *self = (taping_t *) taping;
    taping_answer(self, conn, answer);
    self->driver->reply(self->net, conn, answer);
}

static const net_driver_t driver = {
    .name = "recorded",
    .listen = net_listen_taped,
    .dial = net_dial_taped,
    .send = net_send_taped,
    .queued = net_queued_taped,
    .pause = net_pause_taped,
    .hang_up = net_hang_up_taped,
    .reply = net_reply_taped,
};

/*  ------------------------------------------------------------------------ in and out  */

void
taping_step_in(taping_t *self)
{
    cell_t *cell = self->cell;
    self->plain = cell->host;
    self->driver = cell->driver;
    self->net = cell->net;
    cell->host.transport =
        (transport_t){self, put, now_ns, chance, wall_ms, self->plain.transport.dead};
    cell->host.log = log_line;
    cell->host.watch_fd = watch_fd;
    cell->host.state = state;
    cell->host.tap = tap;
    cell->host.watch_tap = watch_tap;
    cell->host.monitor = monitor;
    if (self->driver) {
        cell->driver = &driver;
        cell->net = (net_t *) self;
    }
}

void
taping_step_out(taping_t *self)
{
    self->cell->host = self->plain;
    self->cell->driver = self->driver;
    self->cell->net = self->net;
}

/*  ------------------------------------------------------------------------ inputs  */

void
taping_input(taping_t *self, const tape_event_t *event)
{
    self->depth++;
    tape_write(self->tape, event);
}

void
taping_letter(taping_t *self, const letter_t *letter)
{
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&letter->envelope, header);
    taping_input(
        self, &(tape_event_t){.kind = TAPE_letter, .texts = {{header, size}, letter->payload}});
}

void
taping_ready(taping_t *self, int fd, int ready)
{
    taping_input(self, &(tape_event_t){.kind = TAPE_ready,
                                       {tape_places_of(&self->places, fd), (uint64_t) ready}});
}

void
taping_tapped(taping_t *self, const tap_record_t *record)
{
    tap_head_t head = {.n = record->n, .dropped = record->dropped};
    memcpy(head.actor, record->actor, sizeof head.actor);
    tap_head_pack(&head, &self->scratch);
    tap_record_pack(record, &self->scratch);
    taping_input(self,
                 &(tape_event_t){.kind = TAPE_tapped, .texts = {buffer_bytes(&self->scratch)}});
}

void
taping_upgrade(taping_t *self, const net_upgrade_t *upgrade)
{
    taping_input(self, &(tape_event_t){
                           .kind = TAPE_upgrade,
                           {upgrade->upgrade, upgrade->conn},
                           {tape_text(upgrade->method), tape_text(upgrade->path),
                            tape_text(upgrade->query), tape_text(upgrade->protocol),
                            tape_text(upgrade->origin), tape_text(upgrade->host),
                            tape_text(upgrade->authorization), tape_text(upgrade->peer)},
                       });
}

void
taping_done(taping_t *self)
{
    self->depth--;
}
