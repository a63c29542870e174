/*  losses - how many records of each actor never reached us, and where they went missing.  */

#pragma once

#include "bus/tap_record.h"

typedef struct losses losses_t;

losses_t *losses_new(void);
void losses_destroy(losses_t **self);

typedef struct loss {
    uint64_t at_actor; /* the actor found no room for them */
    uint64_t on_way;   /* the tap, or we, were too slow */
} loss_t;

/*  What went missing between the last record of that actor and this one.  */
loss_t losses_count(losses_t *self, const tap_record_t *record);
/*  All of them so far.  */
loss_t losses_total(const losses_t *self);
