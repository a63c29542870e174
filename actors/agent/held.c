#include "actors/agent/held.h"

#include "actors/agent/aside.h"
#include "actors/agent/rows.h"
#include "actors/agent/trial.h"
#include "schemas/codec.h"

#include <string.h>

/*  In a transaction that is about something else.  */
enum { RETRIES_AT_MOST = 200 };

/*  ------------------------------------------------------------------- putting, passing  */

err_t
held_put(apply_t *self, const checked_t *checked, const char *change_id, const fault_t *cause,
         fault_t *fault)
{
    server_change_t change = *checked->change;
    change.lsn = checked->lsn;
    const aside_t aside = {.change_id = change_id,
                           .table = table_name(checked->table),
                           .key = checked->key,
                           .change = &change,
                           .cause = cause,
                           .now = self->overlay.outside.now};
    if (self->n_set_aside++ == 0)
        self->set_aside = *cause;
    self->n_held++;
    return aside_put(self->overlay.db, &aside, fault);
}

/*  What is not held yet may be soon, where each change is tried on its own.  */
void
held_touch(apply_t *self, const table_t *table)
{
    if (self->n_held > 0 || self->careful)
        text_set_add(&self->touched, table_name(table));
}

err_t
held_pass(apply_t *self, const table_t *table, const char *key, fault_t *fault)
{
    held_touch(self, table);
    if (self->n_held == 0)
        return OK;
    return aside_forget(self->overlay.db, table_name(table), key, INT64_MAX, fault);
}

err_t
held_drop_before(apply_t *self, uint64_t lsn, fault_t *fault)
{
    static const char mark[] =
        "UPDATE local_changes SET state = 'done', skip_reason = 'a snapshot came'"
        " WHERE id IN (SELECT change_id FROM waybill_held WHERE lsn < ?1)";
    err_t err = db_run(self->overlay.db, mark, NULL, fault, "u", lsn);
    if (err == OK)
        err = db_run(self->overlay.db, "DELETE FROM waybill_held WHERE lsn < ?1", NULL, fault,
                     "u", lsn);
    return err;
}

/*  ---------------------------------------------------------------------------- retrying  */

typedef struct held {
    int64_t seq;
    const char *change_id;
    server_change_t change;
    bool slow;
} held_t;

/*  The one after held->seq; without a change id if there is none.  */
static err_t
next(const apply_t *self, held_t *held, fault_t *fault)
{
    static const char sql[] = "SELECT seq, change_id, change, code FROM waybill_held"
                              " WHERE seq > ?1 ORDER BY seq LIMIT 1";
    err_t err = OK;
    arena_t *arena = self->overlay.arena;
    sqlite3_stmt *row = db_query(self->overlay.db, sql, fault, "i", held->seq);
    *held = (held_t){0};
    if (!db_step(self->overlay.db, row, &err, fault))
        return err;
    held->seq = sqlite3_column_int64(row, 0);
    held->change_id = arena_text(arena, column_text(row, 1));
    held->slow = strcmp(column_text(row, 3), err_name(ERR_TIMEOUT)) == 0;
    const bytes_t packed = arena_bytes(arena, column_bytes(row, 2));
    sqlite3_reset(row);
    return message_unpack(MSG_server_change, packed, arena, &held->change, fault);
}

/*  A slow one would keep everything else waiting again and again.  */
static bool
may_fit_now(const apply_t *self, const held_t *held)
{
    if (self->retry_all)
        return true;
    const table_t *table = catalog_table(self->overlay.catalog, held->change.table);
    if (table == NULL || held->slow)
        return false;
    bool touched = text_set_has(&self->touched, held->change.table);
    for (size_t i = 0; !touched && table_parent(table, i) != NULL; i++)
        touched = text_set_has(&self->touched, table_parent(table, i));
    return touched;
}

static err_t
finish(apply_t *self, const held_t *held, const char *key, fault_t *fault)
{
    err_t err = db_run(self->overlay.db,
                       "UPDATE local_changes SET processed_local = 1, state = 'done',"
                       " skip_reason = ?2 WHERE id = ?1",
                       NULL, fault, "tt", held->change_id, self->skip_reason);
    if (err == OK)
        err = db_run(self->overlay.db, "DELETE FROM waybill_held WHERE seq = ?1", NULL, fault,
                     "i", held->seq);
    text_set_add(&self->touched, held->change.table);
    report_add(&self->report,
               &(processed_t){.id = held->change_id,
                              .entity_type = held->change.table,
                              .entity_id = key,
                              .operation = held->change.operation,
                              .result = self->skip_reason ? "skipped" : "applied",
                              .from_server = true,
                              .message = self->skip_reason,
                              .lsn = held->change.lsn});
    return err;
}

static err_t
note_failure(const apply_t *self, const held_t *held, const fault_t *cause, fault_t *fault)
{
    err_t err = db_run(self->overlay.db,
                       "UPDATE local_changes SET attempts = attempts + 1, error = ?2"
                       " WHERE id = ?1",
                       NULL, fault, "tt", held->change_id, cause->text);
    if (err == OK)
        err = db_run(self->overlay.db,
                     "UPDATE waybill_held SET attempts = attempts + 1, code = ?2, error = ?3,"
                     " time = ?4 WHERE seq = ?1",
                     NULL, fault, "itti", held->seq, err_name(cause->err), cause->text,
                     self->overlay.outside.now);
    return err;
}

/*  A table or column that is gone since is a failure as well.  */
static err_t
retry(apply_t *self, const held_t *held, fault_t *fault)
{
    checked_t checked;
    fault_t cause = {0};
    err_t err = OK;
    if (checked_one(&self->overlay, &held->change, &checked, &cause) == OK)
        err = trial_run(self, &checked, rows_rewrite, &cause, fault);
    if (err != OK)
        return err;
    return cause.err == OK ? finish(self, held, checked.key, fault)
                           : note_failure(self, held, &cause, fault);
}

err_t
held_retry(apply_t *self, fault_t *fault)
{
    held_t held = {0};
    uint64_t tries = 0;
    if (self->n_held == 0)
        return OK;
    err_t err = next(self, &held, fault);
    while (err == OK && held.change_id != NULL
           && (self->retry_all || tries < RETRIES_AT_MOST)) {
        if (may_fit_now(self, &held)) {
            tries++;
            err = retry(self, &held, fault);
        }
        arena_clear(self->overlay.arena);
        if (err == OK)
            err = next(self, &held, fault);
    }
    return err == OK ? aside_count(self->overlay.db, &self->n_held, fault) : err;
}
