#include "actors/agent/batch.h"

#include "actors/agent/capturing.h"
#include "actors/agent/held.h"
#include "actors/agent/trial.h"
#include "actors/common/local_capture.h"

#include <inttypes.h>

static err_t
apply_one(apply_t *apply, stretch_t *stretch, fault_t *fault)
{
    stretch->applied = (applied_t){.outcome = "applied"};
    const err_t err = stretch->schema
                          ? apply_schema(apply, stretch->schema, fault)
                          : apply_stretch(apply, stretch->changes, &stretch->applied, fault);
    stretch->lsn = apply->position.lsn;
    return err;
}

/*  New tables and columns get their triggers at once: before anybody can write to them.  */
static err_t
capture_new_tables(const batch_t *self, const stretch_t *stretch, fault_t *fault)
{
    const overlay_t *overlay = &self->apply.overlay;
    if (self->capture == NULL || stretch->schema == NULL)
        return OK;
    return capturing_follow(overlay->catalog, overlay->db, self->capture, NULL, fault);
}

static err_t
apply_each(batch_t *self, fault_t *fault)
{
    apply_t *apply = &self->apply;
    err_t err = apply_begin(apply, fault);
    for (size_t i = 0; err == OK && i < self->n; i++) {
        err = apply_one(apply, &self->stretches[i], fault);
        if (err == OK)
            err = capture_new_tables(self, &self->stretches[i], fault);
        arena_clear(apply->overlay.arena);
    }
    return err == OK ? held_retry(apply, fault) : err;
}

/*  Triggers are silent meanwhile: what the server sends is no local change.  */
static err_t
apply_muted(batch_t *self, fault_t *fault)
{
    db_t *db = self->blank.overlay.db;
    if (self->capture == NULL)
        return apply_each(self, fault);
    err_t err = local_capture_mute(db, fault);
    if (err == OK)
        err = apply_each(self, fault);
    return err == OK ? local_capture_unmute(db, fault) : err;
}

err_t
batch_commit(batch_t *self, fault_t *fault)
{
    db_t *db = self->blank.overlay.db;
    self->apply = self->blank;
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = apply_muted(self, fault);
    apply_end(&self->apply);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

/*  SQLite says only that it was interrupted.  */
static void
name_timeout(const batch_t *self, fault_t *fault)
{
    if (fault->err == ERR_TIMEOUT)
        (void) fault_set(fault, ERR_TIMEOUT,
                         "timeout: it took longer than %" PRIu64
                         " ms to write; look for a slow "
                         "trigger, or raise apply.limit_ms",
                         self->blank.limit_ms);
}

static bool
doom(batch_t *self, const fault_t *fault)
{
    const uint64_t place = self->apply.tried;
    if (!trial_blames_the_change(fault->err) || place == 0 || self->n_doomed == DOOMED_AT_MOST)
        return false;
    self->doomed[self->n_doomed++] = (doomed_t){place, *fault};
    return true;
}

err_t
batch_commit_carefully(batch_t *self, fault_t *fault)
{
    err_t err = OK;
    self->blank.careful = true;
    self->blank.doomed = self->doomed;
    do {
        self->blank.n_doomed = self->n_doomed;
        err = batch_commit(self, fault);
        name_timeout(self, fault);
    } while (err != OK && doom(self, fault));
    return err;
}
