#include "tests/sim/sim_clock.h"

#include <sqlite3.h>

/*  SQLite counts milliseconds since noon in Greenwich on 24 November 4714 B.C.  */
#define JULIAN_1970_MS INT64_C(210866760000000)

static sqlite3_vfs vfs;
static int64_t now_ms;
static uint64_t chance;

static int
tell_time(sqlite3_vfs *self, sqlite3_int64 *julian_ms)
{
    (void) self;
    *julian_ms = now_ms + JULIAN_1970_MS;
    return SQLITE_OK;
}

static int
draw_bytes(sqlite3_vfs *self, int n, char *out)
{
    (void) self;
    for (int i = 0; i < n; i++) {
        chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (char) (chance >> 56);
    }
    return n;
}

void
sim_clock_install(void)
{
    vfs = *sqlite3_vfs_find(NULL);
    vfs.zName = "simulated";
    vfs.xCurrentTimeInt64 = tell_time;
    vfs.xRandomness = draw_bytes;
    sqlite3_vfs_register(&vfs, 1);
}

void
sim_clock_seed(uint64_t seed)
{
    chance = seed;
    sqlite3_randomness(0, NULL);
}

void
sim_clock_set(int64_t wall_ms)
{
    now_ms = wall_ms;
}
