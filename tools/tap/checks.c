#include "tools/tap/checks_private.h"

#include "tools/measure.h"
#include "tools/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  Far beyond where the checkpointer begins.  */
enum { WAL_MOST = 50000 };

void
checks_find(findings_t *self, const advice_t *advice, const char *format, ...)
{
    va_list arguments;
    char what[400];
    va_start(arguments, format);
    line_format(what, sizeof what, format, arguments);
    va_end(arguments);
    self->items = mem_grow(self->items, (self->n + 1) * sizeof *self->items);
    self->items[self->n++] =
        (finding_t){advice->check, advice->serious, mem_text(what), mem_text(advice->remedy)};
}

static bool
is_told(const char *text)
{
    return text && *text;
}

static const actor_stats_t *
stats_named(const stats_t *stats, const char *name)
{
    for (size_t i = 0; stats && i < stats->n_actors; i++)
        if (strcmp(stats->actors[i].name, name) == 0)
            return &stats->actors[i];
    return NULL;
}

/*  0 for one that is not there.  */
static uint64_t
metric_value(const stats_t *stats, const char *name)
{
    for (size_t i = 0; i < stats->n_metrics; i++)
        if (strcmp(stats->metrics[i].name, name) == 0)
            return stats->metrics[i].value;
    return 0;
}

/*  -------------------------------------------------------------------------- waiting  */

static void
look_for_parked(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "parked", true,
        "the one it waits for does not keep up: `waybill tap top` shows what it is doing"};
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        const actor_stats_t *now = &patient->now->actors[i];
        const actor_stats_t *earlier = stats_named(patient->earlier, now->name);
        if (now->parked > 0 && earlier && earlier->parked > 0)
            checks_find(out, &advice, "%s keeps %" PRIu64 " messages for want of credit of %s",
                        now->name, now->parked,
                        is_told(now->parked_on) ? now->parked_on : "somebody");
    }
}

/*  Who waits for whom, from that actor on: at most as far as there are actors.  */
static bool
waits_in_a_circle(const stats_t *stats, const actor_stats_t *start, buffer_t *circle)
{
    const actor_stats_t *at = start;
    buffer_add_text(circle, start->name);
    for (size_t i = 0; i < stats->n_actors; i++) {
        at =
            at->parked > 0 && is_told(at->parked_on) ? stats_named(stats, at->parked_on) : NULL;
        if (!at)
            return false;
        buffer_add_format(circle, " → %s", at->name);
        if (at == start)
            return true;
    }
    return false;
}

static void
look_for_cycles(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "cycles", true,
        "restart the process; then look which plug-in sends what it does not declare: "
        "`waybill tap describe ACTOR`"};
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        buffer_t circle = {0};
        bool found = waits_in_a_circle(patient->now, &patient->now->actors[i], &circle);
        if (found)
            checks_find(out, &advice, "these wait for each other: %s", buffer_text(&circle));
        buffer_release(&circle);
        if (found)
            return; /* the others would name the same one */
    }
}

static void
look_for_credit(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "credit", true,
        "the receiver does not finish what it has: `waybill tap top --sort load`, or "
        "`waybill tap postmortem --now` for its last messages"};
    for (size_t i = 0; i < patient->tree->n_links; i++) {
        const link_info_t *link = &patient->tree->links[i];
        if (link->waiting > 0 || (link->window > 0 && link->in_flight >= link->window))
            checks_find(out, &advice,
                        "%s → %s has no credit: %" PRIu64 " under way, %" PRIu64 " wait",
                        link->from, link->to, link->in_flight, link->waiting);
    }
}

/*  --------------------------------------------------------------------------- actors  */

static void
look_for_states(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "actors", true,
        "the log says why: `waybill logs`, or where the service manager keeps it"};
    for (size_t i = 0; i < patient->tree->n_actors; i++) {
        const actor_info_t *actor = &patient->tree->actors[i];
        if (strcmp(actor->state, "failed") == 0 || strcmp(actor->state, "backoff") == 0)
            checks_find(out, &advice, "%s: %s%s%s", actor->name, actor->state,
                        is_told(actor->reason) ? ", " : "",
                        is_told(actor->reason) ? actor->reason : "");
    }
}

static void
look_for_restarts(const patient_t *patient, findings_t *out)
{
    static const advice_t near = {
        "restarts", true,
        "one more failure may end the process (process.restart_limit): the log says why it "
        "fails, and its last messages are in `waybill tap postmortem`"};
    static const advice_t some = {"restarts", false, "the log says why it failed"};
    uint64_t limit = patient->tree->restart_limit;
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        const actor_stats_t *now = &patient->now->actors[i];
        const actor_stats_t *earlier = stats_named(patient->earlier, now->name);
        bool just_now = earlier && now->restarts > earlier->restarts;
        if (now->restarts > 0)
            checks_find(out, just_now || now->restarts + 1 >= limit ? &near : &some,
                        "%s was restarted %" PRIu64 " times%s", now->name, now->restarts,
                        just_now ? ", just now" : "");
    }
}

