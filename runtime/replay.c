#include "runtime/replay_private.h"

#include <stdlib.h>
#include <string.h>

/*  ----------------------------------------------------------------------- inputs  */

static void
feed_start(replay_t *self, const tape_event_t *event)
{
    (void) event;
    cell_restart(self->cell);
}

static void
release(letter_t *letter)
{
    free(letter);
}

static void
feed_letter(replay_t *self, const tape_event_t *event)
{
    letter_t *letter = mem_new(sizeof *letter);
    letter->release = release;
    letter->payload = event->texts[1];
    if (envelope_unpack(event->texts[0], &letter->envelope, &letter->names) == OK) {
        cell_take(self->cell, letter);
        return;
    }
    free(letter);
    self->broken = true;
}

static void
feed_turn(replay_t *self, const tape_event_t *event)
{
    cell_turn(self->cell, event->numbers[0] != 0);
}

static void
feed_ready(replay_t *self, const tape_event_t *event)
{
    const int fd = tape_places_fd(&self->places, event->numbers[0]);
    if (fd >= 0)
        cell_on_fd(self->cell, fd, (int) (event->numbers[1] & INT32_MAX));
}

static void
feed_tapped(replay_t *self, const tape_event_t *event)
{
    tap_reader_t reader;
    tap_record_t record = {0};
    if (tap_reader_open(&reader, event->texts[0]) && tap_reader_next(&reader, &record))
        cell_on_tapped(self->cell, &record);
    else
        self->broken = true;
}

static void
feed_drain(replay_t *self, const tape_event_t *event)
{
    (void) event;
    cell_drain(self->cell);
}

/*  The network of one that has none is a tape of something else.  */
static bool
sink_of(replay_t *self, net_sink_t *sink)
{
    *sink = cell_sink(self->cell);
    if (self->cell->class->net == NULL)
        self->broken = true;
    return !self->broken;
}

static const char *
text_or_empty(bytes_t text)
{
    return text.data ? tape_text_of(text) : "";
}

static void
feed_upgrade(replay_t *self, const tape_event_t *event)
{
    net_sink_t sink;
    net_answer_t answer = {0};
    const net_upgrade_t upgrade = {
        .upgrade = event->numbers[0] != 0,
        .conn = event->numbers[1],
        .method = text_or_empty(event->texts[0]),
        .path = text_or_empty(event->texts[1]),
        .query = text_or_empty(event->texts[2]),
        .protocol = text_or_empty(event->texts[3]),
        .origin = text_or_empty(event->texts[4]),
        .host = text_or_empty(event->texts[5]),
        .authorization = text_or_empty(event->texts[6]),
        .peer = text_or_empty(event->texts[7]),
    };
    if (!sink_of(self, &sink))
        return;
    sink.upgrade(sink.host, &upgrade, &answer);
    const tape_event_t got = taping_answer_event(upgrade.conn, &answer);
    tape_event_t found;
    (void) replay_expect(self, &got, &found);
}

static void
feed_open(replay_t *self, const tape_event_t *event)
{
    net_sink_t sink;
    if (sink_of(self, &sink))
        sink.open(sink.host, event->numbers[0], event->numbers[1]);
}

static void
feed_frame(replay_t *self, const tape_event_t *event)
{
    net_sink_t sink;
    if (sink_of(self, &sink))
        sink.frame(sink.host, event->numbers[0], event->texts[0], event->numbers[1] != 0);
}

static void
feed_drained(replay_t *self, const tape_event_t *event)
{
    net_sink_t sink;
    if (sink_of(self, &sink))
        sink.drained(sink.host, event->numbers[0]);
}

static void
feed_closed(replay_t *self, const tape_event_t *event)
{
    net_sink_t sink;
    if (sink_of(self, &sink))
        sink.close(sink.host, event->numbers[0], (int) (int64_t) event->numbers[1],
                   tape_text_of(event->texts[0]));
}

static void (*const feeders[TAPE_KIND_COUNT])(replay_t *self, const tape_event_t *event) = {
    [TAPE_start] = feed_start,   [TAPE_letter] = feed_letter, [TAPE_turn] = feed_turn,
    [TAPE_ready] = feed_ready,   [TAPE_tapped] = feed_tapped, [TAPE_upgrade] = feed_upgrade,
    [TAPE_open] = feed_open,     [TAPE_frame] = feed_frame,   [TAPE_drained] = feed_drained,
    [TAPE_closed] = feed_closed, [TAPE_drain] = feed_drain,
};

void
replay_feed(replay_t *self)
{
    const tape_event_t event = tape_at(self->tape, self->at);
    if (feeders[event.kind] == NULL || (event.kind == TAPE_start) != (self->at == 1)) {
        self->broken = true;
        return;
    }
    self->at++;
    self->result->inputs++;
    feeders[event.kind](self, &event);
}

/*  ------------------------------------------------------------------------- the run  */

static void
run(replay_t *self)
{
    self->running = true;
    while (self->running && !self->broken && self->at <= tape_size(self->tape)) {
        tape_event_t event = tape_at(self->tape, self->at);
        if (tape_about(event.kind)->class == TAPE_INPUT)
            replay_feed(self);
        else
            replay_miss(self, "nothing: it is through with that input");
    }
    self->running = false;
}

err_t
replay_run(const tape_reader_t *tape, const actor_class_t *class, const void *settings,
           replay_result_t *result, fault_t *fault)
{
    *result = (replay_result_t){0};
    actor_class_t named = *class; /* under the name that the other had */
    named.name = tape_head(tape)->actor;
    if (*named.name == '\0' || strlen(named.name) > NAME_ROOM)
        return fault_set(fault, ERR_MALFORMED, "its actor has no name");
    replay_t self = {.tape = tape, .at = 1, .result = result};
    cell_host_t host = replay_host;
    host.transport.self = &self;
    host.gate = &self.gate;
    self.cell = cell_new(&named, &host, &(cell_limits_t){.attempts = 1}, settings, 1);
    self.cell->replayed = true;
    if (class->net)
        cell_use_net(self.cell, &replay_driver, (net_t *) &self);
    bool good = cell_take_state(self.cell, tape_head(tape)->state);
    if (good)
        run(&self);
    good = good && !self.broken;
    cell_destroy(&self.cell);
    return good ? OK
                : fault_set(fault, ERR_MALFORMED, "event %zu makes no sense to %s", self.at,
                            class->name);
}

void
replay_result_release(replay_result_t *result)
{
    buffer_release(&result->expected);
    buffer_release(&result->got);
}
