#include "actors/agent/batch.h"

#include "actors/agent/held.h"
#include "actors/agent/trial.h"

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

static err_t
apply_each(batch_t *self, fault_t *fault)
{
    apply_t *apply = &self->apply;
    err_t err = apply_begin(apply, fault);
    for (size_t i = 0; err == OK && i < self->n; i++) {
        err = apply_one(apply, &self->stretches[i], fault);
        arena_clear(apply->overlay.arena);
    }
    return err == OK ? held_retry(apply, fault) : err;
}

err_t
batch_commit(batch_t *self, fault_t *fault)
{
    db_t *db = self->blank.overlay.db;
    self->apply = self->blank;
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = apply_each(self, fault);
    apply_end(&self->apply);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
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
    } while (err != OK && doom(self, fault));
    return err;
}
