/*  Who is stuck is named, and what went before is kept.  */

#include "runtime/clock.h"
#include "runtime/host_private.h"

#include <stdio.h>

static void
report_stuck(host_t *self, const stuck_t *stuck)
{
    char text[2 * DUMP_PATH], path[DUMP_PATH];
    fault_t fault;
    err_t err = system_dump(self->system, clock_now_ns(), stuck->actor, path, &fault);
    snprintf(text, sizeof text, "%s is stuck: busy with %s for %llu ms%s%s", stuck->actor,
             stuck->busy, (unsigned long long) stuck->ms,
             err == OK ? "; the last messages are in " : "", err == OK ? path : "");
    host_say(self, "warning", text);
}

void
host_look_for_stuck(host_t *self)
{
    stuck_t stuck;
    while (system_find_stuck(self->system, clock_now_ns(), self->options.stuck_ms, &stuck))
        report_stuck(self, &stuck);
}
