#include "tools/show.h"

#include "schemas/number.h"
#include "schemas/text.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const codes[HUE_COUNT] = {
    [HUE_none] = "\033[0m",  [HUE_bold] = "\033[1m",   [HUE_dim] = "\033[2m",
    [HUE_red] = "\033[31m",  [HUE_green] = "\033[32m", [HUE_yellow] = "\033[33m",
    [HUE_blue] = "\033[34m", [HUE_cyan] = "\033[36m",  [HUE_reverse] = "\033[7m",
};

bool
show_is_coloured(FILE *out)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(out)) == 1 && (no == NULL || *no == '\0');
}

const char *
show_hue(bool coloured, hue_t hue)
{
    return coloured ? codes[hue] : "";
}

/*  ------------------------------------------------------------------------- texts  */

/*  A byte that goes on with a letter which began before.  */
static bool
goes_on(char byte)
{
    return ((unsigned char) byte & 0xC0) == 0x80;
}

static bool
is_control(const char *at)
{
    unsigned char byte = (unsigned char) *at, next = (unsigned char) at[1];
    return byte < ' ' || byte == 0x7F || (byte == 0xC2 && next < 0xA0);
}

void
show_text(buffer_t *out, const char *text)
{
    for (const char *at = text; at && *at; at++)
        if (is_control(at))
            buffer_add_text(out, "?");
        else
            buffer_add(out, at, 1);
}

int
show_width(const char *text)
{
    int width = 0;
    for (; text && *text; text++)
        width += !goes_on(*text);
    return width;
}

/*  Where the letter number so many begins.  */
static const char *
letter_at(const char *text, int letter)
{
    for (; *text; text++)
        if (!goes_on(*text) && letter-- == 0)
            break;
    return text;
}

static void
fill(buffer_t *out, int n)
{
    for (int i = 0; i < n; i++)
        buffer_add_text(out, " ");
}

void
show_cell(buffer_t *out, const char *text, int width)
{
    text = text ? text : "";
    int room = abs(width), used = show_width(text);
    if (width < 0)
        fill(out, room - used);
    if (used > room) {
        AUTO(text)
        cut = mem_format("%.*s…", (int) (letter_at(text, room - 1) - text), text);
        show_text(out, cut);
    } else {
        show_text(out, text);
    }
    if (width > 0)
        fill(out, room - used);
}

/*  ----------------------------------------------------------------------- numbers  */

const char *
show_bytes(double bytes, char text[SHOW_ROOM])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 999.5 && unit + 1 < COUNT_OF(units); unit++)
        bytes /= 1000;
    (void) snprintf(text, SHOW_ROOM, bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
                    units[unit]);
    return text;
}

const char *
show_us(uint64_t us, char text[SHOW_ROOM])
{
    static const struct {
        double over, divisor;
        int places;
        const char *unit;
    } ways[] = {{120e6, 60e6, 0, "min"}, {10e6, 1e6, 0, "s"}, {1e6, 1e6, 1, "s"},
                {10e3, 1e3, 0, "ms"},    {1e3, 1e3, 1, "ms"}, {0, 1, 0, "µs"}};
    size_t i = 0;
    while ((double) us < ways[i].over)
        i++;
    (void) snprintf(text, SHOW_ROOM, "%.*f %s", ways[i].places, (double) us / ways[i].divisor,
                    ways[i].unit);
    return text;
}

const char *
show_rate(double rate, char text[SHOW_ROOM])
{
    if (rate >= 99.95)
        return number_text((uint64_t) (rate + 0.5), text);
    bool whole = rate == (double) (uint64_t) rate;
    (void) snprintf(text, SHOW_ROOM, whole ? "%.0f" : "%.1f", rate);
    return text;
}

/*  -------------------------------------------------------------------------- JSON  */

void
json_name(buffer_t *out, const char *name)
{
    bool first = out->size == 0 || out->data[out->size - 1] == '{';
    buffer_add_format(out, "%s\"%s\":", first ? "" : ",", name);
}

void
json_text(buffer_t *out, const char *name, const char *text)
{
    json_name(out, name);
    text = text ? text : "";
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, out);
}

void
json_uuid(buffer_t *out, const char *name, const uint8_t uuid[16])
{
    char text[UUID_TEXT];
    if (!uuid_is_zero(uuid))
        json_text(out, name, uuid_text(uuid, text));
}

void
json_uint(buffer_t *out, const char *name, uint64_t number)
{
    json_name(out, name);
    buffer_add_format(out, "%" PRIu64, number);
}

void
json_real(buffer_t *out, const char *name, double number)
{
    char text[REAL_TEXT];
    json_name(out, name);
    buffer_add_text(out, real_text(number, text));
}

void
json_bool(buffer_t *out, const char *name, bool value)
{
    json_name(out, name);
    buffer_add_text(out, value ? "true" : "false");
}
