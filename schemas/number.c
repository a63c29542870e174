#include "schemas/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
word_for(double real)
{
    if (isnan(real))
        return "null";
    return real > 0 ? "9e999" : "-9e999";
}

const char *
real_text(double real, char text[REAL_TEXT])
{
    if (!isfinite(real)) {
        snprintf(text, REAL_TEXT, "%s", word_for(real));
        return text;
    }
    int size = 0;
    for (int digits = 15; digits <= 17; digits++) {
        size = snprintf(text, REAL_TEXT, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    if (strpbrk(text, ".e") == NULL)
        snprintf(text + size, REAL_TEXT - (size_t) size, ".0");
    return text;
}

/*  ---------------------------------------------------------------- moments  */

static const int64_t year_0 = -62167219200000;
static const int64_t year_10000 = 253402300800000;

const char *
time_text(int64_t unix_ms, char text[TIME_TEXT])
{
    if (unix_ms < year_0 || unix_ms >= year_10000) {
        snprintf(text, TIME_TEXT, "%" PRId64, unix_ms);
        return text;
    }
    int64_t ms = ((unix_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t) ((unix_ms - ms) / 1000);
    struct tm day;
    gmtime_r(&seconds, &day);
    size_t size = (size_t) snprintf(text, TIME_TEXT, "%04d", (day.tm_year + 1900) % 10000);
    size += strftime(text + size, TIME_TEXT - size, "-%m-%dT%H:%M:%S", &day);
    snprintf(text + size, TIME_TEXT - size, ".%03dZ", (int) ms);
    return text;
}

static bool
digits_take(const char **at, int width, int *number)
{
    *number = 0;
    for (int i = 0; i < width; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return true;
}

static bool
mark_take(const char **at, const char *marks)
{
    if (**at == '\0' || strchr(marks, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool
date_take(const char **at, struct tm *day)
{
    if (!digits_take(at, 4, &day->tm_year) || !mark_take(at, "-")
        || !digits_take(at, 2, &day->tm_mon) || !mark_take(at, "-")
        || !digits_take(at, 2, &day->tm_mday))
        return false;
    day->tm_year -= 1900;
    day->tm_mon -= 1;
    return true;
}

static bool
clock_take(const char **at, struct tm *day)
{
    return mark_take(at, "T ") && digits_take(at, 2, &day->tm_hour) && mark_take(at, ":")
           && digits_take(at, 2, &day->tm_min) && mark_take(at, ":")
           && digits_take(at, 2, &day->tm_sec) && day->tm_hour <= 23 && day->tm_min <= 59
           && day->tm_sec <= 59;
}

/*  Whatever is finer than a millisecond is dropped.  */
static bool
fraction_take(const char **at, int *ms)
{
    *ms = 0;
    if (!mark_take(at, "."))
        return true;
    int scale = 100;
    int digit;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; scale /= 10) {
        digits_take(at, 1, &digit);
        *ms += digit * scale;
    }
    return true;
}

static bool
zone_take(const char **at, int *minutes)
{
    *minutes = 0;
    if (**at == '\0' || mark_take(at, "Z"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours;
    if (!mark_take(at, "+-") || !digits_take(at, 2, &hours) || hours > 23)
        return false;
    if ((mark_take(at, ":") || **at != '\0') && !digits_take(at, 2, minutes))
        return false;
    if (*minutes > 59)
        return false;
    *minutes = sign * (hours * 60 + *minutes);
    return true;
}

static bool
time_take(const char **at, struct tm *day, int *ms, int *minutes)
{
    *ms = *minutes = 0;
    if (**at == '\0')
        return true;
    return clock_take(at, day) && fraction_take(at, ms) && zone_take(at, minutes);
}

/*  timegm() turns the 31st of February into the 3rd of March.  */
static bool
seconds_of(const struct tm *day, int64_t *seconds)
{
    struct tm same = *day;
    *seconds = (int64_t) timegm(&same);
    return same.tm_mon == day->tm_mon && same.tm_mday == day->tm_mday;
}

static bool
number_parse(const char *text, size_t size, int64_t *number)
{
    char *end;
    const char *digits = text + (*text == '-');
    if (*digits < '0' || *digits > '9' || strlen(digits) > 18)
        return false;
    *number = strtoll(text, &end, 10);
    return end == text + size;
}

bool
time_parse(bytes_t text, int64_t *unix_ms)
{
    char copy[TIME_TEXT] = "";
    if (text.size == 0 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    if (number_parse(copy, text.size, unix_ms))
        return true;

    const char *at = copy;
    struct tm day = {0};
    int ms;
    int minutes;
    int64_t seconds;
    if (!date_take(&at, &day) || !time_take(&at, &day, &ms, &minutes) || at != copy + text.size
        || !seconds_of(&day, &seconds))
        return false;
    *unix_ms = (seconds - (int64_t) minutes * 60) * 1000 + ms;
    return true;
}
