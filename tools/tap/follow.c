/*  tap follow - each message as it goes by.  */

#include "bus/subscriptions.h"
#include "schemas/codec.h"
#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/filter.h"
#include "tools/tap/ordered.h"
#include "tools/tap/record_line.h"
#include "tools/tap/tap.h"

#include <inttypes.h>
#include <string.h>

/*  When to end, and how much of what passes is shown.  */
typedef struct limits {
    int64_t count;     /* lines; 0: any */
    int64_t rate;      /* lines a second; 0: any */
    int64_t sample;    /* each so many of those that pass */
    const char *until; /* type that is the last */
    uint64_t end_ns;   /* 0: none */
} limits_t;

typedef struct follower {
    line_style_t style;
    limits_t limits;
    filter_t *filter;
    losses_t *losses;
    ordered_t *waiting; /* lines */
    int64_t passed, shown;
    uint64_t second; /* that in_second and held_back are about */
    int64_t in_second, held_back;
    arena_t arena;
    buffer_t line;
} follower_t;

/*  ------------------------------------------------------------------------ showing  */

static void
put(follower_t *self)
{
    fputs(buffer_text(&self->line), stdout);
    buffer_clear(&self->line);
}

/*  A new second: tells what the last one held back.  */
static void
turn_second(follower_t *self)
{
    uint64_t second = now_ns() / 1000000000u;
    if (second == self->second)
        return;
    buffer_clear(&self->line);
    if (self->held_back > 0 && self->style.json)
        buffer_add_format(&self->line, "{\"held_back\":%" PRId64 "}\n", self->held_back);
    else if (self->held_back > 0)
        buffer_add_format(&self->line,
                          "%s(%" PRId64 " more in that second, --rate %" PRId64 ")%s\n",
                          show_hue(self->style.colour, HUE_yellow), self->held_back,
                          self->limits.rate, show_hue(self->style.colour, HUE_none));
    self->second = second;
    self->in_second = self->held_back = 0;
    put(self);
}

static bool
may_show(follower_t *self)
{
    if (self->passed++ % self->limits.sample != 0)
        return false;
    if (self->limits.rate == 0 || self->in_second < self->limits.rate)
        return self->in_second++, true;
    self->held_back++;
    return false;
}

/*  False: it was the last.  */
static bool
take(follower_t *self, const tap_record_t *record)
{
    line_body_t body = {0};
    body.body = tap_body(record, &self->arena, &body.id);
    loss_t loss = losses_count(self->losses, record);
    buffer_clear(&self->line);
    if (loss.at_actor + loss.on_way > 0)
        loss_line(record->actor, loss, self->style, &self->line);
    bool last = false;
    if (filter_passes(self->filter, record, body.id, body.body)) {
        last = self->limits.until && pattern_matches(self->limits.until, record->envelope.type);
        if (may_show(self) || last) {
            record_line(record, &body, self->style, &self->line);
            last |= ++self->shown == self->limits.count;
        }
    }
    uint64_t now = now_ns();
    if (self->line.size > 0)
        ordered_add(self->waiting, record->now_ns < now ? record->now_ns : now,
                    buffer_text(&self->line));
    arena_clear(&self->arena);
    return !last;
}

/*  Writes the lines of that moment and before.  */
static void
put_until(follower_t *self, uint64_t until_ns)
{
    buffer_clear(&self->line);
    ordered_take(self->waiting, until_ns, &self->line);
    put(self);
}

/*  Until the next record may come or something has to be said, but not beyond the end.  */
static int
patience_ms(const follower_t *self)
{
    uint64_t now = now_ns(), wait = self->limits.rate > 0 ? 1000 : 60000;
    if (!ordered_is_empty(self->waiting))
        wait = ORDERED_WAIT_MS / 4;
    if (self->limits.end_ns > 0) {
        uint64_t left =
            self->limits.end_ns > now ? (self->limits.end_ns - now) / 1000000 + 1 : 0;
        wait = left < wait ? left : wait;
    }
    return (int) wait;
}

static int
follow_until_end(follower_t *self, tap_client_t *client)
{
    const tap_record_t *record = NULL;
    for (bool more = true; more;) {
        err_t err = tap_client_next(client, patience_ms(self), &record);
        if (err == ERR_OFFLINE)
            return put_until(self, UINT64_MAX), complain("the process is gone"), STATUS_NO;
        turn_second(self);
        put_until(self, now_ns() - (uint64_t) ORDERED_WAIT_MS * 1000000);
        more = (err != OK || take(self, record))
               && (self->limits.end_ns == 0 || now_ns() < self->limits.end_ns)
               && !ferror(stdout);
    }
    put_until(self, UINT64_MAX);
    return STATUS_DONE;
}

/*  -------------------------------------------------------------------- command line  */

typedef struct request {
    const char *run_dir, *duration;
    filter_words_t words;
    line_style_t style;
    limits_t limits;
    bool explain;
} request_t;

