/*  The ledger: places for changes when a batch begins, and at its end what is not as it was
    claimed.

    A change stands under the client that made it: under its origin, where that belongs to the
    same user.  */

#include "actors/server/client_changes/errors.h"
#include "actors/server/postgres/judge_parts.h"
#include "schemas/codec.h"

#include <string.h>

#define OWNER                                                                                  \
    "coalesce((SELECT e.client_id FROM waybill.clients e JOIN waybill.clients n"               \
    " USING (user_id) WHERE e.client_id = a.origin AND n.client_id = a.client_id),"            \
    " a.client_id)"

typedef struct ids {
    pg_array_t clients, origins, ids;
} ids_t;

static void
add_id(ids_t *self, const judge_case_t *one)
{
    const char *origin = one->change->origin;
    pg_array_add_text(&self->clients, one->item->request->client_id);
    pg_array_add_text(&self->origins, origin && origin[0] ? origin : NULL);
    pg_array_add_text(&self->ids, one->change->id);
}

static void
release_ids(ids_t *self)
{
    pg_array_release(&self->clients);
    pg_array_release(&self->origins);
    pg_array_release(&self->ids);
}

/*  ------------------------------------------------------------------------------ claiming  */

/*  Ids are distinct in a batch, but for those that are repeated.  */
static err_t
take_claimed(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    size_t i = 0;
    (void) about;
    (void) fault;
    for (int row = 0; row < PQntuples(result); row++) {
        const char *id = pg_text_at(result, row, 1);
        size_t looked = 0;
        while (looked < self->n_cases
               && (self->cases[i].repeated || strcmp(self->cases[i].change->id, id) != 0)) {
            i = (i + 1) % self->n_cases;
            looked++;
        }
        if (looked == self->n_cases)
            continue;
        judge_case_t *one = &self->cases[i];
        one->fresh = true;
        one->owner = arena_text(self->arena, pg_text_at(result, row, 0));
        one->lsn = (uint64_t) pg_number_at(result, row, 2);
    }
    return OK;
}

/*  The position is asked for inside of the transaction: whoever wrote one of our rows before is
    before it, and whoever does so after us is behind it.  */
err_t
judge_claim_send(judge_batch_t *self, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.client_changes AS c (client_id, id, verdict, lsn, time)"
        " SELECT " OWNER ", a.id, 'applied',"
        " (SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint), $4::bigint"
        " FROM unnest($1::text[], $2::text[], $3::text[]) AS a (client_id, origin, id)"
        " ON CONFLICT (client_id, id) DO UPDATE SET verdict = excluded.verdict, code = NULL,"
        " message = NULL, lsn = excluded.lsn, time = excluded.time"
        " WHERE c.verdict = 'rejected' RETURNING client_id, id, lsn";
    ids_t ids = {0};
    for (size_t i = 0; i < self->n_cases; i++)
        if (!self->cases[i].repeated)
            add_id(&ids, &self->cases[i]);
    const err_t err = pg_send(self->pg, sql, fault, "aaai", &ids.clients, &ids.origins,
                              &ids.ids, self->wall_ms);
    release_ids(&ids);
    if (err == OK)
        judge_expect(self, take_claimed, JUDGE_NOBODY);
    return err;
}

/*  ------------------------------------------------------------------------------ verdicts  */

void
judge_attach(judge_batch_t *self, judge_case_t *one, bytes_t row, const bytes_t *sent)
{
    if (row.size == 0)
        return;
    const bytes_t shown = model_visible(one->table, row, self->arena);
    if (sent == NULL || decisions_differs(*sent, shown, one->operation == OPERATION_INSERT))
        one->verdict->row = shown;
}

static bytes_t
row_before(const judge_case_t *one)
{
    return one->table != NULL && one->readable && one->canonical == NULL ? one->row
                                                                         : (bytes_t){0};
}

static void
reject(judge_batch_t *self, judge_case_t *one, const judge_local_t *local)
{
    one->verdict->id = one->change->id;
    if (local->guilty == one->change)
        errors_reject(one->verdict, local->err, local->text);
    else
        errors_reject_along(one->verdict);
    one->verdict->lsn = one->lsn;
    judge_attach(self, one, row_before(one), NULL);
}

static void
merge(judge_batch_t *self, judge_case_t *one)
{
    *one->verdict = (verdict_t){.id = one->change->id, .verdict = "merged", .lsn = one->lsn};
    judge_attach(self, one, row_before(one), NULL);
}

/*  What was written has its verdict.  */
static void
complete_verdicts(judge_batch_t *self)
{
    for (size_t i = 0; i < self->n_cases; i++) {
        judge_case_t *one = &self->cases[i];
        const judge_local_t *local = &self->locals[one->local];
        if (!one->fresh)
            continue;
        if (local->err != OK)
            reject(self, one, local);
        else if (one->verdict->verdict == NULL)
            merge(self, one);
    }
}

/*  ------------------------------------------------------------------------- what differs  */

static bool
is_as_claimed(const verdict_t *verdict)
{
    return strcmp(verdict->verdict, "applied") == 0 && verdict->message == NULL;
}

