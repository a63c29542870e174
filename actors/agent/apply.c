#include "actors/agent/apply.h"

#include "actors/agent/aside.h"
#include "actors/agent/checked.h"
#include "actors/agent/held.h"
#include "actors/agent/pages.h"
#include "actors/agent/rows.h"
#include "actors/agent/staging.h"

#include <string.h>

/*  --------------------------------------------------------------------- the time limit  */

enum { STEPS_BETWEEN_LOOKS = 20000 };

static int
is_late(void *arg)
{
    const apply_t *self = arg;
    const outside_t *outside = &self->overlay.outside;
    return outside->now_ms(outside->arg) > self->deadline_ms;
}

/*  SQLite looks at the clock, in the middle of a statement too.  */
void
apply_restart_clock(apply_t *self)
{
    const outside_t *outside = &self->overlay.outside;
    if (self->limit_ms == 0)
        return;
    self->deadline_ms = outside->now_ms(outside->arg) + self->limit_ms;
    sqlite3_progress_handler(db_handle(self->overlay.db), STEPS_BETWEEN_LOOKS, is_late, self);
}

err_t
apply_begin(apply_t *self, fault_t *fault)
{
    db_t *db = self->overlay.db;
    apply_restart_clock(self);
    err_t err = catalog_refresh(self->overlay.catalog, fault);
    if (err == OK)
        err = position_read(db, &self->position, fault);
    if (err == OK)
        err = covered_read(&self->covered, db, self->position.lsn, fault);
    if (err == OK)
        err = aside_count(db, &self->n_held, fault);
    return err;
}

void
apply_end(apply_t *self)
{
    sqlite3_progress_handler(db_handle(self->overlay.db), 0, NULL, NULL);
    text_set_release(&self->touched);
    covered_release(&self->covered);
}

/*  --------------------------------------------------------------------- transactions  */

/*  What lies at or before our position was applied before.  */
static err_t
apply_changes(apply_t *self, const server_changes_t *stretch, applied_t *applied,
              fault_t *fault)
{
    checked_t *checked = NULL;
    err_t err = checked_read(&self->overlay, stretch, &checked, fault);
    for (size_t i = 0; err == OK && i < stretch->n_changes; i++) {
        const server_change_t *change = &stretch->changes[i];
        if (change->lsn <= self->position.lsn)
            continue;
        self->seen = change->updated_at > self->seen ? change->updated_at : self->seen;
        err = rows_decide(self, stretch, i, &checked[i], fault);
        if (err == OK)
            err = rows_apply(self, &checked[i], applied, fault);
    }
    return err;
}

/*  One part after the other, each in the memory of the one before.  */
static err_t
apply_staged(apply_t *self, applied_t *applied, fault_t *fault)
{
    server_changes_t part;
    int64_t seq = 0;
    db_t *db = self->overlay.db;
    err_t err = staging_next(db, &seq, self->overlay.arena, &part, fault);
    if (err != OK || part.n_changes == 0)
        return err;
    while (err == OK && part.n_changes > 0) {
        err = apply_changes(self, &part, applied, fault);
        arena_clear(self->overlay.arena);
        if (err == OK)
            err = staging_next(db, &seq, self->overlay.arena, &part, fault);
    }
    return err == OK ? staging_clear(db, fault) : err;
}

static err_t
move(apply_t *self, const server_changes_t *stretch, fault_t *fault)
{
    self->position.lsn = stretch->lsn;
    err_t err = position_move(self->overlay.db, self->position.epoch, stretch->lsn, fault);
    if (err == OK && self->seen > 0)
        err = position_see(self->overlay.db, self->seen, fault);
    return err;
}

static err_t
apply_part(apply_t *self, const server_changes_t *stretch, fault_t *fault)
{
    checked_t *checked = NULL;
    err_t err = checked_read(&self->overlay, stretch, &checked, fault);
    if (err == OK)
        err = staging_add(self->overlay.db, stretch, fault);
    return err;
}

static err_t
apply_transactions(apply_t *self, const server_changes_t *stretch, applied_t *applied,
                   fault_t *fault)
{
    if (strcmp(stretch->epoch, self->position.epoch) != 0)
        return fault_set(fault, ERR_PROTOCOL, "it belongs to another history of the server");
    if (stretch->prev > self->position.lsn) {
        applied->outcome = "gap";
        return OK;
    }
    if (!stretch->last)
        return apply_part(self, stretch, fault);
    err_t err = staging_meet(self->overlay.db, stretch, fault);
    if (err == OK)
        err = apply_staged(self, applied, fault);
    if (err == OK)
        err = apply_changes(self, stretch, applied, fault);
    if (err == OK && stretch->lsn > self->position.lsn)
        err = move(self, stretch, fault);
    return err;
}

/*  --------------------------------------------------------------------------- the end  */

static const struct {
    const char *phase;
    err_t (*apply)(apply_t *, const server_changes_t *, applied_t *, fault_t *);
} phases[] = {
    {"live", apply_transactions},    {"catchup", apply_transactions},
    {"moved", apply_transactions},   {"snapshot", pages_apply},
    {"snapshot_begin", pages_begin}, {"snapshot_end", pages_end},
};

err_t
apply_stretch(apply_t *self, const server_changes_t *stretch, applied_t *applied,
              fault_t *fault)
{
    *applied = (applied_t){.outcome = "applied"};
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        if (strcmp(phases[i].phase, stretch->phase) == 0)
            return phases[i].apply(self, stretch, applied, fault);
    return fault_set(fault, ERR_PROTOCOL, "field phase: \"%.40s\" is none", stretch->phase);
}

/*  The server has values for a new column in rows that came here without it, as its default,
    and the stream does not bring them: only a snapshot does.  */
static err_t
begin_again(apply_t *self, fault_t *fault)
{
    self->position.lsn = 0;
    return position_move(self->overlay.db, self->position.epoch, 0, fault);
}

err_t
apply_schema(apply_t *self, const server_schema_t *schema, fault_t *fault)
{
    bool extended = false;
    err_t err = staging_clear(self->overlay.db, fault);
    self->retry_all = true;
    self->parents.first = NULL;
    for (size_t i = 0; err == OK && i < schema->n_tables; i++) {
        const table_schema_t *wanted = &schema->tables[i];
        const table_t *table = catalog_table(self->overlay.catalog, wanted->name);
        err = table ? table_extend(table, wanted, &extended, fault)
                    : table_create(self->overlay.db, wanted, fault);
    }
    if (err == OK && extended)
        err = begin_again(self, fault);
    if (err == OK)
        err = catalog_refresh(self->overlay.catalog, fault);
    return err;
}
