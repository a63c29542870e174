#include "actors/agent/why.h"

#include "actors/agent/why_words.h"

#include <inttypes.h>
#include <string.h>

/*  ------------------------------------------------------------------------- done  */

static bool
is_done(const why_facts_t *facts)
{
    return word_is(facts->change->state, "done");
}

static bool
is_unknown(const why_facts_t *facts)
{
    return facts->change == NULL;
}

static void
tell_unknown(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out, "this agent knows no change %s", facts->id);
}

static bool
is_set_aside(const why_facts_t *facts)
{
    return facts->change->from_server && word_is(facts->change->state, "failed");
}

static void
tell_set_aside(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it came from the server");
    words_position(out, facts->change->lsn);
    buffer_add_format(out, " and is set aside, because this database refuses it: %s",
                      word_has(facts->change->error) ? facts->change->error
                                                     : "nobody knows why");
}

static bool
is_from_server(const why_facts_t *facts)
{
    return facts->change->from_server;
}

static void
tell_from_server(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it came from the server");
    words_position(out, facts->change->lsn);
    if (word_has(facts->change->skip_reason))
        buffer_add_format(out, ", and changed nothing here: %s", facts->change->skip_reason);
    else
        buffer_add_text(out, ", and is applied here");
}

static bool
is_given_up(const why_facts_t *facts)
{
    return is_done(facts)
           && (word_is(facts->change->verdict, "skipped")
               || word_is(facts->change->verdict, "discarded"));
}

static void
tell_given_up(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out, "a person has %s it%s%s", facts->change->verdict,
                      word_has(facts->change->skip_reason) ? ": " : "",
                      word_has(facts->change->skip_reason) ? facts->change->skip_reason : "");
}

static bool
is_merged(const why_facts_t *facts)
{
    return is_done(facts) && word_is(facts->change->verdict, "merged");
}

static void
tell_merged(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it is synchronised");
    words_position(out, facts->change->lsn);
    buffer_add_text(out, ", without effect: the server had a newer version of its row");
}

static void
tell_applied(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it is synchronised: the server applied it");
    words_position(out, facts->change->lsn);
    if (word_has(facts->change->folded_into))
        buffer_add_format(out, ", as a part of %s", facts->change->folded_into);
}

/*  ------------------------------------------------------------------- refused, held  */

static bool
is_folded(const why_facts_t *facts)
{
    return word_has(facts->change->folded_into);
}

static void
tell_folded(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out, "it was folded into change %s of the same row, and goes with it",
                      facts->change->folded_into);
}

static bool
is_too_large(const why_facts_t *facts)
{
    return word_is(facts->change->state, "parked")
           && words_code(facts->change) == ERR_TOO_LARGE;
}

static void
tell_too_large(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it is too large to be sent: ");
    words_error(out, facts->change->error);
}

static bool
is_parked(const why_facts_t *facts)
{
    return word_is(facts->change->state, "parked");
}

static void
tell_parked(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "refused with ");
    words_error(out, facts->change->error);
    buffer_add_format(out, " in %" PRIu64 " attempts; it waits for a person",
                      facts->change->attempts);
}

static bool
is_put_off(const why_facts_t *facts)
{
    const err_t code = words_code(facts->change);
    return word_is(facts->change->state, "failed") && code != ERR_COUNT
           && err_is_transient(code);
}

static void
tell_put_off(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "the server could not decide: ");
    words_error(out, facts->change->error);
    buffer_add_text(out, "; it is tried again, ");
    words_next_attempt(out, facts->change, facts->now);
}

static bool
is_refused(const why_facts_t *facts)
{
    return word_is(facts->change->state, "failed");
}

static void
tell_refused(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "refused with ");
    words_error(out, facts->change->error);
    buffer_add_format(out, ", attempt %" PRIu64 " of %" PRIu64 ", ", facts->change->attempts,
                      facts->attempts);
    words_next_attempt(out, facts->change, facts->now);
}

static void
add_holder(const why_facts_t *facts, buffer_t *out)
{
    const change_row_t *holder = facts->holder;
    buffer_add_format(out, "%s, which was refused with ", holder->id);
    words_error(out, holder->error);
    if (word_is(holder->state, "parked"))
        buffer_add_text(out, " and waits for a person");
    else
        buffer_add_text(out, " and is tried again");
}

static bool
is_held(const why_facts_t *facts)
{
    return facts->holder != NULL && word_has(facts->change->held_by);
}

static bool
is_held_by_transaction(const why_facts_t *facts)
{
    return is_held(facts) && word_has(facts->change->txn)
           && word_is(facts->holder->txn, facts->change->txn);
}

static void
tell_held_by_transaction(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "its local transaction waits for change ");
    add_holder(facts, out);
}

static bool
is_held_by_row(const why_facts_t *facts)
{
    return is_held(facts) && word_is(facts->holder->entity_type, facts->change->entity_type)
           && word_is(facts->holder->entity_id, facts->change->entity_id);
}

static void
tell_held_by_row(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it waits behind an earlier change of the same row, ");
    add_holder(facts, out);
}

static void
tell_held(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out,
                      "it depends, through a foreign key or another change, on %s/%s: change ",
                      facts->holder->entity_type, facts->holder->entity_id);
    add_holder(facts, out);
}

/*  -------------------------------------------------------------------- the connection  */

