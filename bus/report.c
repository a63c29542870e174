#include "bus/report.h"

#include <stdio.h>
#include <time.h>

bool
report_is_news(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

void
report_line(const report_t *self, const char *level, const char *format, ...)
{
    if (self->log == NULL)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    log_line_t line = {
        .time = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .level = level,
        .actor = self->actor,
        .text = text,
    };
    self->log(self->log_to, &line);
}
