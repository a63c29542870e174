/*  replicator - follows a PostgreSQL database: what was committed there, by whom ever, goes
   into the cache, and the news of it on.

    Hears  committed      from client-changes and distributor: nothing is to be done for it, the
                          log tells of every commit.
    Says   log_advanced   to distributor, once a position; database_state to listener, when it
           has changed and with each beat.

    Connecting is done at once or not at all, with the limits of the settings. From then on it
    waits for nothing: rows are read as they come, and the first copy in portions. Without a
    connection the cache is what clients are served from, and the next attempt has its time.  */

#include "actors/server/actors.h"
#include "actors/server/history.h"
#include "actors/server/postgres/filling.h"
#include "actors/server/postgres/following.h"
#include "actors/server/postgres/identity.h"
#include "actors/server/postgres/publication.h"

#include <stdio.h>
#include <string.h>

enum {
    TIMER_CONNECT = 1,
    TIMER_WORK,
    TIMER_BEAT,
    TIMER_CONFIRM,
    TIMER_NOTE,
    ROWS_AT_ONCE = 10000, /* in a commit, if more have come */
    NOTE_MS = 1000,       /* until a place of the log with nothing for us is written down */
    US_PER_MS = 1000,
};

static const uint64_t pauses_ms[] = {0, 500, 1000, 2000, 5000, 10000, 15000};

typedef enum phase { PHASE_WAITING, PHASE_CREATING, PHASE_FILLING, PHASE_FOLLOWING } phase_t;

typedef struct feed {
    cache_t *cache;
    wal_stream_t *stream;
    identity_t *identity;
    publication_t *publication;
    pg_t *pg;
    pg_tables_t *tables;
    following_t following;
    filling_t *filling; /* in its phase */
    history_t history;
    phase_t phase;
    cache_state_t belongs; /* what the cache will belong to once it is filled */
    size_t attempts;       /* in vain, one after the other */
    int fd, ready;         /* watched; fd 0: nothing */
    uint64_t announced;
    char said[sizeof(((fault_t *) NULL)->text)]; /* why it does not work */
    int64_t since;                               /* when that began */
} feed_t;

/*  ---------------------------------------------------------------------- watching  */

static void
unwatch(feed_t *self, ctx_t *ctx)
{
    if (self->fd > 0)
        ctx_unwatch_fd(ctx, self->fd);
    self->fd = 0;
}

static void
watch(feed_t *self, ctx_t *ctx, int fd, int ready)
{
    if (fd == self->fd && ready == self->ready)
        return;
    if (fd != self->fd)
        unwatch(self, ctx);
    self->fd = fd;
    self->ready = ready;
    ctx_watch(ctx, fd, ready);
}

static void
watch_stream(feed_t *self, ctx_t *ctx)
{
    watch(self, ctx, wal_stream_fd(self->stream), wal_stream_ready(self->stream));
}

/*  ----------------------------------------------------------------------- trouble  */

static void
tell_state(const feed_t *self, ctx_t *ctx)
{
    SEND(ctx, "listener", database_state, .trouble = self->said,
         .since = self->said[0] != '\0' ? self->since : 0,
         .reading = cache_state(self->cache)->captured == 0);
}

static void
be_well(feed_t *self, ctx_t *ctx)
{
    self->said[0] = '\0';
    tell_state(self, ctx);
}

/*  Says each reason once.  */
static void
say(feed_t *self, ctx_t *ctx, const char *text)
{
    if (strcmp(self->said, text) == 0)
        return;
    if (self->said[0] == '\0')
        self->since = ctx_wall_ms(ctx);
    (void) snprintf(self->said, sizeof self->said, "%s", text);
    ctx_log(ctx, LOG_warning, "the database is not followed: %s; trying again", text);
    tell_state(self, ctx);
}

