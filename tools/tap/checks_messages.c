#include "tools/tap/checks_private.h"
#include "tools/tap/tree_text.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <string.h>

/*  One that an actor says it sends, as TYPE ACTOR. A receiver that is not there is no fault:
   some actors run in agents and servers; what is sent to nobody is a dead letter.  */
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
    if (receiver && !actor_takes(receiver, type) && strcmp(receiver->kind, "joined") != 0)
        checks_find(out, &advice, "%s sends %s to %s, which does not take it", from, type, to);
}

void
check_types(const patient_t *patient, findings_t *out)
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

void
check_dead_letters(const patient_t *patient, findings_t *out)
{
    for (size_t i = 0; patient->dead && i < patient->dead->n_letters; i++) {
        const dead_letter_t *letter = &patient->dead->letters[i];
        size_t n = count_reason(patient->dead, i);
        if (n > 0)
            checks_find(out, advice_for(letter->reason),
                        "%zu for %s, the first number %" PRIu64 ": %s to %s", n, letter->reason,
                        letter->n, letter->type,
                        letter->to && *letter->to ? letter->to : "whoever hears it");
    }
}

void
check_schemas(const patient_t *patient, findings_t *out)
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
            checks_find(out, &advice,
                        "%s has the hash %08" PRIx64 " there, and %08" PRIx32 " here",
                        stats->types[i].type, stats->types[i].hash, schema_hash(id));
    }
    if (strcmp(patient->tree->version, WAYBILL_VERSION) != 0)
        checks_find(out, &advice, "the process is version %s, and this %s",
                    patient->tree->version, WAYBILL_VERSION);
}
