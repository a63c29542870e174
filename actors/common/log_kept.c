#include "actors/common/log_kept.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_USUAL = 100, LINES_AT_ONCE = 200 };

static char *
copy(const char *text)
{
    return text != NULL && text[0] != '\0' ? mem_text(text) : NULL;
}

static void
release(kept_line_t *line)
{
    free(line->actor);
    free(line->text);
    free(line->change);
    free(line->trace);
    *line = (kept_line_t){0};
}

void
log_kept_add(log_kept_t *self, const log_line_t *line, log_level_t level)
{
    kept_line_t *kept = &self->lines[self->last++ % LINES_KEPT];
    release(kept);
    *kept = (kept_line_t){
        .time = line->time,
        .level = level,
        .lost = line->lost,
        .actor = mem_text(line->actor),
        .text = mem_text(line->text),
        .change = copy(line->change),
        .trace = copy(line->trace),
    };
}

void
log_kept_release(log_kept_t *self)
{
    for (size_t i = 0; i < LINES_KEPT; i++)
        release(&self->lines[i]);
}

/*  ------------------------------------------------------------------------- finding  */

static const kept_line_t *
line_at(const log_kept_t *self, uint64_t number)
{
    return &self->lines[(number - 1) % LINES_KEPT];
}

/*  Before the first one that is kept.  */
static uint64_t
floor_of(const log_kept_t *self)
{
    return self->last > LINES_KEPT ? self->last - LINES_KEPT : 0;
}

typedef struct wish {
    log_level_t level;
    const char *actor; /* NULL: any */
    size_t limit;
} wish_t;

static bool
is_wanted(const wish_t *wish, const kept_line_t *line)
{
    return line->level <= wish->level
           && (wish->actor == NULL || strcmp(wish->actor, line->actor) == 0);
}

/*  The number before the newest lines, so many of those that are wanted.  */
static uint64_t
begin_of_newest(const log_kept_t *self, const wish_t *wish)
{
    size_t n = 0;
    uint64_t number = self->last;
    for (; number > floor_of(self) && n < wish->limit; number--)
        n += is_wanted(wish, line_at(self, number));
    return number;
}

static err_t
read_wish(const log_get_t *request, wish_t *wish, fault_t *fault)
{
    *wish = (wish_t){.level = LOG_debug, .limit = LINES_USUAL};
    if (request->limit > 0)
        wish->limit = request->limit < LINES_AT_ONCE ? (size_t) request->limit : LINES_AT_ONCE;
    if (request->actor != NULL && request->actor[0] != '\0')
        wish->actor = request->actor;
    if (request->level == NULL || request->level[0] == '\0'
        || log_level_named(request->level, &wish->level))
        return OK;
    return fault_set(fault, ERR_USAGE,
                     "level: \"%.40s\": it must be error, warning, info or debug",
                     request->level);
}

static log_line_t
show(const kept_line_t *line)
{
    return (log_line_t){
        .time = line->time,
        .level = log_level_name(line->level),
        .actor = line->actor,
        .text = line->text,
        .change = line->change,
        .trace = line->trace,
        .lost = line->lost,
    };
}

err_t
log_kept_find(const log_kept_t *self, const log_get_t *request, arena_t *arena,
              log_lines_t *found, fault_t *fault)
{
    wish_t wish;
    const err_t err = read_wish(request, &wish, fault);
    if (err != OK)
        return err;
    const bool goes_on = request->after > 0 && request->after <= self->last;
    uint64_t number = goes_on ? request->after : begin_of_newest(self, &wish);
    number = number < floor_of(self) ? floor_of(self) : number;
    log_line_t *lines = arena_new(arena, wish.limit * sizeof *lines);
    size_t n = 0;
    while (number < self->last && n < wish.limit) {
        const kept_line_t *line = line_at(self, ++number);
        if (is_wanted(&wish, line))
            lines[n++] = show(line);
    }
    *found = (log_lines_t){
        .lines = lines, .n_lines = n, .last = number, .more = number < self->last};
    return OK;
}
