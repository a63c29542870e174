/*  logger - writes what happened to stderr, a line each, and keeps the last lines in memory.

    Hears  log_line, error and actor_state, as events; log_get, answered with log_lines.  */

#include "actors/common/actors.h"
#include "actors/common/log_kept.h"
#include "actors/common/log_text.h"
#include "actors/settings.h"

#include <string.h>
#include <unistd.h>

typedef struct logger {
    log_levels_t levels; /* what is less important is not written */
    bool json;
    log_kept_t kept;
    buffer_t line;
} logger_t;

static err_t
start(void *state, ctx_t *ctx)
{
    logger_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    self->json = strcmp(settings->process_log_format, "json") == 0;
    if (log_levels_read(&self->levels, settings->process_log_level, &fault) != OK)
        return ctx_fail(ctx, "%s", fault.text);
    return OK;
}

/*  ------------------------------------------------------------------------------- lines  */

/*  A reader of stderr that has gone away takes the lines with it: there is nobody to tell.  */
static void
write_out(bytes_t bytes)
{
    while (bytes.size > 0) {
        const ssize_t size = write(STDERR_FILENO, bytes.data, bytes.size);
        if (size <= 0)
            return;
        bytes.data += size;
        bytes.size -= (size_t) size;
    }
}

/*  A level that nobody knows comes from a program that joined, and is taken for info.  */
static void
take(logger_t *self, const log_line_t *line)
{
    log_level_t level = LOG_info;
    (void) log_level_named(line->level, &level);
    if (level > log_levels_of(&self->levels, line->actor))
        return;
    buffer_clear(&self->line);
    (self->json ? log_text_json : log_text_plain)(line, &self->line);
    write_out(buffer_bytes(&self->line));
    log_kept_add(&self->kept, line, level);
}

/*  ------------------------------------------------------------------------------ events  */

static err_t
on_log_line(void *state, ctx_t *ctx, const void *body)
{
    (void) ctx;
    take(state, body);
    return OK;
}

/*  "code subject: message", whoever said it.  */
static err_t
on_problem(void *state, ctx_t *ctx, const void *body)
{
    const problem_t *problem = body;
    buffer_t text = {0};
    buffer_add_text(&text, problem->code);
    if (problem->subject != NULL && problem->subject[0] != '\0')
        buffer_add_format(&text, " %s", problem->subject);
    buffer_add_format(&text, ": %s", problem->message);
    take(state, &(log_line_t){.time = ctx_wall_ms(ctx),
                              .level = log_level_name(LOG_error),
                              .actor = problem->actor != NULL ? problem->actor : "",
                              .text = buffer_text(&text)});
    buffer_release(&text);
    return OK;
}

/*  The states that a person should know of; all others are the usual way of things, for
    debugging.  */
static log_level_t
level_of_state(const char *state)
{
    static const char *const bad[] = {"failed", "backoff"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (strcmp(bad[i], state) == 0)
            return LOG_warning;
    return LOG_debug;
}

static err_t
on_actor_state(void *state, ctx_t *ctx, const void *body)
{
    const actor_state_t *change = body;
    buffer_t text = {0};
    buffer_add_text(&text, change->state);
    if (change->reason != NULL && change->reason[0] != '\0')
        buffer_add_format(&text, ": %s", change->reason);
    if (change->restarts > 0)
        buffer_add_format(&text, " (restart %llu)", (unsigned long long) change->restarts);
    take(state, &(log_line_t){.time = ctx_wall_ms(ctx),
                              .level = log_level_name(level_of_state(change->state)),
                              .actor = change->actor,
                              .text = buffer_text(&text)});
    buffer_release(&text);
    return OK;
}

static err_t
on_log_get(void *state, ctx_t *ctx, const void *body)
{
    const logger_t *self = state;
    log_lines_t found;
    fault_t fault = {0};
    const err_t err = log_kept_find(&self->kept, body, ctx_arena(ctx), &found, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    ctx_reply(ctx, MSG_log_lines, &found);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    logger_t *self = state;
    (void) ctx;
    buffer_release(&self->line);
    log_kept_release(&self->kept);
}

static const char *const offers[] = {"log_get", NULL};
static const char *const hears[] = {"log_line", "error", "actor_state", NULL};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_log_line] = on_log_line,
    [MSG_problem] = on_problem,
    [MSG_actor_state] = on_actor_state,
    [MSG_log_get] = on_log_get,
};

const actor_class_t logger = {
    .name = "logger",
    .summary = "Writes what happened to stderr, and keeps the last lines",
    .state_size = sizeof(logger_t),
    .offers = offers,
    .hears = hears,
    .start = start,
    .handlers = handlers,
    .stop = stop,
};
