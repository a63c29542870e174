/*  logger - writes what happened to stderr: `TIME LEVEL actor text`, one line each.

    Texts may quote anything, also what a stranger sent: whatever is not a plain character is
    escaped, so that nobody can forge a line or steer a terminal.  */

#include "actors/common/actors.h"

#include "actors/settings.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct logger {
    log_level_t level; /* nothing above it is written */
    buffer_t line;
} logger_t;

static const char *const level_names[] = {
    [LOG_error] = "error",
    [LOG_warning] = "warning",
    [LOG_info] = "info",
    [LOG_debug] = "debug",
};

static log_level_t
level_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++)
        if (strcmp(level_names[i], name) == 0)
            return (log_level_t) i;
    return LOG_info;
}

static err_t
start(void *state, ctx_t *ctx)
{
    logger_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    self->level = level_named(settings->process_log_level);
    return OK;
}

/*  ------------------------------------------------------------------------------- lines  */

static void
add_time(buffer_t *line, int64_t unix_ms)
{
    char text[32];
    struct tm parts;
    const time_t seconds = (time_t) (unix_ms / 1000);
    if (gmtime_r(&seconds, &parts) == NULL || unix_ms < 0)
        memset(&parts, 0, sizeof parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_add_format(line, "%s.%03dZ", text, (int) (unix_ms < 0 ? 0 : unix_ms % 1000));
}

/*  The two bytes of U+0080 to U+009F, which terminals obey as well.  */
static bool
is_late_control(const unsigned char *at)
{
    return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
}

static void
add_escaped(buffer_t *line, const char *text, bool blanks)
{
    for (const unsigned char *at = (const unsigned char *) text; *at != '\0'; at++) {
        if (is_late_control(at)) {
            buffer_add_format(line, "\\x%02x\\x%02x", at[0], at[1]);
            at++;
        } else if (*at < ' ' || *at == 0x7f || *at == '\\' || (*at == ' ' && !blanks)) {
            buffer_add_format(line, "\\x%02x", *at);
        } else {
            buffer_add(line, at, 1);
        }
    }
}

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

static void
write_line(logger_t *self, const log_line_t *record)
{
    buffer_t *line = &self->line;
    buffer_clear(line);
    add_time(line, record->time);
    buffer_add_text(line, " ");
    add_escaped(line, record->level, false);
    buffer_add_text(line, " ");
    add_escaped(line, record->actor[0] != '\0' ? record->actor : "-", false);
    buffer_add_text(line, " ");
    add_escaped(line, record->text, true);
    buffer_add_text(line, "\n");
    write_out(buffer_bytes(line));
}

/*  ------------------------------------------------------------------------------ events  */

static err_t
on_log_line(void *state, ctx_t *ctx, const void *body)
{
    logger_t *self = state;
    const log_line_t *line = body;
    (void) ctx;
    if (level_named(line->level) <= self->level)
        write_line(self, line);
    return OK;
}

/*  "code subject: message", whoever said it.  */
static err_t
on_problem(void *state, ctx_t *ctx, const void *body)
{
    logger_t *self = state;
    const problem_t *problem = body;
    buffer_t text = {0};
    buffer_add_text(&text, problem->code);
    if (problem->subject != NULL && problem->subject[0] != '\0')
        buffer_add_format(&text, " %s", problem->subject);
    buffer_add_format(&text, ": %s", problem->message);
    write_line(self, &(log_line_t){.time = ctx_wall_ms(ctx),
                                   .level = level_names[LOG_error],
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
    logger_t *self = state;
    const actor_state_t *change = body;
    const log_level_t level = level_of_state(change->state);
    if (level > self->level)
        return OK;
    buffer_t text = {0};
    buffer_add_text(&text, change->state);
    if (change->reason != NULL && change->reason[0] != '\0')
        buffer_add_format(&text, ": %s", change->reason);
    if (change->restarts > 0)
        buffer_add_format(&text, " (restart %llu)", (unsigned long long) change->restarts);
    write_line(self, &(log_line_t){.time = ctx_wall_ms(ctx),
                                   .level = level_names[level],
                                   .actor = change->actor,
                                   .text = buffer_text(&text)});
    buffer_release(&text);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    logger_t *self = state;
    (void) ctx;
    buffer_release(&self->line);
}

static const char *const hears[] = {"log_line", "error", "actor_state", NULL};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_log_line] = on_log_line,
    [MSG_problem] = on_problem,
    [MSG_actor_state] = on_actor_state,
};

const actor_class_t logger = {
    .name = "logger",
    .summary = "Writes what happened to stderr",
    .state_size = sizeof(logger_t),
    .hears = hears,
    .start = start,
    .handlers = handlers,
    .stop = stop,
};
