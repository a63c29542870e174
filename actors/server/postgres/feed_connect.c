/*  A connection, from nothing to a stream or to a new slot.  */

#include "actors/server/postgres/feed.h"

#include <stdio.h>

static err_t
ask_who(feed_t *self, ctx_t *ctx, const wal_system_t *system, identity_found_t *found,
        fault_t *fault)
{
    const cache_state_t *state = cache_state(self->cache);
    char epoch[UUID_TEXT];
    ctx_uuid(ctx, epoch);
    const identity_known_t known = {
        .system = *system,
        .epoch = state->epoch,
        .slot = state->slot,
        .captured = state->captured,
        .confirmed = state->confirmed,
        .beat = state->beat,
        .new_epoch = epoch,
        .wall_ms = ctx_wall_ms(ctx),
    };
    err_t err = pg_ready(self->pg, fault);
    if (err == OK)
        err = identity_prepare(self->identity, self->pg, fault);
    return err == OK ? identity_check(self->identity, self->pg, &known, found, fault) : err;
}

err_t
feed_look_after_publication(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    buffer_t advice = {0};
    const err_t err =
        publication_ensure(self->publication, self->pg, &self->tables, &advice, fault);
    feed_warn(ctx, &advice);
    return err;
}

/*  The cache forgets its slot before that is gone: what follows from a new one does not fit to
    the rows that are there.  */
static err_t
begin_again(feed_t *self, ctx_t *ctx, const wal_system_t *system, const identity_found_t *found,
            fault_t *fault)
{
    self->belongs = (cache_state_t){.timeline = system->timeline, .beat = found->beat};
    (void) snprintf(self->belongs.epoch, sizeof self->belongs.epoch, "%s", found->epoch);
    (void) snprintf(self->belongs.system_id, sizeof self->belongs.system_id, "%s", system->id);
    (void) snprintf(self->belongs.slot, sizeof self->belongs.slot, "%s",
                    identity_slot(self->identity));
    err_t err = cache_set_slot(self->cache, "", fault);
    if (err == OK)
        err = identity_drop_slot(self->identity, self->pg, fault);
    if (err == OK)
        err = wal_stream_create(self->stream, identity_slot(self->identity), fault);
    if (err == OK) {
        self->phase = PHASE_CREATING;
        ctx_log(ctx, LOG_info, "reading the whole database: waiting for a slot");
        feed_tell_state(self, ctx);
    }
    return err;
}

void
feed_be_connected(feed_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    self->phase = PHASE_FOLLOWING;
    ctx_set(ctx, METRIC_postgres_connected, 1);
    COUNT(ctx, postgres_follows, 1);
    ctx_after(ctx, TIMER_BEAT, (uint64_t) settings->postgres_heartbeat_ms);
    ctx_after(ctx, TIMER_CONFIRM, wal_stream_pause_ms(self->stream));
    ctx_after(ctx, TIMER_WORK, 0);
    if (self->said[0] != '\0')
        ctx_log(ctx, LOG_info, "the database is followed again");
    feed_be_well(self, ctx);
}

static err_t
go_on(feed_t *self, ctx_t *ctx, const identity_found_t *found, fault_t *fault)
{
    const cache_state_t *state = cache_state(self->cache);
    err_t err = cache_set_beat(self->cache, found->beat, fault);
    if (err == OK)
        err = wal_stream_start(self->stream, state->slot, state->confirmed, fault);
    if (err == OK)
        feed_be_connected(self, ctx);
    return err;
}

err_t
feed_connect(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    wal_system_t system = {0};
    identity_found_t found = {0};
    err_t err = wal_stream_open(self->stream, &system, fault);
    if (err == OK)
        err = ask_who(self, ctx, &system, &found, fault);
    if (err == OK && found.why[0] != '\0')
        ctx_log(ctx, cache_state(self->cache)->captured > 0 ? LOG_warning : LOG_info, "%s",
                found.why);
    if (err == OK)
        err = feed_look_after_publication(self, ctx, fault);
    if (err != OK)
        return err;
    cache_trust(self->cache, found.token);
    err = found.rebuild ? begin_again(self, ctx, &system, &found, fault)
                        : go_on(self, ctx, &found, fault);
    if (err == OK)
        feed_watch_stream(self, ctx);
    return err;
}
