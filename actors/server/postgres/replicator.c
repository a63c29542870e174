/*  replicator - follows a PostgreSQL database: what was committed there, by whomever, goes
    into the cache, and the news of it on.

    Hears  committed        from client-changes and distributor: the log tells of every
                            commit, but how far it was looked through is asked for where
                            somebody waits.
    Says   log_advanced     to listener, once a position;
           database_state   to listener, when it has changed and with each beat.

    Connecting is done at once or not at all, with the limits of the settings. From then on it
    waits for nothing: rows are read as they come, and the first copy in portions. Without a
    connection the cache is what clients are served from, and the next attempt has its time.  */

#include "actors/server/actors.h"
#include "actors/server/postgres/feed.h"

#include <stdio.h>
#include <stdlib.h>

static const uint64_t pauses_ms[] = {0, 500, 1000, 2000, 5000, 10000, 15000};

/*  To copy everything is dear to the database and to all clients: where it does not help for
    long, the next time is put off more and more. Clients have the old copy until then.  */
static const uint64_t copy_pauses_ms[] = {0, 1000, 2000, 10000, 60000, 300000};
enum {
    CALM_MS = 600000, /* forgotten is what was longer ago */
    MS_PER_S = 1000,
};

/*  ----------------------------------------------------------------------- trouble  */

static void
let_go(feed_t *self, ctx_t *ctx)
{
    feed_unwatch(self, ctx);
    ctx_cancel(ctx, TIMER_CONFIRM);
    ctx_cancel(ctx, TIMER_BEAT);
    ctx_cancel(ctx, TIMER_NOTE);
    self->notes = false;
    ctx_cancel(ctx, TIMER_WORK);
    if (self->phase == PHASE_FILLING)
        pg_disconnect(self->pg); /* in the middle of a copy */
    filling_destroy(&self->filling);
    wal_stream_close(self->stream);
    cache_rollback(self->cache);
    self->history = (history_t){0};
    self->phase = PHASE_WAITING;
    ctx_set(ctx, METRIC_postgres_connected, 0);
}

static uint64_t
step_of(const uint64_t *pauses, size_t n, size_t *count)
{
    const size_t step = *count < n ? *count : n - 1;
    (*count)++;
    return pauses[step];
}

static void
wait_for_another_try(feed_t *self, ctx_t *ctx)
{
    ctx_after(ctx, TIMER_CONNECT, step_of(pauses_ms, COUNT_OF(pauses_ms), &self->attempts));
}

static uint64_t
pause_until_copy(feed_t *self, ctx_t *ctx)
{
    const uint64_t now = ctx_now_ms(ctx);
    if (now - self->copied_at > CALM_MS)
        self->copies = 0;
    self->copied_at = now;
    return step_of(copy_pauses_ms, COUNT_OF(copy_pauses_ms), &self->copies);
}

/*  Once it is said as it is; when that did not help, it is said as trouble, which everybody
    sees who looks at the server.  */
static void
tell_of_copy(feed_t *self, ctx_t *ctx, const fault_t *why, uint64_t pause_ms)
{
    char text[sizeof why->text];
    if (pause_ms == 0) {
        ctx_log(ctx, LOG_warning, "the cache is filled anew: %s", why->text);
        return;
    }
    (void) snprintf(text, sizeof text,
                    "%.300s; the whole database was read for such a reason %zu times, and is "
                    "again in %llu s; until then clients get what was read before",
                    why->text, self->copies - 1, (unsigned long long) (pause_ms / MS_PER_S));
    feed_say(self, ctx, text);
}

