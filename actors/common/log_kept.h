/*  log_kept - the last lines of the log, in memory, for whoever asks.  */

#pragma once

#include "runtime/log_levels.h"

enum { LINES_KEPT = 1000 };

typedef struct kept_line {
    int64_t time;
    log_level_t level;
    uint64_t lost;
    char *actor, *text, *change, *trace; /* the last two may be NULL */
} kept_line_t;

/*  Zero is empty. Line n, from 1, lies at (n - 1) % LINES_KEPT.  */
typedef struct log_kept {
    kept_line_t lines[LINES_KEPT];
    uint64_t last; /* number of the newest line */
} log_kept_t;

void log_kept_add(log_kept_t *self, const log_line_t *line, log_level_t level);
/*  The lines wanted, in arena; they live until the next one is added. ERR_USAGE: a level that
    there is not.  */
CHECKED err_t log_kept_find(const log_kept_t *self, const log_get_t *request, arena_t *arena,
                            log_lines_t *found, fault_t *fault);
void log_kept_release(log_kept_t *self);
