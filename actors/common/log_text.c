#include "actors/common/log_text.h"

#include "schemas/text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void
add_time(buffer_t *out, int64_t unix_ms)
{
    char text[32];
    struct tm parts;
    const time_t seconds = (time_t) (unix_ms / 1000);
    if (gmtime_r(&seconds, &parts) == NULL || unix_ms < 0)
        memset(&parts, 0, sizeof parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_add_format(out, "%s.%03dZ", text, (int) (unix_ms < 0 ? 0 : unix_ms % 1000));
}

/*  The two bytes of U+0080 to U+009F, which terminals obey as well.  */
static bool
is_late_control(const unsigned char *at)
{
    return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
}

static void
add_escaped(buffer_t *out, const char *text, bool blanks)
{
    for (const unsigned char *at = (const unsigned char *) text; *at != '\0'; at++) {
        if (is_late_control(at)) {
            buffer_add_format(out, "\\x%02x\\x%02x", at[0], at[1]);
            at++;
        } else if (*at < ' ' || *at == 0x7f || *at == '\\' || (*at == ' ' && !blanks)) {
            buffer_add_format(out, "\\x%02x", *at);
        } else {
            buffer_add(out, at, 1);
        }
    }
}

void
log_text_plain(const log_line_t *line, buffer_t *out)
{
    add_time(out, line->time);
    buffer_add_text(out, " ");
    add_escaped(out, line->level, false);
    buffer_add_text(out, " ");
    add_escaped(out, line->actor[0] != '\0' ? line->actor : "-", false);
    buffer_add_text(out, " ");
    add_escaped(out, line->text, true);
    if (line->lost > 0)
        buffer_add_format(out, " (%" PRIu64 " lines before it were lost)", line->lost);
    buffer_add_text(out, "\n");
}

static void
add_field(buffer_t *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buffer_add_format(out, ",\"%s\":", name);
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, out);
}

void
log_text_json(const log_line_t *line, buffer_t *out)
{
    buffer_add_text(out, "{\"time\":\"");
    add_time(out, line->time);
    buffer_add_text(out, "\"");
    add_field(out, "level", line->level);
    add_field(out, "actor", line->actor);
    add_field(out, "text", line->text);
    add_field(out, "change", line->change);
    add_field(out, "trace", line->trace);
    if (line->lost > 0)
        buffer_add_format(out, ",\"lost\":%" PRIu64, line->lost);
    buffer_add_text(out, "}\n");
}
