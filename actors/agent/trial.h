/*  trial - a change tried on its own, in a savepoint: if it fails, it leaves nothing, and the
    rest of its transaction can go on.  */

#pragma once

#include "actors/agent/apply.h"
#include "actors/agent/checked.h"

typedef err_t trial_fn(apply_t *self, const checked_t *checked, fault_t *fault);

/*  True of what a row, a rule or a parent that is missing brings about, and of slowness; not of
    the disk, or of a change that does not fit its table.  */
bool trial_blames_the_change(err_t err);

/*  OK and cause->err set: the change itself is at fault, and nothing of it is left. An error
    means that the transaction is lost: the change is at place self->tried then, and if it was
    at fault, the transaction can be tried again with that place doomed.  */
CHECKED err_t trial_run(apply_t *self, const checked_t *checked, trial_fn *write,
                        fault_t *cause, fault_t *fault);
