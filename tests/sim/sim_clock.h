/*  sim_clock - SQLite's own clock and chance, as triggers use them, made those of the
    simulation: the files stay real.  */

#pragma once

#include "schemas/base.h"

/*  Makes it the default of every database that is opened from now on.  */
void sim_clock_install(void);
void sim_clock_seed(uint64_t seed);
/*  Milliseconds since 1970.  */
void sim_clock_set(int64_t wall_ms);
