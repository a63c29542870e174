#include "tools/tap/duration.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { WEEK_MS = 7 * 24 * 3600 * 1000 };

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};

bool
duration_read(const char *text, uint64_t *ms)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(text + digits, units[i].name) == 0) {
            *ms = strtoull(text, NULL, 10) * units[i].ms;
            return *ms > 0 && *ms <= WEEK_MS;
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