static void
let_go(feed_t *self, ctx_t *ctx)
{
    unwatch(self, ctx);
    ctx_cancel(ctx, TIMER_CONFIRM);
    ctx_cancel(ctx, TIMER_BEAT);
    ctx_cancel(ctx, TIMER_NOTE);
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

static void
wait_for_another_try(feed_t *self, ctx_t *ctx)
{
    const size_t last = COUNT_OF(pauses_ms) - 1;
    const size_t step = self->attempts < last ? self->attempts : last;
    self->attempts++;
    ctx_after(ctx, TIMER_CONNECT, pauses_ms[step]);
}

/*  What the cache has cannot be followed any further.  */
static err_t
forget_slot(feed_t *self, ctx_t *ctx, const fault_t *why)
{
    fault_t fault = {0};
    ctx_log(ctx, LOG_warning, "the cache is filled anew: %s", why->text);
    const err_t err = cache_set_slot(self->cache, "", &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

static err_t
give_up(feed_t *self, ctx_t *ctx, const fault_t *why)
{
    const bool unfit = why->err == ERR_GAP || why->err == ERR_CORRUPT;
    let_go(self, ctx);
    if (!unfit)
        say(self, ctx, why->text);
    wait_for_another_try(self, ctx);
    return unfit ? forget_slot(self, ctx, why) : OK;
}

/*  --------------------------------------------------------------------- connecting  */

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

/*  Line by line; advice is given back.  */
static void
warn(ctx_t *ctx, buffer_t *advice)
{
    for (char *rest = NULL, *line = strtok_r((char *) buffer_text(advice), "\n", &rest);
         line != NULL; line = strtok_r(NULL, "\n", &rest))
        ctx_log(ctx, LOG_warning, "%s", line);
    buffer_release(advice);
}

static err_t
look_after_publication(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    buffer_t advice = {0};
    const err_t err =
        publication_ensure(self->publication, self->pg, &self->tables, &advice, fault);
    warn(ctx, &advice);
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
        tell_state(self, ctx);
    }
    return err;
}

static void
be_connected(feed_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    self->phase = PHASE_FOLLOWING;
    ctx_set(ctx, METRIC_postgres_connected, 1);
    ctx_after(ctx, TIMER_BEAT, (uint64_t) settings->postgres_heartbeat_ms);
    ctx_after(ctx, TIMER_CONFIRM, wal_stream_pause_ms(self->stream));
    ctx_after(ctx, TIMER_WORK, 0);
    if (self->said[0] != '\0')
        ctx_log(ctx, LOG_info, "the database is followed again");
    be_well(self, ctx);
}

static err_t
go_on(feed_t *self, ctx_t *ctx, const identity_found_t *found, fault_t *fault)
{
    const cache_state_t *state = cache_state(self->cache);
    err_t err = cache_set_beat(self->cache, found->beat, fault);
    if (err == OK)
        err = wal_stream_start(self->stream, state->slot, state->confirmed, fault);
    if (err == OK)
        be_connected(self, ctx);
    return err;
}

static err_t
connect_now(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    wal_system_t system = {0};
    identity_found_t found = {0};
    err_t err = wal_stream_open(self->stream, &system, fault);
    if (err == OK)
        err = ask_who(self, ctx, &system, &found, fault);
    if (err == OK && found.why[0] != '\0')
        ctx_log(ctx, LOG_warning, "%s", found.why);
    if (err == OK)
        err = look_after_publication(self, ctx, fault);
    if (err != OK)
        return err;
    err = found.rebuild ? begin_again(self, ctx, &system, &found, fault)
                        : go_on(self, ctx, &found, fault);
    if (err == OK)
        watch_stream(self, ctx);
    return err;
}

static err_t
try_to_connect(feed_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    if (self->phase != PHASE_WAITING || connect_now(self, ctx, &fault) == OK)
        return OK;
    return give_up(self, ctx, &fault);
}

/*  ------------------------------------------------------------------------ filling  */

static err_t
begin_filling(feed_t *self, ctx_t *ctx, const wal_snapshot_t *snapshot, fault_t *fault)
{
    err_t err = identity_took_slot(self->identity, self->pg, fault);
    self->filling = filling_new(self->cache, self->pg, ctx_settings(ctx));
    self->phase = PHASE_FILLING;
    if (err == OK)
        err = filling_begin(self->filling, snapshot, fault);
    if (err == OK)
        ctx_after(ctx, TIMER_WORK, 0);
    unwatch(self, ctx);
    return err;
}

static err_t
look_for_slot(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    wal_snapshot_t snapshot = {0};
    bool done = false;
    err_t err = wal_stream_created(self->stream, &snapshot, &done, fault);
    if (err == OK && done)
        return begin_filling(self, ctx, &snapshot, fault);
    if (err == OK)
        watch_stream(self, ctx);
    return err;
}

static void
announce(feed_t *self, ctx_t *ctx)
{
    const cache_state_t *state = cache_state(self->cache);
    ctx_set(ctx, METRIC_log_lsn, state->head);
    SEND(ctx, "checkpointer", wal_grown,
         .pages = (uint64_t) db_wal_pages(cache_db(self->cache)));
    if (state->head == self->announced)
        return;
    self->announced = state->head;
    SEND(ctx, "distributor", log_advanced, .lsn = state->head);
}

static err_t
end_filling(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    err_t err = filling_end(self->filling, &self->belongs, fault);
    if (err == OK)
        err = wal_stream_start(self->stream, self->belongs.slot,
                               cache_state(self->cache)->confirmed, fault);
    if (err != OK)
        return err;
    ctx_log(ctx, LOG_info, "the whole database was read: %zu tables, %llu rows",
            filling_tables(self->filling), (unsigned long long) filling_rows(self->filling));
    filling_destroy(&self->filling);
    self->history = (history_t){0};
    announce(self, ctx);
    be_connected(self, ctx);
    watch_stream(self, ctx);
    return OK;
}

static err_t
fill(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    filling_step_t step = FILLING_WAITS;
    const err_t err = filling_go_on(self->filling, &step, fault);
    if (err != OK)
        return err;
    if (step == FILLING_DONE)
        return end_filling(self, ctx, fault);
    if (step == FILLING_WORKS)
        ctx_after(ctx, TIMER_WORK, 0);
    else
        watch(self, ctx, PQsocket(pg_handle(self->pg)), FD_READ);
    return OK;
}

/*  ---------------------------------------------------------------------- following  */

static err_t
keep_history(feed_t *self, ctx_t *ctx, uint64_t head, fault_t *fault)
{
    bool due = false;
    const history_now_t now = {
        .settings = ctx_settings(ctx), .head = head, .wall_ms = ctx_wall_ms(ctx)};
    db_t *db = cache_db(self->cache);
    err_t err = history_look(&self->history, db, &now, &due, fault);
    if (err == OK && due)
        err = history_forget(&self->history, db, &now, fault);
    ctx_set(ctx, METRIC_log_rows, (uint64_t) self->history.transactions);
    ctx_set(ctx, METRIC_log_bytes,
            self->history.bytes > 0 ? (uint64_t) self->history.bytes : 0);
    return err;
}

static void
show_delay(feed_t *self, ctx_t *ctx)
{
    const int64_t since = cache_oldest_ms(self->cache);
    const int64_t now = ctx_wall_ms(ctx);
    if (since > 0)
        ctx_observe(ctx, METRIC_capture_time,
                    now > since ? (uint64_t) (now - since) * US_PER_MS : 0);
}

static err_t
commit(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    uint64_t head = 0;
    err_t err = cache_seal(self->cache, &head, fault);
    if (err == OK)
        err = keep_history(self, ctx, head, fault);
    if (err != OK)
        return err;
    show_delay(self, ctx);
    err = cache_commit(self->cache, fault);
    if (err == OK)
        err = wal_stream_confirm(self->stream, cache_state(self->cache)->confirmed, fault);
    if (err != OK)
        return err;
    self->attempts = 0;
    ctx_cancel(ctx, TIMER_NOTE);
    announce(self, ctx);
    return OK;
}

/*  What has come goes into one commit. A place of the log with nothing for us can wait.  */
static err_t
commit_if_due(feed_t *self, ctx_t *ctx, bool more, fault_t *fault)
{
    if (cache_is_inside(self->cache) || !cache_is_dirty(self->cache)
        || (more && cache_rows(self->cache) < ROWS_AT_ONCE))
        return OK;
    if (cache_is_begun(self->cache))
        return commit(self, ctx, fault);
    ctx_after(ctx, TIMER_NOTE, NOTE_MS);
    return OK;
}

static err_t
follow(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    bool more = false;
    err_t err = following_read(&self->following, &more, fault);
    if (err == OK)
        err = commit_if_due(self, ctx, more, fault);
    if (err == OK && more)
        ctx_after(ctx, TIMER_WORK, 0);
    if (err == OK)
        watch_stream(self, ctx);
    return err;
}

static err_t
note(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    if (cache_is_inside(self->cache) || !cache_is_dirty(self->cache))
        return OK;
    return commit(self, ctx, fault);
}

static err_t
confirm(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    ctx_after(ctx, TIMER_CONFIRM, wal_stream_pause_ms(self->stream));
    return wal_stream_confirm(self->stream, cache_state(self->cache)->confirmed, fault);
}

/*  ------------------------------------------------------------------------- beats  */

static err_t
beat_now(feed_t *self, ctx_t *ctx, identity_pulse_t *pulse, fault_t *fault)
{
    const identity_moment_t moment = {cache_state(self->cache)->epoch, ctx_wall_ms(ctx)};
    err_t err = pg_ready(self->pg, fault);
    if (err == OK)
        err = identity_beat(self->identity, self->pg, &moment, pulse, fault);
    if (err == OK)
        err = cache_set_beat(self->cache, pulse->beat, fault);
    if (err == OK)
        err = look_after_publication(self, ctx, fault);
    return err;
}

static void
show_pulse(feed_t *self, ctx_t *ctx, const identity_pulse_t *pulse)
{
    buffer_t advice = {0};
    ctx_set(ctx, METRIC_slot_retained,
            pulse->retained_bytes > 0 ? (uint64_t) pulse->retained_bytes : 0);
    identity_advise(self->identity, pulse, &advice);
    warn(ctx, &advice);
}

/*  A beat that does not succeed is no reason to leave the stream, unless another database
    answered.  */
static err_t
beat(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    identity_pulse_t pulse = {0};
    fault_t trouble = {0};
    ctx_after(ctx, TIMER_BEAT, (uint64_t) settings->postgres_heartbeat_ms);
    if (beat_now(self, ctx, &pulse, &trouble) != OK) {
        say(self, ctx, trouble.text);
        return OK;
    }
    be_well(self, ctx);
    show_pulse(self, ctx, &pulse);
    if (pulse.moved)
        return fault_set(fault, ERR_OFFLINE, "the database has begun another history");
    return follow(self, ctx, fault);
}

/*  ----------------------------------------------------------------------- the actor  */

static err_t
work(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    switch (self->phase) {
    case PHASE_WAITING:
        return OK;
    case PHASE_CREATING:
        return look_for_slot(self, ctx, fault);
    case PHASE_FILLING:
        return fill(self, ctx, fault);
    case PHASE_FOLLOWING:
        return follow(self, ctx, fault);
    }
    return OK;
}

static err_t (*const timers[])(feed_t *, ctx_t *, fault_t *) = {
    [TIMER_WORK] = work,
    [TIMER_BEAT] = beat,
    [TIMER_CONFIRM] = confirm,
    [TIMER_NOTE] = note,
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
    (void) state;
    (void) ctx;
    (void) body;
    return OK;
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
    self->announced = cache_state(self->cache)->head;
    if (cache_state(self->cache)->captured > 0) {
        ctx_after(ctx, TIMER_CONNECT, 0);
        return OK;
    }
    err = connect_now(self, ctx, &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

static void
stop(void *state, ctx_t *ctx)
{
    feed_t *self = state;
    unwatch(self, ctx);
    filling_destroy(&self->filling);
    arena_release(&self->following.arena);
    pg_tables_destroy(&self->tables);
    publication_destroy(&self->publication);
    wal_stream_destroy(&self->stream);
    pg_destroy(&self->pg);
    identity_destroy(&self->identity);
    cache_close(&self->cache);
}

static const edge_t sends[] = {
    {"distributor", MSG_log_advanced},
    {"listener", MSG_database_state},
    {"checkpointer", MSG_wal_grown},
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
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .stop = stop,
};