static err_t
record(judge_batch_t *self, fault_t *fault)
{
    static const char sql[] =
        "UPDATE waybill.client_changes AS c SET verdict = a.verdict, code = a.code,"
        " message = a.message FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],"
        " $5::text[]) AS a (client_id, id, verdict, code, message)"
        " WHERE c.client_id = a.client_id AND c.id = a.id";
    pg_array_t lists[5] = {0};
    err_t err = OK;
    for (size_t i = 0; i < self->n_cases; i++) {
        const judge_case_t *one = &self->cases[i];
        if (!one->fresh || is_as_claimed(one->verdict))
            continue;
        pg_array_add_text(&lists[0], one->owner);
        pg_array_add_text(&lists[1], one->change->id);
        pg_array_add_text(&lists[2], one->verdict->verdict);
        pg_array_add_text(&lists[3], one->verdict->code);
        pg_array_add_text(&lists[4], one->verdict->message);
    }
    if (lists[0].n > 0) {
        err = pg_send(self->pg, sql, fault, "aaaaa", &lists[0], &lists[1], &lists[2], &lists[3],
                      &lists[4]);
        if (err == OK)
            judge_expect(self, NULL, JUDGE_NOBODY);
    }
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        pg_array_release(&lists[i]);
    return err;
}

/*  For whoever looks into it.  */
static err_t
keep_rejected(judge_batch_t *self, const judge_case_t *one, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.changes_history (time, client_id, change_id, tbl, operation, data,"
        " code, message) VALUES ($1::bigint, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (client_id, change_id) DO UPDATE SET time = excluded.time,"
        " code = excluded.code, message = excluded.message";
    buffer_t json = {0};
    const client_change_t *change = one->change;
    const bool readable = msgpack_to_json(change->data, &json) == OK;
    const err_t err = pg_send(self->pg, sql, fault, "ittttttt", self->wall_ms,
                              one->item->request->client_id, change->id, change->table,
                              change->operation, readable ? buffer_text(&json) : NULL,
                              one->verdict->code, one->verdict->message);
    buffer_release(&json);
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

/*  ---------------------------------------------------------------------------- duplicates  */

static const char *
text_or_none(judge_batch_t *self, const PGresult *result, int row, int place)
{
    return PQgetisnull(result, row, place)
               ? NULL
               : arena_text(self->arena, pg_text_at(result, row, place));
}

static void
recall(judge_batch_t *self, judge_case_t *one, const PGresult *result, int row)
{
    *one->verdict = (verdict_t){
        .id = one->change->id,
        .verdict = "duplicate",
        .first = arena_text(self->arena, pg_text_at(result, row, 1)),
        .code = text_or_none(self, result, row, 2),
        .message = text_or_none(self, result, row, 3),
        .lsn = (uint64_t) pg_number_at(result, row, 4),
    };
    const bool has_it =
        strcmp(one->verdict->first, "applied") == 0 && one->operation != OPERATION_DELETE;
    judge_attach(self, one, row_before(one), has_it ? &one->change->data : NULL);
}

static err_t
take_recalled(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    (void) about;
    for (int row = 0; row < PQntuples(result); row++) {
        const size_t number = (size_t) pg_number_at(result, row, 0);
        if (number < self->n_cases)
            recall(self, &self->cases[number], result, row);
    }
    for (size_t i = 0; i < self->n_cases; i++)
        if (self->cases[i].verdict->verdict == NULL)
            return fault_set(fault, ERR_CORRUPT, "waybill.client_changes: %s is gone from it",
                             self->cases[i].change->id);
    return OK;
}

static err_t
ask_for_duplicates(judge_batch_t *self, fault_t *fault)
{
    static const char sql[] =
        "SELECT a.number, c.verdict, c.code, c.message, c.lsn"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[])"
        " AS a (client_id, origin, id, number)"
        " JOIN waybill.client_changes AS c ON c.id = a.id AND c.client_id = " OWNER;
    ids_t ids = {0};
    pg_array_t numbers = {0};
    err_t err = OK;
    for (size_t i = 0; i < self->n_cases; i++) {
        if (self->cases[i].fresh)
            continue;
        add_id(&ids, &self->cases[i]);
        pg_array_add_number(&numbers, (int64_t) i);
    }
    if (numbers.n > 0) {
        err = pg_send(self->pg, sql, fault, "aaaa", &ids.clients, &ids.origins, &ids.ids,
                      &numbers);
        if (err == OK)
            judge_expect(self, take_recalled, JUDGE_NOBODY);
    }
    release_ids(&ids);
    pg_array_release(&numbers);
    return err;
}

err_t
judge_conclude_send(judge_batch_t *self, fault_t *fault)
{
    complete_verdicts(self);
    err_t err = record(self, fault);
    for (size_t i = 0; err == OK && i < self->n_cases; i++)
        if (self->cases[i].fresh && errors_is_rejected(self->cases[i].verdict))
            err = keep_rejected(self, &self->cases[i], fault);
    if (err == OK)
        err = ask_for_duplicates(self, fault);
    return err;
}
