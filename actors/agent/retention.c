#include "actors/agent/retention.h"

#include "actors/agent/position.h"
#include "actors/settings.h"

#include <string.h>

enum { LOOK_MS = 60000, NEXT_MS = 50, TROUBLE_MS = 10000, PORTION = 2000 };

/*  A row that is old enough to go.  */
typedef struct doomed {
    int64_t seq;
    const char *id;
} doomed_t;

typedef struct portion {
    doomed_t items[PORTION];
    size_t n;
    int64_t last;     /* seq of the last row looked at; 0: there was none */
    int64_t newest;   /* timestamp of a local change among them */
    bool any_too_old; /* also of those that must stay */
} portion_t;

static bool
is_wanted(const settings_t *settings)
{
    return settings->journal_keep_ms > 0 || settings->journal_keep_rows > 0;
}

void
retention_arm(recorder_t *recorder, ctx_t *ctx)
{
    if (recorder->sweeping || !is_wanted(ctx_settings(ctx)))
        return;
    recorder->sweeping = true;
    ctx_after(ctx, TIMER_RETENTION, LOOK_MS);
}

/*  ------------------------------------------------------------------------- choosing  */

/*  ?1 looked at up to here, ?2 too old before that time, ?3 and up to that row, ?4 how many.
    Each row of a table is looked up once, however many changes of it are among them.  */
static const char portion_sql[] =
    "WITH c AS MATERIALIZED (SELECT rowid AS seq, * FROM local_changes WHERE rowid > ?1"
    " ORDER BY rowid LIMIT ?4),"
    " needed AS MATERIALIZED (SELECT * FROM (SELECT DISTINCT entity_type AS t, entity_id AS i"
    " FROM c) WHERE EXISTS (SELECT 1 FROM local_changes AS o WHERE o.entity_type = t"
    " AND o.entity_id = i AND o.from_server = 0 AND o.processed_sync = 0)"
    " OR EXISTS (SELECT 1 FROM waybill_held WHERE entity_type = t AND entity_id = i))"
    " SELECT seq, id, timestamp, from_server, timestamp < ?2 OR seq <= ?3,"
    " state = 'done' AND processed_sync AND processed_local"
    " AND (from_server OR NOT (verdict = 'applied' AND ifnull(lsn, 0) >"
    " (SELECT lsn FROM sync_state)) AND (entity_type, entity_id) NOT IN needed)"
    " FROM c ORDER BY seq";

static void
take(portion_t *portion, arena_t *arena, sqlite3_stmt *row)
{
    const bool too_old = sqlite3_column_int(row, 4) != 0;
    const int64_t timestamp = sqlite3_column_int64(row, 2);
    portion->last = sqlite3_column_int64(row, 0);
    portion->any_too_old = portion->any_too_old || too_old;
    if (!too_old || sqlite3_column_int(row, 5) == 0)
        return;
    if (sqlite3_column_int(row, 3) == 0 && timestamp > portion->newest)
        portion->newest = timestamp;
    portion->items[portion->n++] = (doomed_t){.seq = sqlite3_column_int64(row, 0),
                                              .id = arena_text(arena, column_text(row, 1))};
}

/*  All at once: rows are not removed under the statement that reads them.  */
static err_t
choose(const recorder_t *recorder, ctx_t *ctx, portion_t *portion, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    const int64_t too_old =
        settings->journal_keep_ms > 0 ? ctx_wall_ms(ctx) - settings->journal_keep_ms : 0;
    const int64_t last = db_number(recorder->db, "SELECT max(rowid) FROM local_changes", 0);
    const int64_t too_many =
        settings->journal_keep_rows > 0 ? last - settings->journal_keep_rows : 0;
    err_t err = OK;
    sqlite3_stmt *rows = db_query(recorder->db, portion_sql, fault, "iiii", recorder->swept,
                                  too_old, too_many, (int64_t) PORTION);
    while (db_step(recorder->db, rows, &err, fault))
        take(portion, ctx_arena(ctx), rows);
    return err;
}

/*  ------------------------------------------------------------------------- removing  */

/*  The time of the newest change must outlive it: nothing may be dated before it.  */
static err_t
remove_all(db_t *db, const portion_t *portion, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < portion->n; i++) {
        err = db_run(db, "DELETE FROM waybill_errors WHERE change_id = ?1", NULL, fault, "t",
                     portion->items[i].id);
        if (err == OK)
            err = db_run(db, "DELETE FROM local_changes WHERE rowid = ?1", NULL, fault, "i",
                         portion->items[i].seq);
    }
    return err == OK ? position_see(db, portion->newest, fault) : err;
}

/*  Chosen under the write lock, so that nobody changes what was chosen.  */
static err_t
sweep(const recorder_t *recorder, ctx_t *ctx, portion_t *portion, fault_t *fault)
{
    err_t err = db_begin(recorder->db, fault);
    if (err != OK)
        return err;
    err = choose(recorder, ctx, portion, fault);
    if (err == OK && portion->n > 0)
        err = remove_all(recorder->db, portion, fault);
    if (err == OK && portion->n > 0)
        return db_commit(recorder->db, fault);
    db_rollback(recorder->db);
    return err;
}

/*  Rows lie in the order of their time, about: where none of a portion is too old, those behind
    it are not either.  */
void
retention_on_timer(recorder_t *recorder, ctx_t *ctx)
{
    fault_t fault = {0};
    portion_t *portion = arena_new(ctx_arena(ctx), sizeof *portion);
    if (sweep(recorder, ctx, portion, &fault) != OK) {
        ctx_log(ctx, LOG_warning, "old changes were not removed: %s; trying again", fault.text);
        ctx_after(ctx, TIMER_RETENTION, TROUBLE_MS);
        return;
    }
    recorder->sweeping = portion->any_too_old;
    recorder->swept = portion->any_too_old ? portion->last : 0;
    if (portion->n > 0)
        SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(recorder->db));
    if (recorder->sweeping)
        ctx_after(ctx, TIMER_RETENTION, NEXT_MS);
}
