/*  The judge of a server whose database is PostgreSQL.

    Local transactions are decided many at once, in batches (judge_parts.h), on several
    connections at once (judge_lane.h). When something in a batch is to be rejected that only
    showed when it was written, what stands before it is done again and committed with its
    rejection. What another transaction was in the way of is tried again. Trouble that may pass
    puts off what was not decided.  */

#include "actors/server/judge.h"

#include "actors/server/postgres/judge_lane.h"
#include "schemas/tables.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 1000, /* between attempts to connect */
    MODEL_MS = 200,  /* between looks for a table that is not known */
    SHARE = 8,       /* changes that are worth a lane */
    MOST_LANES = 64, /* as postgres.connections allows */
};

struct judge {
    const settings_t *settings;
    pg_t *pg; /* of the first lane */
    model_t *model;
    judge_seen_t *seen;
    judge_lane_t *lanes;
    size_t n_lanes;
    uint64_t connections; /* that the model is of */
    int64_t schema;       /* of the cache, when the model was made */
    uint64_t read_ms, failed_ms;
    fault_t failure; /* of the last attempt to connect */
};

/*  ------------------------------------------------------------------------------ connecting */

/*  Usually the feed has made it, or the administrator, for a role with few rights.  */
static err_t
make_tables(judge_t *self, fault_t *fault)
{
    static const char sql[] = "SELECT to_regclass('waybill.client_changes') IS NOT NULL"
                              " AND to_regclass('waybill.clients') IS NOT NULL"
                              " AND to_regclass('waybill.columns') IS NOT NULL"
                              " AND to_regclass('waybill.rounds') IS NOT NULL";
    PGresult *result = NULL;
    const err_t err = pg_run(self->pg, sql, &result, fault, "");
    const bool there = err == OK && pg_text_at(result, 0, 0)[0] == 't';
    PQclear(result);
    return err == OK && !there ? pg_exec(self->pg, postgres_sql, fault) : err;
}

static err_t
read_model(judge_t *self, uint64_t now_ms, fault_t *fault)
{
    self->connections = pg_connections(self->pg);
    self->schema = judge_seen_schema(self->seen);
    self->read_ms = now_ms;
    const err_t err = model_read(self->pg, self->settings, &self->model, fault);
    if (err != OK)
        self->connections = 0;
    return err;
}

static bool
is_model_old(const judge_t *self)
{
    return self->connections != pg_connections(self->pg)
           || self->schema != judge_seen_schema(self->seen);
}

/*  Trouble is remembered for a while: connecting may take long, and the next round follows at
    once.  */
static err_t
get_ready(judge_t *self, ctx_t *ctx, fault_t *fault)
{
    const uint64_t now_ms = ctx_now_ms(ctx);
    const bool again = self->failure.err == OK || now_ms - self->failed_ms >= PAUSE_MS;
    if (!again) {
        *fault = self->failure;
        return fault->err;
    }
    err_t err = pg_ready(self->pg, fault);
    if (err == OK && self->connections != pg_connections(self->pg))
        err = make_tables(self, fault);
    if (err == OK && is_model_old(self))
        err = read_model(self, now_ms, fault);
    self->failure = err == OK ? (fault_t){0} : *fault;
    self->failed_ms = now_ms;
    return err;
}

static void
make_lanes(judge_t *self)
{
    self->n_lanes = (size_t) self->settings->postgres_connections;
    self->lanes = mem_new(self->n_lanes * sizeof *self->lanes);
    for (size_t i = 0; i < self->n_lanes; i++) {
        self->lanes[i].number = i;
        self->lanes[i].batch.settings = self->settings;
        self->lanes[i].batch.seen = self->seen;
        self->lanes[i].batch.pg = pg_new(self->settings, PG_SQL, "waybill judge");
    }
    self->pg = self->lanes[0].batch.pg;
}

/*  A server whose database is down starts nevertheless; one whose settings are wrong does not.
 */
static err_t
open_judge(ctx_t *ctx, judge_t **made, fault_t *fault)
{
    judge_t *self = mem_new(sizeof *self);
    *made = self;
    self->settings = ctx_settings(ctx);
    self->seen = judge_seen_new(self->settings);
    make_lanes(self);
    const err_t err = get_ready(self, ctx, fault);
    return err == OK || err_is_transient(err) ? OK : err;
}

static void
close_judge(judge_t **judge)
{
    judge_t *self = *judge;
    if (self == NULL)
        return;
    model_destroy(&self->model);
    judge_seen_destroy(&self->seen);
    for (size_t i = 0; i < self->n_lanes; i++) {
        judge_batch_t *batch = &self->lanes[i].batch;
        pg_destroy(&batch->pg);
        free(batch->cases);
        free(batch->locals);
        free(batch->questions);
    }
    free(self->lanes);
    free(self);
    *judge = NULL;
}

/*  --------------------------------------------------------------------------------- clients */

static err_t
check_client(judge_t *self, const char *client_id, const char *user, fault_t *fault)
{
    static const char sql[] = "SELECT 1 FROM waybill.clients WHERE client_id = $1"
                              " AND user_id <> '' AND user_id <> $2";
    int64_t foreign = 0;
    if (user[0] == '\0')
        return OK;
    if (self->failure.err == OK && !pg_is_connected(self->pg))
        return fault_set(fault, ERR_OFFLINE, "the database is out of reach");
    if (self->failure.err != OK) {
        *fault = self->failure;
        return fault->err;
    }
    const err_t err = pg_number(self->pg, sql, &foreign, fault, "tt", client_id, user);
    if (err == OK && foreign != 0)
        return fault_set(fault, ERR_PERMISSION_DENIED,
                         "this client id belongs to another user");
    return err == ERR_PERMISSION_DENIED ? ERR_OFFLINE : err;
}

