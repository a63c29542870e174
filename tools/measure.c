#include "tools/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 30, REDRAW_NS = 100000000 };

uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

int64_t
wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double
seconds_since(uint64_t start_ns)
{
    return (double) (now_ns() - start_ns) / 1e9;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

double
median(double *figures, int n)
{
    qsort(figures, (size_t) n, sizeof *figures, by_size);
    return n % 2 ? figures[n / 2] : (figures[n / 2 - 1] + figures[n / 2]) / 2;
}

const char *
number_text(uint64_t number, char text[NUMBER_TEXT])
{
    char digits[NUMBER_TEXT];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *to = text;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

progress_t
progress_new(const char *what)
{
    return (progress_t){.what = what, .on = isatty(STDERR_FILENO) == 1};
}

void
progress_draw(progress_t *self, double share, const char *format, ...)
{
    uint64_t now = now_ns();
    if (!self->on || now - self->drawn_ns < REDRAW_NS)
        return;
    self->drawn_ns = now;

    fprintf(stderr, "\r\033[K%-18s ", self->what);
    int full = (int) (share * BAR);
    for (int i = 0; share >= 0 && i < BAR; i++)
        fputs(i < full ? "█" : "░", stderr);
    va_list list;
    va_start(list, format);
    fputc(' ', stderr);
    vfprintf(stderr, format, list);
    va_end(list);
    fflush(stderr);
}

void
progress_end(progress_t *self)
{
    if (self->on && self->drawn_ns > 0)
        fputs("\r\033[K", stderr);
}
