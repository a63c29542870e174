/*  tap seq - messages as a sequence diagram, in the language of Mermaid.  */

#include "runtime/tape.h"
#include "tools/show.h"
#include "tools/tap/about.h"
#include "tools/tap/filter.h"
#include "tools/tap/gather.h"
#include "tools/tap/tap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MS = 5000, DEFAULT_MOST = 200, MOST_LABEL = 80 };

typedef struct arrow {
    uint64_t now_ns, n;
    char from[NAME_ROOM + 1], to[NAME_ROOM + 1];
    char label[MOST_LABEL + NAME_ROOM + 2];
    envelope_kind_t kind;
    bool dead;
} arrow_t;

typedef struct diagram {
    const char *trace;
    bool json;
    filter_t *filter;
    arrow_t *arrows;
    size_t n, most;
    arena_t arena;
} diagram_t;

/*  How Mermaid draws them.  */
static const char *const heads[ENVELOPE_KIND_COUNT] = {
    [ENVELOPE_CAST] = "->>", [ENVELOPE_REQ] = "->>", [ENVELOPE_EVT] = "-)",
    [ENVELOPE_REP] = "-->>", [ENVELOPE_ERR] = "--x",
};

/*  ------------------------------------------------------------------------ arrows  */

/*  What would end a line or begin something else there becomes a blank.  */
static void
write_label(const envelope_t *envelope, message_id_t id, const void *body, char *label)
{
    buffer_t about = {0};
    if (body)
        about_write(id, body, &about);
    const char *text = buffer_text(&about);
    (void) snprintf(label, MOST_LABEL + NAME_ROOM + 2, "%s%s%.*s", envelope->type,
                    *text ? " " : "", MOST_LABEL, text);
    for (char *at = label; *at; at++)
        if (strchr(";#<>\n\"", *at) || (unsigned char) *at >= 0x7f)
            *at = ' ';
    buffer_release(&about);
}

static bool
is_of_trace(const diagram_t *self, const envelope_t *envelope)
{
    char text[UUID_TEXT];
    return self->trace == NULL || strcmp(uuid_text(envelope->trace, text), self->trace) == 0
           || strcmp(uuid_text(envelope->id, text), self->trace) == 0;
}

static void
add(diagram_t *self, const tap_record_t *record, message_id_t id, const void *body)
{
    const envelope_t *envelope = &record->envelope;
    arrow_t *arrow;
    self->arrows = mem_grow(self->arrows, (self->n + 1) * sizeof *self->arrows);
    arrow = &self->arrows[self->n++];
    *arrow = (arrow_t){.now_ns = record->now_ns, .n = record->n};
    (void) snprintf(arrow->from, sizeof arrow->from, "%s", envelope->from);
    (void) snprintf(arrow->to, sizeof arrow->to, "%s", envelope->to);
    arrow->kind = envelope->kind;
    arrow->dead = record->point == TAP_dead;
    write_label(envelope, id, body, arrow->label);
}

/*  Of an event there is one sending and a coming in for each who hears it; programs that joined
    are not watched themselves.  */
static bool
makes_an_arrow(const tap_record_t *record)
{
    const envelope_t *envelope = &record->envelope;
    bool comes_in =
        envelope->kind == ENVELOPE_EVT || strncmp(envelope->from, "ipc/", strlen("ipc/")) == 0;
    return record->point == TAP_dead || record->point == (comes_in ? TAP_recv : TAP_send);
}

static bool
take(void *diagram, const tap_record_t *record)
{
    diagram_t *self = diagram;
    message_id_t id = MSG_COUNT;
    const void *body = tap_body(record, &self->arena, &id);
    if (makes_an_arrow(record) && heads[record->envelope.kind]
        && is_of_trace(self, &record->envelope)
        && filter_passes(self->filter, record, id, body))
        add(self, record, id, body);
    arena_clear(&self->arena);
    return self->n < self->most;
}

/*  -------------------------------------------------------------------- a recording  */

/*  An event as a record, if it is a message; time is that of the last look at the clock.  */
static bool
take_event(diagram_t *self, const tape_event_t *event, size_t n, uint64_t now)
{
    bool put = event->kind == TAPE_put;
    tap_record_t record = {.n = n, .now_ns = now};
    if ((!put && event->kind != TAPE_letter)
        || envelope_unpack(event->texts[put], &record.envelope, &record.names) != OK)
        return true;
    record.payload = event->texts[put + 1];
    record.size = record.payload.size;
    record.point = TAP_recv; /* as makes_an_arrow() wants it */
    if (!makes_an_arrow(&record))
        record.point = TAP_send;
    return take(self, &record);
}

static int
read_recording(diagram_t *self, const char *path)
{
    tape_reader_t *tape = NULL;
    fault_t fault = {0};
    uint64_t now = 0;
    bool more = true;
    if (tape_open(path, &tape, &fault) != OK)
        return complain("%s", fault.text), STATUS_NO;
    for (size_t n = 1; more && n <= tape_size(tape); n++) {
        tape_event_t event = tape_at(tape, n);
        if (event.kind == TAPE_now)
            now = event.numbers[0];
        more = take_event(self, &event, n, now);
    }
    tape_reader_destroy(&tape);
    return STATUS_DONE;
}

