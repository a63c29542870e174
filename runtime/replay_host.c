/*  The host of an actor that lives on a tape.  */

#include "runtime/replay_private.h"

#include <string.h>

/*  ---------------------------------------------------------------------- comparing  */

static bool
bytes_equal(bytes_t a, bytes_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool
is_same(const tape_event_t *a, const tape_event_t *b)
{
    if (a->kind != b->kind)
        return false;
    const tape_about_t *about = tape_about(a->kind);
    for (size_t i = 0; about->numbers[i]; i++)
        if (about->numbers[i][0] != '?' && a->numbers[i] != b->numbers[i])
            return false;
    for (size_t i = 0; about->texts[i]; i++)
        if (about->texts[i][0] != '?' && !bytes_equal(a->texts[i], b->texts[i]))
            return false;
    return true;
}

static void
note_difference(replay_t *self, const tape_event_t *expected, const tape_event_t *got)
{
    replay_result_t *result = self->result;
    self->running = false;
    result->event = self->at;
    if (expected)
        tape_describe(expected, &result->expected);
    else
        buffer_add_text(&result->expected, "nothing more");
    tape_describe(got, &result->got);
}

bool
replay_expect(replay_t *self, const tape_event_t *got, tape_event_t *found)
{
    if (!self->running)
        return false;
    bool over = self->at > tape_size(self->tape);
    *found = over ? (tape_event_t){.kind = TAPE_end} : tape_at(self->tape, self->at);
    if (over || !is_same(found, got)) {
        note_difference(self, over ? NULL : found, got);
        return false;
    }
    self->at++;
    self->result->outputs += tape_about(got->kind)->class == TAPE_OUTPUT;
    return true;
}

void
replay_miss(replay_t *self, const char *got)
{
    tape_event_t expected = tape_at(self->tape, self->at);
    self->running = false;
    self->result->event = self->at;
    tape_describe(&expected, &self->result->expected);
    buffer_add_text(&self->result->got, got);
}

/*  What the call came to, or zeros when the replay is over.  */
static tape_event_t
expect(replay_t *self, const tape_event_t *got)
{
    tape_event_t found;
    return replay_expect(self, got, &found) ? found : (tape_event_t){.kind = got->kind};
}

#define EXPECT(self, what, ...) expect(self, &(tape_event_t){.kind = what, __VA_ARGS__})

/*  -------------------------------------------------------------------- the transport  */

static err_t
err_of(uint64_t number)
{
    return number < ERR_COUNT ? (err_t) number : ERR_FAILED;
}

static err_t
put(void *replay, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    bytes_t bytes = payload ? (bytes_t){payload->data, payload->size} : (bytes_t){0};
    tape_event_t found = EXPECT(replay, TAPE_put, {lane}, {tape_text(to), header, bytes});
    return err_of(found.numbers[1]);
}

/*  When the replay is over the clock stands still.  */
static uint64_t
now_ns(void *replay)
{
    replay_t *self = replay;
    tape_event_t found;
    if (replay_expect(self, &(tape_event_t){.kind = TAPE_now}, &found))
        self->last_now = found;
    return self->last_now.numbers[0];
}

static uint64_t
chance(void *replay)
{
    return EXPECT(replay, TAPE_chance, .numbers = {0}).numbers[0];
}

static int64_t
wall_ms(void *replay)
{
    replay_t *self = replay;
    tape_event_t found;
    if (replay_expect(self, &(tape_event_t){.kind = TAPE_wall}, &found))
        self->last_wall = found;
    return (int64_t) self->last_wall.numbers[0];
}

/*  ------------------------------------------------------------------------ the host  */

static void
log_line(void *replay, const log_line_t *line)
{
    (void) EXPECT(replay, TAPE_log, .texts = {tape_text(line->level), tape_text(line->text)});
}

static void
watch_fd(void *replay, int fd, int ready)
{
    replay_t *self = replay;
    const size_t place = tape_places_of(&self->places, fd);
    (void) EXPECT(self, TAPE_watch, {place, (uint64_t) ready});
    if (ready == 0)
        tape_places_free(&self->places, place);
}

static void
state(void *replay, cell_state_t state, const char *reason)
{
    (void) EXPECT(replay, TAPE_state, {state}, {tape_text(reason)});
}

static err_t
watch_tap(void *replay, tap_want_t want)
{
    return err_of(EXPECT(replay, TAPE_watch_tap, {want}).numbers[1]);
}

static const char *
monitor(void *replay)
{
    const char *address = tape_text_of(EXPECT(replay, TAPE_monitor, .numbers = {0}).texts[0]);
    return address ? address : "";
}

const cell_host_t replay_host = {
    .transport = {.put = put, .now_ns = now_ns, .random = chance, .wall_ms = wall_ms},
    .log = log_line,
    .watch_fd = watch_fd,
    .state = state,
    .watch_tap = watch_tap,
    .monitor = monitor,
};

/*  --------------------------------------------------------------------- the network  */

/*  A driver may call back before it returns.  */
static void
feed_nested(replay_t *self)
{
    while (self->running && self->at <= tape_size(self->tape)
           && tape_about(tape_at(self->tape, self->at).kind)->class == TAPE_INPUT)
        replay_feed(self);
}

static err_t
net_listen_replayed(net_t *replay, const net_listen_t *request, const net_limits_t *limits,
                    int *port, fault_t *fault)
{
    replay_t *self = (replay_t *) replay;
    (void) limits;
    (void) EXPECT(self, TAPE_listen,
                  .texts = {tape_text(request->address), tape_text(request->certificate),
                            tape_text(request->key)});
    feed_nested(self);
    tape_event_t found = EXPECT(self, TAPE_listening, .numbers = {0});
    err_t err = err_of(found.numbers[1]);
    *port = (int) (found.numbers[0] & UINT16_MAX);
    const char *text = tape_text_of(found.texts[0]);
    return err == OK ? OK : fault_set(fault, err, "%s", text ? text : "");
}

static conn_t
net_dial_replayed(net_t *replay, const net_dial_t *request, const net_limits_t *limits,
                  fault_t *fault)
{
    replay_t *self = (replay_t *) replay;
    (void) limits;
    (void) EXPECT(
        self, TAPE_dial, {request->authorization != NULL},
        {tape_text(request->url), tape_text(request->protocol), tape_text(request->ca_file)});
    feed_nested(self);
    tape_event_t found = EXPECT(self, TAPE_dialled, .numbers = {0});
    const char *text = tape_text_of(found.texts[0]);
    if (found.numbers[0] == 0)
        fault_set(fault, err_of(found.numbers[1]), "%s", text ? text : "");
    return found.numbers[0];
}

static void
net_send_replayed(net_t *replay, conn_t conn, bytes_t frame, bool binary)
{
    (void) EXPECT((replay_t *) replay, TAPE_send, {conn, binary}, {frame});
}

static size_t
net_queued_replayed(net_t *replay, conn_t conn)
{
    return EXPECT((replay_t *) replay, TAPE_queued, {conn}).numbers[1];
}

static void
net_pause_replayed(net_t *replay, conn_t conn, bool pause)
{
    (void) EXPECT((replay_t *) replay, TAPE_pause, {conn, pause});
}

static void
net_hang_up_replayed(net_t *replay, conn_t conn, int code, const char *reason)
{
    (void) EXPECT((replay_t *) replay, TAPE_hang_up, {conn, (uint64_t) code},
                  {tape_text(reason)});
}

static void
net_reply_replayed(net_t *replay, conn_t conn, const net_answer_t *answer)
{
    const tape_event_t got = taping_answer_event(conn, answer);
    (void) expect((replay_t *) replay, &got);
}

const net_driver_t replay_driver = {
    .name = "replayed",
    .listen = net_listen_replayed,
    .dial = net_dial_replayed,
    .send = net_send_replayed,
    .queued = net_queued_replayed,
    .pause = net_pause_replayed,
    .hang_up = net_hang_up_replayed,
    .reply = net_reply_replayed,
};
