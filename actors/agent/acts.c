#include "actors/agent/acts.h"

#include "actors/agent/text_set.h"

#include <string.h>

/*  A failed or parked change.  */
typedef struct refused {
    known_t known;
    const char *txn;
    bool chosen;
} refused_t;

typedef struct pile {
    refused_t *items; /* in the order recorded */
    size_t n;
} pile_t;

typedef struct action {
    const char *name;
    err_t (*run)(verdicts_t *self, const refused_t *refused, const char *reason,
                 fault_t *fault);
} action_t;

/*  --------------------------------------------------------------------------- the acts  */

/*  With the person's word the count of attempts begins again.  */
static err_t
retry(verdicts_t *self, const refused_t *refused, const char *reason, fault_t *fault)
{
    (void) reason;
    return verdicts_resume(self, &refused->known, fault);
}

/*  Why it was given up is the reason; what the server had said stays in error.  */
static err_t
skip(verdicts_t *self, const refused_t *refused, const char *reason, fault_t *fault)
{
    return verdicts_give_up(self, &refused->known, "skipped", reason, fault);
}

static err_t
discard(verdicts_t *self, const refused_t *refused, const char *reason, fault_t *fault)
{
    return verdicts_give_up(self, &refused->known, "discarded", reason, fault);
}

static const action_t actions[] = {
    {"retry", retry},
    {"skip", skip},
    {"discard", discard},
};

static const action_t *
action_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

err_t
acts_check(const act_t *request, fault_t *fault)
{
    const action_t *action = action_named(request->act);
    const bool reason = request->reason && request->reason[0] != '\0';
    if (action == NULL)
        return fault_set(fault, ERR_USAGE, "act: \"%.40s\": it must be retry, skip or discard",
                         request->act);
    if (request->all == (request->n_ids > 0))
        return fault_set(fault, ERR_USAGE, "ids: give change ids, or all, and not both");
    if (action->run == skip && !reason)
        return fault_set(fault, ERR_USAGE, "reason: it is missing; say why it is given up");
    return OK;
}

/*  ------------------------------------------------------------------------ choosing them  */

/*  All at once: rows are not written under the statement that reads them.  */
static err_t
read_refused(const verdicts_t *self, pile_t *pile, fault_t *fault)
{
    static const char sql[] =
        "SELECT " KNOWN_COLUMNS ", id, coalesce((SELECT s.txn FROM local_changes AS s"
        " WHERE s.id = local_changes.folded_into), txn, id), count(*) OVER () FROM "
        "local_changes"
        " INDEXED BY idx_local_changes_refused WHERE processed_sync = 0"
        " AND from_server = 0 AND state IN ('failed', 'parked') ORDER BY timestamp, rowid";
    err_t err = OK;
    arena_t *arena = self->overlay.arena;
    sqlite3_stmt *rows = db_query(self->overlay.db, sql, fault, "");
    for (*pile = (pile_t){0}; db_step(self->overlay.db, rows, &err, fault); pile->n++) {
        if (pile->n == 0)
            pile->items = arena_new(arena, (size_t) sqlite3_column_int64(rows, KNOWN_COUNT + 2)
                                               * sizeof *pile->items);
        const char *id = arena_text(arena, column_text(rows, KNOWN_COUNT));
        pile->items[pile->n] =
            (refused_t){.known = known_read(rows, id, arena),
                        .txn = arena_text(arena, column_text(rows, KNOWN_COUNT + 1))};
    }
    return err;
}

static err_t
error_of(const refused_t *refused)
{
    const char *error = refused->known.error;
    char name[40] = "";
    const size_t size = strcspn(error, ":");
    if (size < sizeof name)
        memcpy(name, error, size);
    return err_named(name);
}

/*  The server could not decide about it, so its version of the row is not known here; and it
    needs nobody: it is tried again, as often as it takes. One that fits no frame was parked
    here, and would only end the connection. NULL: nothing speaks against the act.  */
