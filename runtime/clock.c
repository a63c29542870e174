#include "runtime/clock.h"

#include <assert.h>
#include <sys/random.h>
#include <time.h>

enum { NS_PER_S = 1000000000, MS_PER_S = 1000, NS_PER_MS = 1000000 };
enum { US_PER_S = 1000000, NS_PER_US = 1000 };

uint64_t
clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * NS_PER_S + (uint64_t) now.tv_nsec;
}

int64_t
clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

int64_t
clock_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

uint64_t
system_random(void)
{
    uint64_t value = 0;
    ssize_t got = getrandom(&value, sizeof value, 0);
    assert(got == (ssize_t) sizeof value);
    return value;
}
