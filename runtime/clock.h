/*  clock - time and chance, as all threads of a host see them.  */

#pragma once

#include "schemas/base.h"

uint64_t clock_now_ns(void); /* monotonic */
int64_t clock_wall_ms(void); /* since 1970 */
int64_t clock_wall_us(void);
uint64_t system_random(void);