static bool
is_stopped(const why_facts_t *facts)
{
    return facts->state == STATE_stopped;
}

static void
tell_stopped(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out, "the agent is kept disconnected: %s", facts->reason);
}

static bool
is_offline(const why_facts_t *facts)
{
    return facts->state == STATE_offline;
}

static void
tell_offline(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "the agent has not been connected for ");
    words_duration(out, (int64_t) facts->apart_ms);
    buffer_add_format(out, ": %s", facts->reason);
    if (facts->retry_in > 0) {
        buffer_add_text(out, "; next attempt in ");
        words_duration(out, facts->retry_in);
    }
}

static bool
is_connecting(const why_facts_t *facts)
{
    return facts->state == STATE_connecting;
}

static bool
is_unsealed(const why_facts_t *facts)
{
    return !word_has(facts->change->txn);
}

static bool
is_in_snapshot(const why_facts_t *facts)
{
    return facts->state == STATE_initial;
}

static bool
is_sent(const why_facts_t *facts)
{
    return facts->sent;
}

static void
tell_sent(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "it is sent, and waits for the server's verdict; the server has been "
                         "silent for ");
    words_duration(out, (int64_t) facts->silent_ms);
}

/*  None of the reasons above.  */
static bool
is_undecided(const why_facts_t *facts)
{
    return !is_done(facts);
}

static void
tell_queued(const why_facts_t *facts, buffer_t *out)
{
    buffer_add_format(out,
                      "it waits its turn: %" PRIu64 " changes before it are sent and undecided",
                      facts->in_flight);
}

/*  ------------------------------------------------------------------------- the table  */

static const struct {
    const char *name;
    bool (*holds)(const why_facts_t *facts);
    void (*tell)(const why_facts_t *facts, buffer_t *out); /* NULL: text */
    const char *way_out; /* %s: the change to act on; NULL: none is needed */
    bool done;
    const char *text;
} reasons[] = {
    {"unknown", is_unknown, tell_unknown,
     "it was made elsewhere, or it is forgotten (journal.keep_ms): look at the agent where it "
     "was made; `waybill changes --all` lists what is known here",
     false, NULL},
    {"set_aside", is_set_aside, tell_set_aside,
     "it is tried again when what it needs is there; else correct the table or the rule here",
     false, NULL},
    {"from_server", is_from_server, tell_from_server, NULL, true, NULL},
    {"given_up", is_given_up, tell_given_up, NULL, true, NULL},
    {"merged", is_merged, tell_merged, NULL, true, NULL},
    {"applied", is_done, tell_applied, NULL, true, NULL},
    {"folded", is_folded, tell_folded, "ask for that one: `waybill tap why %s`", false, NULL},
    {"too_large", is_too_large, tell_too_large,
     "write it in smaller parts, and give this one up: `waybill discard %s`", false, NULL},
    {"parked", is_parked, tell_parked,
     "`waybill retry %s` when the cause is gone, or give it up with `waybill skip` or `waybill "
     "discard`",
     false, NULL},
    {"put_off", is_put_off, tell_put_off, NULL, false, NULL},
    {"refused", is_refused, tell_refused,
     "remove the cause on the server, or give it up: `waybill discard %s`", false, NULL},
    {"transaction", is_held_by_transaction, tell_held_by_transaction,
     "decide about that one: `waybill changes --id %s`", false, NULL},
    {"row", is_held_by_row, tell_held_by_row,
     "decide about that one: `waybill changes --id %s`", false, NULL},
    {"held", is_held, tell_held, "decide about that one: `waybill changes --id %s`", false,
     NULL},
    {"stopped", is_stopped, tell_stopped,
     "resume it on the agent's monitor page, or start the agent again", false, NULL},
    {"offline", is_offline, tell_offline,
     "nothing is lost: it goes as soon as there is a connection; `waybill status` shows it",
     false, NULL},
    {"connecting", is_connecting, NULL, NULL, false, "the agent is connecting to its server"},
    {"unsealed", is_unsealed, NULL, NULL, false,
     "triggers have just captured it; it goes as soon as its transaction is known to be "
     "complete"},
    {"snapshot", is_in_snapshot, NULL, NULL, false,
     "a snapshot is coming in; local changes wait for its end"},
    {"sent", is_sent, tell_sent, NULL, false, NULL},
    {"queued", is_undecided, tell_queued, NULL, false, NULL},
};

static const char *
waits_for(const why_facts_t *facts)
{
    if (facts->change == NULL || is_done(facts))
        return NULL;
    if (word_has(facts->change->folded_into))
        return facts->change->folded_into;
    return is_held(facts) ? facts->holder->id : NULL;
}

void
why_tell(const why_facts_t *facts, arena_t *arena, change_reason_t *reason)
{
    size_t i = 0;
    buffer_t text = {0};
    while (!reasons[i].holds(facts))
        i++;
    if (reasons[i].tell)
        reasons[i].tell(facts, &text);
    else
        buffer_add_text(&text, reasons[i].text);
    *reason = (change_reason_t){
        .id = facts->id,
        .reason = reasons[i].name,
        .text = arena_text(arena, buffer_text(&text)),
        .waits_for = waits_for(facts),
        .done = reasons[i].done,
    };
    reason->way_out = words_name(reasons[i].way_out,
                                 reason->waits_for ? reason->waits_for : facts->id, arena);
    buffer_release(&text);
}
