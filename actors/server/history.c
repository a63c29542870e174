#include "actors/server/history.h"

#include <stdio.h>

enum {
    SLACK_POSITIONS = 256, /* too many before anything is forgotten */
    SLACK_MS = 1000,       /* too old, likewise */
    ROWS = 2000,           /* forgotten at once, about */
    VERDICTS = 500,        /* looked at at once */
};

/*  ------------------------------------------------------------------------- too much  */

/*  Each gives the position up to which is to be forgotten now; 0: nothing is.  */
typedef err_t limit_fn(history_t *self, db_t *db, const history_now_t *now, uint64_t *lsn,
                       fault_t *fault);

static err_t
limit_count(history_t *self, db_t *db, const history_now_t *now, uint64_t *lsn, fault_t *fault)
{
    const int64_t kept = now->settings->stream_history;
    uint64_t floor = 0;
    *lsn = 0;
    if (self->transactions < kept + SLACK_POSITIONS)
        return OK;
    const err_t err = change_log_floor(db, &floor, fault);
    return err == OK
               ? change_log_nth(db, floor, (uint64_t) (self->transactions - kept), lsn, fault)
               : err;
}

static err_t
limit_age(history_t *self, db_t *db, const history_now_t *now, uint64_t *lsn, fault_t *fault)
{
    static const char oldest[] =
        "SELECT coalesce(time, updated_at) FROM change_log ORDER BY seq LIMIT 1";
    static const char old[] =
        "SELECT max(lsn) FROM (SELECT lsn, coalesce(time, updated_at) AS time FROM change_log"
        " ORDER BY seq LIMIT ?1) WHERE time < ?2";
    (void) self;
    err_t err = OK;
    const int64_t since = now->wall_ms - now->settings->stream_history_ms;
    *lsn = 0;
    if (now->settings->stream_history_ms == 0
        || db_number(db, oldest, INT64_MAX) >= since - SLACK_MS)
        return OK;
    sqlite3_stmt *row = db_query(db, old, fault, "ii", (int64_t) ROWS, since);
    if (!db_step(db, row, &err, fault))
        return err;
    *lsn = (uint64_t) sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return OK;
}

static err_t
limit_bytes(history_t *self, db_t *db, const history_now_t *now, uint64_t *lsn, fault_t *fault)
{
    (void) db;
    (void) fault;
    const int64_t most = now->settings->stream_history_bytes;
    *lsn = most > 0 && self->bytes > most ? now->head : 0;
    return OK;
}

static limit_fn *const limits[] = {limit_count, limit_age, limit_bytes};

static err_t
find_limit(history_t *self, db_t *db, const history_now_t *now, uint64_t *lsn, fault_t *fault)
{
    err_t err = OK;
    *lsn = 0;
    for (size_t i = 0; err == OK && i < COUNT_OF(limits); i++) {
        uint64_t limit = 0;
        err = limits[i](self, db, now, &limit, fault);
        *lsn = limit > *lsn ? limit : *lsn;
    }
    *lsn = *lsn >= now->head ? now->head - 1 : *lsn;
    return err;
}

static bool
must_sweep(const history_t *self, const history_now_t *now)
{
    return now->head >= self->swept_at + SLACK_POSITIONS;
}

/*  To *sum, of the rows between two positions.  */
static err_t
// NOLINTNEXTLINE(readability-function-size): a query and its bounds
add_number(db_t *db, const char *sql, uint64_t after, uint64_t up_to, int64_t *sum,
           fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "uu", after, up_to);
    if (!db_step(db, row, &err, fault))
        return err;
    *sum += sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return OK;
}

/*  What was written since the last look; all of it, the first time.  */
static err_t
count_new(history_t *self, db_t *db, const history_now_t *now, fault_t *fault)
{
    static const char transactions[] =
        "SELECT count(DISTINCT lsn) FROM change_log WHERE lsn > ?1 AND lsn <= ?2";
    static const char bytes[] =
        "SELECT total(length(data)) FROM change_log WHERE lsn > ?1 AND lsn <= ?2";
    if (now->head == self->counted_to)
        return OK;
    err_t err =
        add_number(db, transactions, self->counted_to, now->head, &self->transactions, fault);
    if (err == OK && now->settings->stream_history_bytes > 0)
        err = add_number(db, bytes, self->counted_to, now->head, &self->bytes, fault);
    self->counted_to = now->head;
    return err;
}

err_t
history_look(history_t *self, db_t *db, const history_now_t *now, bool *due, fault_t *fault)
{
    uint64_t lsn = 0;
    err_t err = count_new(self, db, now, fault);
    if (err == OK)
        err = find_limit(self, db, now, &lsn, fault);
    if (err == OK)
        err = change_log_floor(db, &self->floor, fault);
    *due = err == OK && (lsn > self->floor || must_sweep(self, now));
    return err;
}

/*  ------------------------------------------------------------------------- verdicts  */

/*  The keys of the next verdicts, in their order; the ledger has no index by time, because
    each verdict would pay for it.  */
static err_t
find_last(const history_t *self, db_t *db, history_t *last, fault_t *fault)
{
    static const char sql[] = "SELECT client_id, id FROM client_changes"
                              " WHERE (client_id, id) > (?1, ?2) ORDER BY client_id, id"
                              " LIMIT 1 OFFSET ?3";
    err_t err = OK;
    sqlite3_stmt *row =
        db_query(db, sql, fault, "tti", self->client_id, self->id, (int64_t) VERDICTS - 1);
    last->client_id[0] = last->id[0] = '\0';
    if (!db_step(db, row, &err, fault))
        return err;
    (void) snprintf(last->client_id, sizeof last->client_id, "%s", column_text(row, 0));
    (void) snprintf(last->id, sizeof last->id, "%s", column_text(row, 1));
    sqlite3_reset(row);
    return OK;
}

/*  Behind the last verdict it begins with the first again.  */
static err_t
sweep_verdicts(history_t *self, db_t *db, const history_now_t *now, fault_t *fault)
{
    static const char up_to[] = "DELETE FROM client_changes WHERE (client_id, id) > (?1, ?2)"
                                " AND (client_id, id) <= (?3, ?4) AND time < ?5";
    static const char rest[] = "DELETE FROM client_changes WHERE (client_id, id) > (?1, ?2)"
                               " AND time < ?3";
    history_t last = {0};
    const int64_t since = now->wall_ms - now->settings->stream_verdicts_ms;
    err_t err = find_last(self, db, &last, fault);
    if (err == OK && last.client_id[0] != '\0')
        err = db_run(db, up_to, NULL, fault, "tttti", self->client_id, self->id, last.client_id,
                     last.id, since);
    else if (err == OK)
        err = db_run(db, rest, NULL, fault, "tti", self->client_id, self->id, since);
    (void) snprintf(self->client_id, sizeof self->client_id, "%s", last.client_id);
    (void) snprintf(self->id, sizeof self->id, "%s", last.id);
    self->swept_at = now->head;
    return err;
}

err_t
history_forget(history_t *self, db_t *db, const history_now_t *now, fault_t *fault)
{
    uint64_t lsn = 0;
    pruned_t pruned = {0};
    err_t err = find_limit(self, db, now, &lsn, fault);
    if (err == OK && lsn > 0)
        err = change_log_prune(db, lsn, ROWS, &pruned, fault);
    self->transactions -= pruned.transactions;
    self->bytes -= pruned.bytes;
    if (err == OK && must_sweep(self, now))
        err = sweep_verdicts(self, db, now, fault);
    return err;
}
