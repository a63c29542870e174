/*  report - log lines of the parts of the bus that are no actors.  */

#pragma once

#include "schemas/message.h"

typedef struct report {
    void (*log)(void *log_to, const log_line_t *line); /* NULL: nobody listens. Any thread. */
    void *log_to;
    const char *actor; /* who says it */
} report_t;

/*  The 1st, 2nd, 4th, 8th...: a flood of them must not be a flood of lines.  */
bool report_is_news(uint64_t count);
/*  level: error, warning, info or debug.  */
void report_line(const report_t *self, const char *level, const char *format, ...)
    PRINTF_LIKE(3, 4);
