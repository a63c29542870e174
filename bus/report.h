/*  report - log lines of the parts of the bus that are no actors.  */

#pragma once

#include "schemas/message.h"

typedef struct report {
    void (*log)(void *log_to, const log_line_t *line); /* NULL: nobody listens. Any thread. */
    void *log_to;
    const char *actor; /* who says it */
} report_t;

/*  level: error, warning, info or debug.  */
void report_line(const report_t *self, const char *level, const char *format, ...)
    PRINTF_LIKE(3, 4);
