#include "tools/tap/journey.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*  ------------------------------------------------------------------------- adding  */

static uint64_t
distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/*  Who is asked again reckons the time anew, and gets it a little otherwise.  */
static bool
is_known(const journey_t *self, const journey_step_t *step)
{
    for (size_t i = 0; i < self->n; i++) {
        const journey_step_t *known = &self->steps[i];
        if (known->step == step->step && known->detail == step->detail
            && distance(known->time_us, step->time_us) < FROM_MEMORY
            && strcmp(known->process, step->process) == 0
            && strcmp(known->actor, step->actor) == 0)
            return true;
    }
    return false;
}

void
journey_add(journey_t *self, const journey_step_t *step)
{
    if (is_known(self, step))
        return;
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 32;
        self->steps = mem_grow(self->steps, self->room * sizeof *self->steps);
    }
    journey_step_t *added = &self->steps[self->n++];
    *added = *step;
    added->process = arena_text(&self->arena, step->process);
    added->actor = arena_text(&self->arena, step->actor);
}

void
journey_note(journey_t *self, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    line_format(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_add_format(&self->notes, "%s\n", text);
}

void
journey_release(journey_t *self)
{
    free(self->steps);
    buffer_release(&self->notes);
    arena_release(&self->arena);
}

/*  ------------------------------------------------------------------------- arranging  */

static int
compare(const void *a, const void *b)
{
    const journey_step_t *first = a, *second = b;
    if (first->time_us != second->time_us)
        return first->time_us < second->time_us ? -1 : 1;
    return (int) first->step - (int) second->step;
}

/*  Who tells it worse may not know its detail: then that is 0.  */
static bool
may_be_same(const journey_step_t *better, const journey_step_t *worse)
{
    return better->step == worse->step
           && (better->detail == worse->detail || worse->detail == 0)
           && strcmp(better->actor, worse->actor) == 0
           && distance(better->time_us, worse->time_us) <= worse->within_us;
}

/*  Told by somebody who knows the time better.  */
static bool
is_told_better(const journey_t *self, const journey_step_t *step)
{
    for (size_t i = 0; i < self->n; i++) {
        const journey_step_t *other = &self->steps[i];
        if (other->within_us < step->within_us && may_be_same(other, step))
            return true;
    }
    return false;
}

void
journey_arrange(journey_t *self)
{
    for (size_t i = self->n; i-- > 0;)
        if (!self->steps[i].shown && is_told_better(self, &self->steps[i]))
            self->steps[i] = self->steps[--self->n];
    if (self->n > 1)
        qsort(self->steps, self->n, sizeof *self->steps, compare);
}

/*  ------------------------------------------------------------------------- missing  */

static size_t
count(const journey_t *self, step_name_t step)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        n += self->steps[i].step == step;
    return n;
}

bool
journey_has(const journey_t *self, step_name_t step)
{
    return count(self, step) > 0;
}

bool
journey_has_ended(const journey_t *self)
{
    static const step_name_t ends[] = {STEP_applied, STEP_held, STEP_refused, STEP_parked,
                                       STEP_closed};
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (journey_has(self, ends[i]))
            return true;
    return false;
}

/*  That every change passes, in this order.  */
static const step_name_t stations[] = {STEP_recorded, STEP_sent,      STEP_received,
                                       STEP_judged,   STEP_committed, STEP_answered,
                                       STEP_decided};

/*  What the triggers captured was recorded by them.  */
static bool
has_passed(const journey_t *self, size_t station)
{
    return journey_has(self, stations[station])
           || (stations[station] == STEP_recorded && journey_has(self, STEP_captured));
}

/*  The number of stations up to the last one that was passed.  */
static size_t
find_end(const journey_t *self)
{
    size_t end = COUNT_OF(stations);
    while (end > 0 && !has_passed(self, end - 1))
        end--;
    return end;
}

static void
add_gaps(const journey_t *self, size_t end, buffer_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < end; i++) {
        if (has_passed(self, i))
            continue;
        const step_about_t *about = step_about(stations[i]);
        buffer_add_format(out, "%s%s (%s)",
                          n++ == 0 ? "nobody who was asked remembers: " : ", ", about->name,
                          about->side);
    }
    if (n > 0)
        buffer_add_text(out, "; name more processes, logs or databases\n");
}

static void
add_next(const journey_t *self, size_t end, buffer_t *out)
{
    if (end == COUNT_OF(stations) || journey_has_ended(self))
        return;
    const step_about_t *next = step_about(stations[end]);
    buffer_add_format(out, "not told yet: %s (%s), %s\n", next->name, next->side, next->text);
}

void
journey_missing(const journey_t *self, buffer_t *out)
{
    const size_t end = find_end(self);
    const size_t sent = count(self, STEP_distributed);
    const size_t there = count(self, STEP_applied) + count(self, STEP_held);
    if (self->n == 0) {
        buffer_add_text(out, "nobody who was asked knows anything of this change\n");
        return;
    }
    add_gaps(self, end, out);
    add_next(self, end, out);
    if (sent > there)
        buffer_add_format(
            out,
            "%zu of %zu replicas that it was sent to have not told that they applied"
            " it; ask their processes, too\n",
            sent - there, sent);
}
