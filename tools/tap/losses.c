#include "tools/tap/losses.h"

#include <stdlib.h>
#include <string.h>

typedef struct seen {
    struct seen *next;
    char actor[NAME_ROOM + 1];
    uint64_t n, dropped; /* of its last record */
    uint64_t missing;    /* gaps in n so far */
    loss_t told;
} seen_t;

struct losses {
    seen_t *actors;
    loss_t total;
};

losses_t *
losses_new(void)
{
    return mem_new(sizeof(losses_t));
}

void
losses_destroy(losses_t **self_p)
{
    losses_t *self = *self_p;
    if (!self)
        return;
    while (self->actors) {
        seen_t *gone = self->actors;
        self->actors = gone->next;
        free(gone);
    }
    free(self);
    *self_p = NULL;
}

static seen_t *
find(const losses_t *self, const char *actor)
{
    seen_t *seen = self->actors;
    while (seen && strcmp(seen->actor, actor) != 0)
        seen = seen->next;
    return seen;
}

/*  An actor's first record: what was before it is nothing we missed.  */
static void
begin(losses_t *self, const tap_record_t *record)
{
    seen_t *seen = mem_new(sizeof *seen);
    memcpy(seen->actor, record->actor, sizeof seen->actor);
    seen->n = record->n;
    seen->dropped = record->dropped;
    seen->next = self->actors;
    self->actors = seen;
}

/*  The actor tells its own losses with each bundle, which may be before the gap that they
    leave: only what is missing beyond them was lost on the way.  */
static loss_t
count(seen_t *seen, const tap_record_t *record)
{
    seen->missing += record->n - seen->n - 1;
    uint64_t at_actor = seen->told.at_actor + record->dropped - seen->dropped;
    uint64_t on_way = seen->missing > at_actor ? seen->missing - at_actor : 0;
    on_way = on_way > seen->told.on_way ? on_way : seen->told.on_way;
    loss_t loss = {at_actor - seen->told.at_actor, on_way - seen->told.on_way};
    seen->told = (loss_t){at_actor, on_way};
    return loss;
}

loss_t
losses_count(losses_t *self, const tap_record_t *record)
{
    loss_t loss = {0};
    seen_t *seen = find(self, record->actor);
    if (!seen) {
        begin(self, record);
        return loss;
    }
    if (record->n > seen->n && record->dropped >= seen->dropped) /* else it began anew */
        loss = count(seen, record);
    seen->n = record->n;
    seen->dropped = record->dropped;
    self->total.at_actor += loss.at_actor;
    self->total.on_way += loss.on_way;
    return loss;
}

loss_t
losses_total(const losses_t *self)
{
    return self->total;
}