/*  -------------------------------------------------------------------------------- dividing */

/*  That of the item before it with the same client; else the next in turn.  */
static size_t
lane_for(const judge_round_t *round, size_t item, const size_t *lane_of, size_t *turn)
{
    const char *client_id = round->items[item].request->client_id;
    for (size_t i = item; i > 0; i--)
        if (strcmp(round->items[i - 1].request->client_id, client_id) == 0)
            return lane_of[i - 1];
    return (*turn)++;
}

/*  So many lanes as there are connections to be had; one is there.  */
static size_t
count_lanes(judge_t *self, const judge_round_t *round)
{
    fault_t none = {0};
    size_t changes = 0;
    size_t n = 1;
    for (size_t i = 0; i < round->n; i++)
        changes += round->items[i].request->n_changes;
    while (n < self->n_lanes && n < round->n && n * SHARE < changes
           && pg_ready(self->lanes[n].batch.pg, &none) == OK)
        n++;
    return n;
}

static const size_t *
divide(judge_t *self, ctx_t *ctx, const judge_round_t *round)
{
    const size_t n = count_lanes(self, round);
    size_t turn = 0;
    size_t *lane_of = arena_new(ctx_arena(ctx), (round->n + 1) * sizeof *lane_of);
    for (size_t i = 0; i < round->n; i++)
        lane_of[i] = lane_for(round, i, lane_of, &turn) % n;
    return lane_of;
}

static void
begin_round(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *put_off)
{
    const size_t *lane_of = divide(self, ctx, round);
    bool *stopped = arena_new(ctx_arena(ctx), (round->n + 1) * sizeof *stopped);
    for (size_t i = 0; i < self->n_lanes; i++) {
        judge_lane_t *lane = &self->lanes[i];
        judge_batch_t batch = lane->batch;
        batch.model = self->model;
        batch.arena = ctx_arena(ctx);
        batch.wall_ms = ctx_wall_ms(ctx);
        *lane = (judge_lane_t){.batch = batch,
                               .number = i,
                               .ctx = ctx,
                               .round = round,
                               .lane_of = lane_of,
                               .stopped = stopped,
                               .put_off = put_off};
        judge_lane_collect(lane);
    }
}

/*  --------------------------------------------------------------------------------- driving */

static size_t
count_in(const judge_t *self, judge_lane_state_t state)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n_lanes; i++)
        n += self->lanes[i].state == state;
    return n;
}

static judge_lane_t *
first_in(judge_t *self, judge_lane_state_t state)
{
    for (size_t i = 0; i < self->n_lanes; i++)
        if (self->lanes[i].state == state)
            return &self->lanes[i];
    return NULL;
}

/*  Until one of them has answers; false after a silence that is too long.  */
static bool
await_answers(const judge_t *self)
{
    pg_t *waiting[MOST_LANES];
    size_t n = 0;
    for (size_t i = 0; i < self->n_lanes; i++)
        if (self->lanes[i].state == LANE_WAITING)
            waiting[n++] = self->lanes[i].batch.pg;
    return pg_await_any(waiting, n);
}

static err_t
take_answers(judge_t *self, fault_t *fault)
{
    const bool wait = count_in(self, LANE_WAITING) == 1 || !await_answers(self);
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n_lanes; i++)
        if (self->lanes[i].state == LANE_WAITING)
            err = judge_lane_take(&self->lanes[i], wait, fault);
    return err;
}

static bool
is_model_free(const judge_t *self)
{
    for (size_t i = 0; i < self->n_lanes; i++)
        if (self->lanes[i].state != LANE_IDLE && self->lanes[i].attempt > 0)
            return false;
    return count_in(self, LANE_WAITING) == 0;
}

/*  A table may be newer than the model, which is read again while nobody works with it.  */
static err_t
look_for_tables(judge_t *self, fault_t *fault)
{
    const uint64_t now_ms = ctx_now_ms(self->lanes[0].ctx);
    bool misfits = false;
    for (size_t i = 0; i < self->n_lanes; i++)
        misfits = misfits || judge_lane_misfits(&self->lanes[i]);
    if (!misfits || now_ms - self->read_ms < MODEL_MS || !is_model_free(self))
        return OK;
    const err_t err = read_model(self, now_ms, fault);
    for (size_t i = 0; err == OK && i < self->n_lanes; i++) {
        self->lanes[i].batch.model = self->model;
        judge_lane_collect(&self->lanes[i]);
    }
    return err;
}

static err_t
drive(judge_t *self, fault_t *fault)
{
    err_t err = OK;
    while (err == OK) {
        err = look_for_tables(self, fault);
        if (err != OK)
            break;
        judge_lane_t *next = first_in(self, LANE_READY);
        if (next == NULL && count_in(self, LANE_WAITING) == 0)
            next = first_in(self, LANE_PARKED);
        if (next != NULL)
            err = judge_lane_send(next, fault);
        else if (count_in(self, LANE_WAITING) > 0)
            err = take_answers(self, fault);
        else
            break;
    }
    for (size_t i = 0; i < self->n_lanes; i++)
        judge_lane_abandon(&self->lanes[i]);
    return err;
}

static err_t
decide(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    fault_t put_off = {0};
    err_t err = get_ready(self, ctx, fault);
    if (err != OK)
        return err;
    begin_round(self, ctx, round, &put_off);
    err = drive(self, fault);
    if (err != OK || put_off.err == OK)
        return err;
    self->connections = 0; /* it may lie in what is known of the tables */
    *fault = put_off;
    return fault->err;
}

const judge_class_t postgres_judge = {
    .name = "postgres",
    .open = open_judge,
    .close = close_judge,
    .check_client = check_client,
    .decide = decide,
};