/*  What the cache has cannot be followed any further.  */
static err_t
fill_again(feed_t *self, ctx_t *ctx, const fault_t *why)
{
    fault_t fault = {0};
    const uint64_t pause_ms = pause_until_copy(self, ctx);
    tell_of_copy(self, ctx, why, pause_ms);
    ctx_after(ctx, TIMER_CONNECT, pause_ms);
    const err_t err = cache_set_slot(self->cache, "", &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

/*  Is it the copy itself that cannot be made? Where only the way to it is missing, or room for
    it, that can be back in a moment.  */
static bool
spoils_copy(const feed_t *self, err_t err)
{
    return self->phase == PHASE_FILLING && err != ERR_OFFLINE && err != ERR_BUSY
           && err != ERR_FULL;
}

static err_t
give_up(feed_t *self, ctx_t *ctx, const fault_t *why)
{
    const bool unfit = why->err == ERR_GAP || why->err == ERR_CORRUPT;
    const bool spoilt = spoils_copy(self, why->err);
    let_go(self, ctx);
    if (unfit)
        return fill_again(self, ctx, why);
    feed_say(self, ctx, why->text);
    if (spoilt)
        ctx_after(ctx, TIMER_CONNECT, pause_until_copy(self, ctx));
    else
        wait_for_another_try(self, ctx);
    return OK;
}

static err_t
try_to_connect(feed_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    feed_announce(self, ctx); /* what an earlier instance did not */
    if (self->phase != PHASE_WAITING || feed_connect(self, ctx, &fault) == OK)
        return OK;
    return give_up(self, ctx, &fault);
}

/*  ----------------------------------------------------------------------- the actor  */

static err_t
work(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    switch (self->phase) {
    case PHASE_WAITING:
        return OK;
    case PHASE_CREATING:
        return feed_look_for_slot(self, ctx, fault);
    case PHASE_FILLING:
        return feed_fill(self, ctx, fault);
    case PHASE_FOLLOWING:
        return feed_follow(self, ctx, fault);
    }
    return OK;
}

static err_t (*const timers[])(feed_t *, ctx_t *, fault_t *) = {
    [TIMER_WORK] = work,
    [TIMER_BEAT] = feed_beat,
    [TIMER_CONFIRM] = feed_confirm,
    [TIMER_NOTE] = feed_note,
};

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    feed_t *self = state;
    fault_t fault = {0};
    if (timer == TIMER_CONNECT)
        return try_to_connect(self, ctx);
    if (self->phase == PHASE_WAITING || timers[timer](self, ctx, &fault) == OK)
        return OK;
    return give_up(self, ctx, &fault);
}

static err_t
on_fd(void *state, ctx_t *ctx, int fd, int ready)
{
    feed_t *self = state;
    fault_t fault = {0};
    (void) fd;
    (void) ready;
    return work(self, ctx, &fault) == OK ? OK : give_up(self, ctx, &fault);
}

static err_t
on_committed(void *state, ctx_t *ctx, const void *body)
{
    feed_t *self = state;
    const committed_t *news = body;
    fault_t fault = {0};
    if (self->phase != PHASE_FOLLOWING || news->lsn <= cache_state(self->cache)->captured)
        return OK;
    wal_stream_ask(self->stream);
    return feed_confirm(self, ctx, &fault) == OK ? OK : give_up(self, ctx, &fault);
}

static err_t
start(void *state, ctx_t *ctx)
{
    feed_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    err_t err = identity_new(settings, &self->identity, &fault);
    if (err == OK)
        err = cache_open(settings, &self->cache, &fault);
    if (err != OK)
        return ctx_fail(ctx, "%s", fault.text);
    self->stream = wal_stream_new(settings);
    self->publication = publication_new(settings);
    self->pg = pg_new(settings, PG_SQL, "waybill feed");
    self->following = (following_t){.cache = self->cache,
                                    .stream = self->stream,
                                    .pg = self->pg,
                                    .settings = settings,
                                    .tables = &self->tables};
    if (cache_state(self->cache)->captured > 0) {
        ctx_after(ctx, TIMER_CONNECT, 0);
        return OK;
    }
    err = feed_connect(self, ctx, &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

static void
stop(void *state, ctx_t *ctx)
{
    feed_t *self = state;
    feed_unwatch(self, ctx);
    filling_destroy(&self->filling);
    arena_release(&self->following.arena);
    pg_tables_destroy(&self->tables);
    publication_destroy(&self->publication);
    wal_stream_destroy(&self->stream);
    pg_destroy(&self->pg);
    identity_destroy(&self->identity);
    cache_close(&self->cache);
    free(self->drift);
}

static bool
is_wanted(const void *settings)
{
    return settings_on_postgres(settings);
}

static const edge_t sends[] = {
    {"listener", MSG_log_advanced},
    {"checkpointer", MSG_wal_grown},
    {"listener", MSG_database_state},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_committed] = on_committed,
};

const actor_class_t postgres_replicator = {
    .name = "replicator",
    .summary = "follows the log of a PostgreSQL database",
    .state_size = sizeof(feed_t),
    .sends = sends,
    .is_wanted = is_wanted,
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .stop = stop,
};
