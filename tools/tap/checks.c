#include "tools/tap/checks.h"

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  Where the process does not tell its settings, their defaults. WAL_MOST is far beyond where
    the checkpointer begins; HISTORY_FULL is nine tenths of what stream.history keeps.  */
enum { RESTART_LIMIT = 5, STUCK_MS = 10000, WAL_MOST = 50000, HISTORY_FULL = 900000 };

typedef struct advice {
    const char *check;
    bool serious;
    const char *remedy;
} advice_t;

static void PRINTF_LIKE(3, 4)
    find(findings_t *self, const advice_t *advice, const char *format, ...)
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

static const actor_info_t *
actor_named(const tree_t *tree, const char *name)
{
    for (size_t i = 0; i < tree->n_actors; i++)
        if (strcmp(tree->actors[i].name, name) == 0)
            return &tree->actors[i];
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
            find(out, &advice, "%s keeps %" PRIu64 " messages for want of credit of %s",
                 now->name, now->parked, is_told(now->parked_on) ? now->parked_on : "somebody");
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
            find(out, &advice, "these wait for each other: %s", buffer_text(&circle));
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
            find(out, &advice, "%s → %s has no credit: %" PRIu64 " under way, %" PRIu64 " wait",
                 link->from, link->to, link->in_flight, link->waiting);
    }
}

/*  ------------------------------------------------------------------------- messages  */

static bool
takes(const actor_info_t *actor, const char *type)
{
    for (size_t i = 0; i < actor->n_takes; i++)
        if (strcmp(actor->takes[i], type) == 0)
            return true;
    return false;
}

/*  One that an actor says it sends, as TYPE ACTOR.  */
static void
check_edge(const patient_t *patient, const char *from, const char *edge, findings_t *out)
{
    static const advice_t advice = {
        "types", true,
        "the two do not fit together: is one of them a plug-in of another version? `waybill "
        "tap describe ACTOR` shows what each takes and sends"};
    const char *blank = strchr(edge, ' ');
    const char *to = blank ? blank + 1 : "*";
    if (strcmp(to, "*") == 0)
        return;
    AUTO(text) type = mem_format("%.*s", (int) (blank - edge), edge);
    const actor_info_t *receiver = actor_named(patient->tree, to);
    if (!receiver)
        find(out, &advice, "%s sends %s to %s, which is not there", from, type, to);
    else if (!takes(receiver, type) && strcmp(receiver->kind, "joined") != 0)
        find(out, &advice, "%s sends %s to %s, which does not take it", from, type, to);
}

static void
look_for_types(const patient_t *patient, findings_t *out)
{
    for (size_t i = 0; i < patient->tree->n_actors; i++) {
        const actor_info_t *actor = &patient->tree->actors[i];
        for (size_t j = 0; j < actor->n_sends; j++)
            check_edge(patient, actor->name, actor->sends[j], out);
    }
}

/*  What dead letters of that reason mean.  */
static const struct {
    const char *reason;
    advice_t advice;
} reasons[] = {
    {"UNKNOWN",
     {"dead letters", true,
      "nobody handles them: `waybill tap deadletters`, and `waybill tap "
      "describe ACTOR` for what their receiver takes"}},
    {"UNDECLARED",
     {"dead letters", true,
      "their sender does not declare that it sends them: mend its manifest"}},
    {"POISON",
     {"dead letters", true,
      "their handler failed each time: the log says why; when that is "
      "mended, `waybill tap deadletters requeue N`"}},
    {"MALFORMED",
     {"dead letters", true, "their sender has another schema: update one of them"}},
    {"FAILED", {"dead letters", true, "the actor was given up: the log says why"}},
    {"REFUSED", {"dead letters", false, "their receiver refused them: the log says why"}},
    {"OVERFLOW",
     {"dead letters", false,
      "a subscriber was too slow, and missed events: it is one of "
      "`waybill tap deadletters`"}},
    {"NO_ROUTE", {"dead letters", false, "their receiver had left, or never was there"}},
};
static const advice_t other_reason = {"dead letters", false,
                                      "`waybill tap deadletters` lists them"};