/*  ------------------------------------------------------------------------ drawing  */

static int
by_time(const void *a, const void *b)
{
    const arrow_t *first = a, *second = b;
    if (first->now_ns != second->now_ns)
        return first->now_ns < second->now_ns ? -1 : 1;
    return first->n < second->n ? -1 : first->n > second->n;
}

/*  Names in the order they appear; a name may hold what Mermaid takes for an arrow.  */
static size_t
participant(const char *names[], size_t *n, const char *name)
{
    size_t i = 0;
    while (i < *n && strcmp(names[i], name) != 0)
        i++;
    if (i == *n) {
        names[(*n)++] = name;
        printf("    participant p%zu as %s\n", i, name);
    }
    return i;
}

static void
draw(const diagram_t *self)
{
    const char **names = mem_new((2 * self->n + 1) * sizeof *names);
    size_t n = 0;
    puts("sequenceDiagram");
    for (size_t i = 0; i < self->n; i++) {
        (void) participant(names, &n, self->arrows[i].from);
        (void) participant(names, &n, self->arrows[i].to);
    }
    for (size_t i = 0; i < self->n; i++) {
        const arrow_t *arrow = &self->arrows[i];
        printf("    p%zu%sp%zu: %s\n", participant(names, &n, arrow->from),
               arrow->dead ? "-x" : heads[arrow->kind], participant(names, &n, arrow->to),
               arrow->label);
    }
    free(names);
}

/*  An arrow a line, with the time since the first.  */
static void
list(const diagram_t *self)
{
    buffer_t out = {0};
    for (size_t i = 0; i < self->n; i++) {
        const arrow_t *arrow = &self->arrows[i];
        buffer_add_text(&out, "{");
        json_uint(&out, "after_us", (arrow->now_ns - self->arrows[0].now_ns) / 1000);
        json_text(&out, "from", arrow->from);
        json_text(&out, "to", arrow->to);
        json_text(&out, "kind", envelope_kind_name(arrow->kind));
        json_bool(&out, "dead", arrow->dead);
        json_text(&out, "label", arrow->label);
        buffer_add_text(&out, "}\n");
    }
    fputs(buffer_text(&out), stdout);
    buffer_release(&out);
}

static void
print(diagram_t *self)
{
    if (self->n > 0)
        qsort(self->arrows, self->n, sizeof *self->arrows, by_time);
    if (self->json)
        list(self);
    else
        draw(self);
}

/*  ----------------------------------------------------------------------- the verb  */

static int
draw_all(diagram_t *self, gather_t *gather, const char *file)
{
    gather->take = take;
    gather->taker = self;
    if (!file)
        tap_note_stranger(gather->run_dir, self->filter);
    int status = file ? read_recording(self, file) : gather_run(gather);
    if (status == STATUS_DONE)
        print(self);
    return status;
}

static int
seq(args_t *args)
{
    diagram_t self = {.most = DEFAULT_MOST};
    gather_t gather = {.want = TAP_PAYLOADS, .ms = DEFAULT_MS};
    filter_words_t words = {0};
    const char *duration = NULL;
    int64_t most = DEFAULT_MOST;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&gather.run_dir),
        FILTER_RULES(&words),
        {"trace", OPTION_TEXT, &self.trace, 0, 0},
        {"for", OPTION_TEXT, &duration, 0, 0},
        {"count", OPTION_NUMBER, &most, 1, 100000},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    fault_t fault = {0};
    if (!options_read(args, rules, 0, 1, &status))
        return status;
    if (!tap_read_duration(args->verb, duration, &gather.ms))
        return STATUS_USAGE;
    if (self.trace && !uuid_is_text(self.trace))
        return complain_usage(args->verb, "--trace %s: not an id in small letters", self.trace);
    self.filter = filter_new(&words, &fault);
    if (!self.filter)
        return complain_usage(args->verb, "%s", fault.text);
    self.most = (size_t) most;
    status = draw_all(&self, &gather, args->count > 0 ? args->values[0] : NULL);
    filter_destroy(&self.filter);
    arena_release(&self.arena);
    free(self.arrows);
    return status;
}

const verb_t tap_seq = {
    .name = "tap seq",
    .summary = "draw messages as a sequence diagram",
    .usage =
        "usage: waybill tap seq [FILE] [--for TIME] [--count N] [--trace ID] [--json] "
        "[FILTER...]\n"
        "                       [--run-dir DIR]\n\n"
        "Prints a sequence diagram in the language of Mermaid: of what goes by in five "
        "seconds,\n"
        "or of FILE, a recording of `waybill tap record`. Requests and commands are arrows,\n"
        "answers dashed ones, events open ones; a cross ends what was not delivered.\n\n"
        "  --for TIME      how long to look on: 90, 90s, 5m; Ctrl-C ends it earlier\n"
        "  --count N       at most so many messages; default 200\n"
        "  --trace ID      only what came of the message that has this id\n"
        "  --json          one JSON object an arrow, without the diagram\n" FILTER_USAGE
            RUN_DIR_USAGE,
    .run = seq,
};
