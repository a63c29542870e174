/*  duration - how long something shall go on, as people write it: 90, 90s, 5m, 2h, 500ms.  */

#pragma once

#include "schemas/base.h"

/*  A number alone is of seconds. False: it is none, or longer than a week.  */
bool duration_read(const char *text, uint64_t *ms);

/*  From now on SIGINT and SIGTERM are noted, not obeyed.  */
void duration_catch_signals(void);
bool duration_interrupted(void);
