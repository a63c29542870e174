/*  log_levels - from which level on lines are logged: for everybody, and for actors that are
    named.  */

#pragma once

#include "runtime/actor.h"

enum { LOG_LEVELS_NAMED = 32 };

typedef struct log_levels {
    log_level_t others; /* of who is not named */
    size_t n;
    struct {
        char actor[NAME_ROOM + 1];
        log_level_t level;
    } named[LOG_LEVELS_NAMED];
} log_levels_t;

const char *log_level_name(log_level_t level);
bool log_level_named(const char *name, log_level_t *level);

/*  Words: a level, and ACTOR:LEVEL for exceptions. ERR_CONFIG, and fault names the word that
    makes no sense.  */
CHECKED err_t log_levels_read(log_levels_t *self, const char *text, fault_t *fault);
log_level_t log_levels_of(const log_levels_t *self, const char *actor);
