#include "tools/tap/duration.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool
duration_read(const char *text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    const double number = strtod(text, &end);
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(end, units[i].unit) == 0 && number * units[i].ms <= 366 * 86400e3) {
            *ms = (uint64_t) (number * units[i].ms);
            return *ms > 0;
        }
    return false;
}

static volatile sig_atomic_t interrupted;

static void
note_signal(int number)
{
    (void) number;
    interrupted = 1;
}

void
duration_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool
duration_interrupted(void)
{
    return interrupted != 0;
}
