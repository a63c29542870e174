/*  What is done now and then while the log is followed.  */

#include "actors/server/postgres/feed.h"

#include <stdio.h>

/*  The keys of the next verdicts, in their order, as history.c does it: the ledger has no index
    by time. Behind the last one it begins with the first again.  */
static err_t
sweep_verdicts(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    static const char sql[] =
        "WITH page AS MATERIALIZED (SELECT client_id, id FROM waybill.client_changes"
        " WHERE (client_id, id) > ($1::text, $2::text) ORDER BY client_id, id LIMIT 1000),"
        " gone AS (DELETE FROM waybill.client_changes AS c USING page"
        " WHERE c.client_id = page.client_id AND c.id = page.id AND c.time < $3::bigint)"
        " SELECT client_id, id FROM page ORDER BY client_id, id OFFSET 999";
    const settings_t *settings = ctx_settings(ctx);
    const int64_t since = ctx_wall_ms(ctx) - settings->stream_verdicts_ms;
    PGresult *result = NULL;
    const err_t err =
        pg_run(self->pg, sql, &result, fault, "tti", self->swept_client, self->swept_id, since);
    if (err != OK)
        return err;
    const bool more = PQntuples(result) > 0;
    (void) snprintf(self->swept_client, sizeof self->swept_client, "%s",
                    more ? pg_text_at(result, 0, 0) : "");
    (void) snprintf(self->swept_id, sizeof self->swept_id, "%s",
                    more ? pg_text_at(result, 0, 1) : "");
    PQclear(result);
    return OK;
}

/*  The caches have seen them long ago.  */
static err_t
sweep_rounds(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    enum { KEPT_MS = 3 * 86400000 };
    static const char sql[] = "DELETE FROM waybill.rounds WHERE xid IN"
                              " (SELECT xid FROM waybill.rounds WHERE time < $1::bigint"
                              " LIMIT 10000)";
    return pg_run(self->pg, sql, NULL, fault, "i", ctx_wall_ms(ctx) - KEPT_MS);
}

/*  Of the database alone: what goes wrong here leaves the cache as it is.  */
static err_t
ask_database(feed_t *self, ctx_t *ctx, identity_pulse_t *pulse, fault_t *fault)
{
    const identity_moment_t moment = {cache_state(self->cache)->epoch, ctx_wall_ms(ctx)};
    err_t err = pg_ready(self->pg, fault);
    if (err == OK)
        err = identity_beat(self->identity, self->pg, &moment, pulse, fault);
    if (err == OK)
        err = feed_look_after_publication(self, ctx, fault);
    if (err == OK)
        err = feed_look_for_drift(self, ctx, fault);
    if (err == OK)
        err = sweep_verdicts(self, ctx, fault);
    if (err == OK)
        err = sweep_rounds(self, ctx, fault);
    return err;
}

static void
show_pulse(feed_t *self, ctx_t *ctx, const identity_pulse_t *pulse)
{
    buffer_t advice = {0};
    ctx_set(ctx, METRIC_slot_retained,
            pulse->retained_bytes > 0 ? (uint64_t) pulse->retained_bytes : 0);
    identity_advise(self->identity, pulse, &advice);
    feed_warn(ctx, &advice);
}

/*  A beat that does not succeed is no reason to leave the stream, unless another database
    answered.  */
err_t
feed_beat(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    identity_pulse_t pulse = {0};
    fault_t trouble = {0};
    ctx_after(ctx, TIMER_BEAT, (uint64_t) settings->postgres_heartbeat_ms);
    if (ask_database(self, ctx, &pulse, &trouble) != OK) {
        feed_say(self, ctx, trouble.text);
        return OK;
    }
    feed_be_well(self, ctx);
    show_pulse(self, ctx, &pulse);
    if (pulse.moved)
        return fault_set(fault, ERR_OFFLINE, "the database has begun another history");
    err_t err = cache_set_beat(self->cache, pulse.beat, fault);
    if (err == OK)
        err = feed_settle_drift(self, ctx, fault);
    if (err == OK)
        err = feed_look_for_pieces(self, ctx, fault);
    return err == OK ? feed_follow(self, ctx, fault) : err;
}
