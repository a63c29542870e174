/*  acts - what a person does to refused changes: try them again, or give them up.

    Only changes in state failed or parked can be given such an act, because of these it is
    known that the server has done nothing: one that is on its way, or was and got no answer,
    may have taken effect there. A local transaction goes as a whole.  */

#pragma once

#include "actors/agent/verdicts.h"

/*  All that the request names, or nothing: *refusal says why (err OK: done), before anything
    is written. fault is for trouble with the database. acted lives in the overlay's arena.  */
CHECKED err_t acts_do(verdicts_t *self, const act_t *request, acted_t *acted, fault_t *refusal,
                      fault_t *fault);
/*  Checks the form of a request.  */
CHECKED err_t acts_check(const act_t *request, fault_t *fault);