static const char *
objection(const refused_t *refused, bool retries)
{
    const err_t err = error_of(refused);
    if (!refused->known.undecided || err == ERR_COUNT)
        return NULL;
    if (retries)
        return err == ERR_TOO_LARGE ? "is too large to be sent; write it in smaller parts, and"
                                      " discard it"
                                    : NULL;
    return err_is_transient(err) ? "was not refused but put off by the server; it is tried"
                                   " again by itself"
                                 : NULL;
}

static err_t
why_not(const verdicts_t *self, const char *id, fault_t *refusal, fault_t *fault)
{
    known_t known;
    bool found = false;
    const err_t err = known_find(&self->overlay, id, &known, &found, fault);
    if (err != OK)
        return err;
    if (!found)
        (void) fault_set(
            refusal, ERR_NOT_FOUND,
            "ids: no change \"%.64s\" was made here; `waybill changes --failed` lists"
            " those that can be decided about",
            id);
    else if (known.done)
        (void) fault_set(refusal, ERR_REFUSED, "ids: change %s is done already", id);
    else
        (void) fault_set(refusal, ERR_REFUSED,
                         "ids: change %s was not refused; it is on its way, or waits for one"
                         " that was: `waybill changes --id %s` tells",
                         id, id);
    return OK;
}

/*  Chosen is what is named, and whatever shares a local transaction with it.  */
static void
choose(pile_t *pile, const act_t *request, text_set_t *wanted)
{
    text_set_t txns = {0};
    for (size_t i = 0; i < request->n_ids; i++)
        text_set_add(wanted, request->ids[i]);
    for (size_t i = 0; i < pile->n; i++)
        if (text_set_remove(wanted, pile->items[i].known.id))
            text_set_add(&txns, pile->items[i].txn);
    for (size_t i = 0; i < pile->n; i++)
        pile->items[i].chosen = request->all || text_set_has(&txns, pile->items[i].txn);
    text_set_release(&txns);
}

/*  With all, those that something speaks against are passed over.  */
static void
leave_unfit(pile_t *pile, const act_t *request, fault_t *refusal)
{
    const bool retries = action_named(request->act)->run == retry;
    for (size_t i = 0; i < pile->n; i++) {
        refused_t *refused = &pile->items[i];
        const char *why = refused->chosen ? objection(refused, retries) : NULL;
        if (why == NULL)
            continue;
        refused->chosen = false;
        if (!request->all)
            (void) fault_set(refusal, ERR_REFUSED, "ids: change %s %s", refused->known.id, why);
    }
}

static err_t
find_chosen(const verdicts_t *self, const act_t *request, pile_t *pile, fault_t *refusal,
            fault_t *fault)
{
    text_set_t wanted = {0};
    err_t err = read_refused(self, pile, fault);
    if (err == OK)
        choose(pile, request, &wanted);
    for (size_t i = 0; err == OK && refusal->err == OK && i < request->n_ids; i++)
        if (text_set_has(&wanted, request->ids[i]))
            err = why_not(self, request->ids[i], refusal, fault);
    text_set_release(&wanted);
    if (err == OK)
        leave_unfit(pile, request, refusal);
    return err;
}

err_t
acts_do(verdicts_t *self, const act_t *request, acted_t *acted, fault_t *refusal,
        fault_t *fault)
{
    pile_t pile;
    *acted = (acted_t){0};
    if (acts_check(request, refusal) != OK)
        return OK;
    err_t err = find_chosen(self, request, &pile, refusal, fault);
    if (err != OK || refusal->err != OK)
        return err;
    const action_t *action = action_named(request->act);
    const char **ids = arena_new(self->overlay.arena, (pile.n + 1) * sizeof *ids);
    for (size_t i = 0; err == OK && i < pile.n; i++) {
        if (!pile.items[i].chosen)
            continue;
        ids[acted->n_ids++] = pile.items[i].known.id;
        err = action->run(self, &pile.items[i], request->reason, fault);
    }
    acted->ids = ids;
    return err;
}
