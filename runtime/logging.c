/*  Logging: a line goes through the bus where somebody listens there; else, and from the
    listener itself, straight to the host.  */

#include "runtime/cell_private.h"
#include "runtime/log_levels.h"

/*  How many found no room is said with the next line, and counted.  */
static void
publish(cell_t *self, log_line_t *line)
{
    const uint64_t before = cell_dead(self, ERR_OVERFLOW);
    line->lost = self->lines_lost;
    self->lines_lost = 0;
    ctx_publish(&self->ctx, MSG_log_line, line);
    if (cell_dead(self, ERR_OVERFLOW) == before)
        return;
    self->lines_lost += line->lost + 1;
    meters_count(&self->meters, METRIC_log_lost, 1);
}

static bool
may_publish(const cell_t *self)
{
    const bool hears_itself = self->class->handlers && self->class->handlers[MSG_log_line];
    const bool talks = self->state != CELL_STARTING && self->state != CELL_STOPPED;
    return !self->muted && !hears_itself && talks
           && port_has_subscriber(self->port, "log_line");
}

static void
say(ctx_t *ctx, log_level_t level, const char *change, const char *text)
{
    cell_t *self = ctx->cell;
    char trace[UUID_TEXT] = "";
    if (self->current && !uuid_is_zero(self->current->envelope.trace))
        uuid_text(self->current->envelope.trace, trace);
    log_line_t line = {
        .time = ctx_wall_ms(ctx),
        .level = log_level_name(level),
        .actor = self->class->name,
        .text = text,
        .change = change,
        .trace = trace[0] ? trace : NULL,
    };
    if (may_publish(self))
        publish(self, &line);
    else
        self->host.log(self->host.transport.self, &line);
}

void
ctx_log(ctx_t *ctx, log_level_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (level > ctx->cell->limits.log_level)
        return;
    va_start(arguments, format);
    line_format(text, sizeof text, format, arguments);
    va_end(arguments);
    say(ctx, level, NULL, text);
}

void
ctx_log_change(ctx_t *ctx, log_level_t level, const char *change_id, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (level > ctx->cell->limits.log_level)
        return;
    va_start(arguments, format);
    line_format(text, sizeof text, format, arguments);
    va_end(arguments);
    say(ctx, level, change_id, text);
}