static void
look_for_stuck(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "stuck", true,
        "its last messages: `waybill tap postmortem`; what it waits for: `gdb -p` or the log"};
    uint64_t limit = patient->tree->stuck_ms;
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        const actor_stats_t *now = &patient->now->actors[i];
        char time[SHOW_ROOM];
        if (is_told(now->busy_with) && now->busy_ms >= limit)
            checks_find(out, &advice, "%s has been in %s for %s", now->name, now->busy_with,
                        show_us(now->busy_ms * 1000, time));
    }
}

static void
look_for_lost_records(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "tap", false,
        "whoever watches does not see all: a narrower filter does not help, but watching "
        "headers only does"};
    for (size_t i = 0; i < patient->now->n_actors; i++)
        if (patient->now->actors[i].tap_lost > 0)
            checks_find(out, &advice, "%" PRIu64 " records of %s found no room",
                        patient->now->actors[i].tap_lost, patient->now->actors[i].name);
}

/*  ------------------------------------------------------------------------- database  */

static void
look_for_growth(const patient_t *patient, findings_t *out)
{
    static const advice_t wal = {
        "files", true,
        "some program keeps an old read transaction open on the database, so that the log "
        "cannot be copied back: `fuser` names the programs that have it open"};
    static const advice_t history = {
        "files", false,
        "clients that are away longer than the history reaches start anew: raise "
        "stream.history if they should not"};
    char text[NUMBER_TEXT], room[NUMBER_TEXT];
    uint64_t pages = metric_value(patient->now, "wal_pages");
    uint64_t kept = metric_value(patient->now, "history_transactions");
    uint64_t most = patient->tree->history;
    if (pages >= WAL_MOST)
        checks_find(out, &wal, "the write-ahead log has %s pages", number_text(pages, text));
    if (most > 0 && kept >= most - most / 10)
        checks_find(out, &history, "the history keeps %s transactions, of %s at most",
                    number_text(kept, text), number_text(most, room));
}

static void
look_for_changes(const patient_t *patient, findings_t *out)
{
    static const struct {
        const char *metric;
        advice_t advice;
        const char *what;
    } counts[] = {
        {"changes{state=\"parked\"}",
         {"changes", true,
          "`waybill changes --parked` says why; then `waybill retry`, `skip` or "
          "`discard`"},
         "changes wait for a person"},
        {"changes{state=\"failed\"}",
         {"changes", false, "they are tried again; `waybill changes --failed` says why"},
         "changes were refused"},
        {"server_changes_held",
         {"changes", false,
          "they are applied when what they need arrives; the log says what "
          "that is"},
         "changes of the server are set aside"},
    };
    char text[NUMBER_TEXT];
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        uint64_t n = metric_value(patient->now, counts[i].metric);
        if (n > 0)
            checks_find(out, &counts[i].advice, "%s %s", number_text(n, text), counts[i].what);
    }
}

/*  ---------------------------------------------------------------------------- table  */

const check_t checks[] = {
    {"parked", "actors that keep messages for want of credit", look_for_parked},
    {"cycles", "actors that wait for each other", look_for_cycles},
    {"credit", "links without credit", look_for_credit},
    {"types", "messages that nobody handles", check_types},
    {"dead letters", "messages that were not delivered, by reason", check_dead_letters},
    {"schemas", "messages that this program and the process see differently", check_schemas},
    {"actors", "actors that have failed", look_for_states},
    {"restarts", "actors near their restart limit", look_for_restarts},
    {"stuck", "handlers that do not end", look_for_stuck},
    {"tap", "records that the tap has lost", look_for_lost_records},
    {"files", "history and write-ahead log", look_for_growth},
    {"changes", "changes that do not get on", look_for_changes},
    {0},
};

findings_t
checks_run(const patient_t *patient)
{
    findings_t findings = {0};
    for (const check_t *check = checks; check->name; check++)
        check->run(patient, &findings);
    return findings;
}

bool
findings_serious(const findings_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i].serious)
            return true;
    return false;
}

void
findings_release(findings_t *self)
{
    for (size_t i = 0; i < self->n; i++) {
        free(self->items[i].what);
        free(self->items[i].remedy);
    }
    free(self->items);
    *self = (findings_t){0};
}