static const advice_t *
advice_for(const char *reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (strcmp(reasons[i].reason, reason) == 0)
            return &reasons[i].advice;
    return &other_reason;
}

/*  So many have that reason, and this is the first; 0 if an earlier one has it.  */
static size_t
count_reason(const dead_letters_t *dead, size_t first)
{
    size_t n = 0;
    for (size_t i = 0; i < dead->n_letters; i++)
        if (strcmp(dead->letters[i].reason, dead->letters[first].reason) == 0) {
            if (i < first)
                return 0;
            n++;
        }
    return n;
}

static void
look_for_dead_letters(const patient_t *patient, findings_t *out)
{
    for (size_t i = 0; patient->dead && i < patient->dead->n_letters; i++) {
        const dead_letter_t *letter = &patient->dead->letters[i];
        size_t n = count_reason(patient->dead, i);
        if (n > 0)
            find(out, advice_for(letter->reason),
                 "%zu for %s, the first number %" PRIu64 ": %s to %s", n, letter->reason,
                 letter->n, letter->type,
                 is_told(letter->to) ? letter->to : "whoever hears it");
    }
}

static void
look_for_schemas(const patient_t *patient, findings_t *out)
{
    static const advice_t advice = {
        "schemas", true,
        "this `waybill` is not that of the process: take the one it was started with, or "
        "restart it"};
    const stats_t *stats = patient->now;
    for (size_t i = 0; i < stats->n_types; i++) {
        message_id_t id = message_named(stats->types[i].type);
        if (stats->types[i].hash != 0 && id != MSG_COUNT
            && schema_hash(id) != stats->types[i].hash)
            find(out, &advice, "%s has the hash %08" PRIx64 " there, and %08" PRIx32 " here",
                 stats->types[i].type, stats->types[i].hash, schema_hash(id));
    }
    if (strcmp(patient->tree->version, WAYBILL_VERSION) != 0)
        find(out, &advice, "the process is version %s, and this %s", patient->tree->version,
             WAYBILL_VERSION);
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
            find(out, &advice, "%s: %s%s%s", actor->name, actor->state,
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
    uint64_t limit = patient->restart_limit ? patient->restart_limit : RESTART_LIMIT;
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        const actor_stats_t *now = &patient->now->actors[i];
        const actor_stats_t *earlier = stats_named(patient->earlier, now->name);
        bool just_now = earlier && now->restarts > earlier->restarts;
        if (now->restarts > 0)
            find(out, just_now || now->restarts + 1 >= limit ? &near : &some,
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
    uint64_t limit = patient->stuck_ms ? patient->stuck_ms : STUCK_MS;
    for (size_t i = 0; i < patient->now->n_actors; i++) {
        const actor_stats_t *now = &patient->now->actors[i];
        char time[SHOW_ROOM];
        if (is_told(now->busy_with) && now->busy_ms >= limit)
            find(out, &advice, "%s has been in %s for %s", now->name, now->busy_with,
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
            find(out, &advice, "%" PRIu64 " records of %s found no room",
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
    char text[NUMBER_TEXT];
    uint64_t pages = metric_value(patient->now, "wal_pages");
    uint64_t kept = metric_value(patient->now, "history_transactions");
    if (pages >= WAL_MOST)
        find(out, &wal, "the write-ahead log has %s pages", number_text(pages, text));
    if (kept >= HISTORY_FULL)
        find(out, &history, "the history keeps %s transactions", number_text(kept, text));
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
            find(out, &counts[i].advice, "%s %s", number_text(n, text), counts[i].what);
    }
}

/*  ---------------------------------------------------------------------------- table  */

const check_t checks[] = {
    {"parked", "actors that keep messages for want of credit", look_for_parked},
    {"cycles", "actors that wait for each other", look_for_cycles},
    {"credit", "links without credit", look_for_credit},
    {"types", "messages that nobody handles", look_for_types},
    {"dead letters", "messages that were not delivered, by reason", look_for_dead_letters},
    {"schemas", "messages that this program and the process see differently", look_for_schemas},
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