static int
explain(follower_t *self)
{
    if (self->style.json) {
        buffer_add_text(&self->line, "{");
        filter_to_json(self->filter, &self->line);
        json_uint(&self->line, "sample", (uint64_t) self->limits.sample);
        json_uint(&self->line, "rate", (uint64_t) self->limits.rate);
        json_uint(&self->line, "count", (uint64_t) self->limits.count);
        buffer_add_text(&self->line, "}\n");
        return put(self), STATUS_DONE;
    }
    filter_explain(self->filter, &self->line);
    if (self->limits.sample > 1)
        buffer_add_format(&self->line, "of these one in %" PRId64 "\n", self->limits.sample);
    if (self->limits.rate > 0)
        buffer_add_format(&self->line, "at most %" PRId64 " lines a second\n",
                          self->limits.rate);
    if (self->limits.count > 0)
        buffer_add_format(&self->line, "ends after %" PRId64 " lines\n", self->limits.count);
    if (self->limits.until)
        buffer_add_format(&self->line, "ends with the first %s\n", self->limits.until);
    return put(self), STATUS_DONE;
}

static int
run(follower_t *self, const request_t *request)
{
    if (request->explain)
        return explain(self);
    tap_client_t *client = tap_join(request->run_dir, TAP_PAYLOADS);
    if (!client)
        return STATUS_NO;
    tap_note_stranger(request->run_dir, self->filter);
    setvbuf(stdout, NULL, _IOLBF, 0);
    self->losses = losses_new();
    self->waiting = ordered_new();
    int status = follow_until_end(self, client);
    losses_destroy(&self->losses);
    ordered_destroy(&self->waiting);
    tap_client_destroy(&client);
    return status;
}

static bool
read_end(args_t *args, request_t *request, int *status)
{
    uint64_t ms = 0;
    if (!tap_read_duration(args->verb, request->duration, &ms)) {
        *status = STATUS_USAGE;
        return false;
    }
    request->limits.end_ns = request->duration ? now_ns() + ms * 1000000 : 0;
    return true;
}

static int
follow(args_t *args)
{
    request_t request = {.limits.sample = 1};
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&request.run_dir),
        FILTER_RULES(&request.words),
        {"json", OPTION_FLAG, &request.style.json, 0, 0},
        {"whole", OPTION_FLAG, &request.style.whole, 0, 0},
        {"v", OPTION_FLAG, &request.style.whole, 0, 0},
        {"explain", OPTION_FLAG, &request.explain, 0, 0},
        {"rate", OPTION_NUMBER, &request.limits.rate, 1, 1000000},
        {"sample", OPTION_NUMBER, &request.limits.sample, 1, 1000000000},
        {"count", OPTION_NUMBER, &request.limits.count, 1, INT64_MAX},
        {"for", OPTION_TEXT, &request.duration, 0, 0},
        {"until-type", OPTION_TEXT, &request.limits.until, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status) || !read_end(args, &request, &status))
        return status;
    request.style.colour = show_is_coloured(stdout);
    request.style.clock_ms = line_clock();
    follower_t self = {.style = request.style, .limits = request.limits};
    fault_t fault = {0};
    self.filter = filter_new(&request.words, &fault);
    status = self.filter ? run(&self, &request) : complain_usage(args->verb, "%s", fault.text);
    filter_destroy(&self.filter);
    arena_release(&self.arena);
    buffer_release(&self.line);
    return status;
}

const verb_t tap_follow = {
    .name = "tap follow",
    .summary = "show each message as it goes by; what `tap` alone does",
    .usage =
        "usage: waybill tap [follow] [-v] [--json] [FILTER...] [LIMIT...] [--run-dir DIR]\n\n"
        "A line a message: when it was seen, at which point of its life (send, recv, done or\n"
        "dead), from whom to whom, its type and size, and what it is about. Whatever was lost\n"
        "because somebody was too slow is shown where it is missing.\n\n"
        "The filter; what is given must all hold:\n" FILTER_USAGE
        "  --explain       print the filter as it was understood, and end\n\n"
        "How much of it, and when to end:\n"
        "  --rate N        at most N lines a second; the rest is counted, and told\n"
        "  --sample N      each Nth message that passes\n"
        "  --count N       end after N lines\n"
        "  --for TIME      end after 500ms, 10s, 2m, 1h\n"
        "  --until-type T  end with the first message of that type\n\n"
        "  -v, --whole     the whole payload of each\n"
        "  --json          one JSON object a line, always with the whole payload\n"
        "  --run-dir DIR   of the agent or server; default: that of the agent,\n"
        "                  $XDG_RUNTIME_DIR/waybill, else /tmp/waybill-UID\n"
        "\nExit status 1: no process has a tap there, or it has stopped.\n",
    .run = follow,
};
