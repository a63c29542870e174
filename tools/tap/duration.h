/*  duration - how long something shall go on.  */

#pragma once

#include "schemas/base.h"

/*  "500ms", "10s", "1.5h", "2d" or seconds; false for anything else, for no time at all, and
    beyond a year.  */
bool duration_read(const char *text, uint64_t *ms);

/*  From now on SIGINT and SIGTERM are noted, not obeyed.  */
void duration_catch_signals(void);
bool duration_interrupted(void);
