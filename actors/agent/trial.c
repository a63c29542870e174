#include "actors/agent/trial.h"

bool
trial_blames_the_change(err_t err)
{
    return err == ERR_RULE_VIOLATION || err == ERR_ENTITY_NOT_FOUND || err == ERR_TIMEOUT;
}

static const fault_t *
doom_of(const apply_t *self)
{
    for (size_t i = 0; i < self->n_doomed; i++)
        if (self->doomed[i].place == self->tried)
            return &self->doomed[i].fault;
    return NULL;
}

/*  A rule that says RAISE(ROLLBACK), and whatever interrupts a statement, end the whole
    transaction.  */
static bool
is_lost(const apply_t *self)
{
    return sqlite3_get_autocommit(db_handle(self->overlay.db)) != 0;
}

static err_t
run_in_savepoint(apply_t *self, const checked_t *checked, trial_fn *write, fault_t *cause,
                 fault_t *fault)
{
    db_t *db = self->overlay.db;
    err_t err = db_savepoint(db, "trial", fault);
    if (err != OK)
        return err;
    err = write(self, checked, cause);
    if (err == OK)
        return db_release(db, "trial", fault);
    if (!trial_blames_the_change(err) || is_lost(self)) {
        *fault = *cause;
        return err;
    }
    db_rollback_to(db, "trial");
    return db_release(db, "trial", fault);
}

err_t
trial_run(apply_t *self, const checked_t *checked, trial_fn *write, fault_t *cause,
          fault_t *fault)
{
    self->tried++;
    *cause = (fault_t){0};
    const fault_t *doom = doom_of(self);
    if (doom != NULL) {
        *cause = *doom;
        return OK;
    }
    apply_restart_clock(self);
    return run_in_savepoint(self, checked, write, cause, fault);
}
