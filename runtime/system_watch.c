/*  Who is stuck. Nobody who works looks at a clock for it: a call that is the same as at the
    last look has gone on since then.  */

#include "runtime/cell_private.h"
#include "runtime/system_private.h"

#include <stdio.h>

enum { NS_PER_MS = 1000000 };

uint64_t
system_busy_ns(resident_t *resident, uint64_t now_ns)
{
    /* In this order: a later callback comes with a later number. */
    const char *busy = cell_busy_with(resident->cell);
    uint64_t calls = counter_get(&resident->watched.calls);
    if (busy == NULL || calls != resident->calls) {
        resident->calls = calls;
        resident->since_ns = now_ns;
        resident->told = false;
    }
    return busy && now_ns > resident->since_ns ? now_ns - resident->since_ns : 0;
}

/*  What it is busy with may be gone by now: then it is not stuck any more.  */
static bool
describe(resident_t *resident, uint64_t busy_ns, stuck_t *stuck)
{
    const char *busy = cell_busy_with(resident->cell);
    if (busy == NULL)
        return false;
    resident->told = true;
    snprintf(stuck->actor, sizeof stuck->actor, "%s", resident->name);
    snprintf(stuck->busy, sizeof stuck->busy, "%s", busy);
    stuck->ms = busy_ns / NS_PER_MS;
    return true;
}

bool
system_find_stuck(system_t *self, uint64_t now_ns, uint32_t limit_ms, stuck_t *stuck)
{
    bool found = false;
    pthread_mutex_lock(&self->lock);
    for (resident_t *each = NULL; !found && (each = system_next(self, each)) != NULL;) {
        uint64_t busy_ns = system_busy_ns(each, now_ns);
        found = busy_ns > (uint64_t) limit_ms * NS_PER_MS && !each->told
                && describe(each, busy_ns, stuck);
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}
