#include "actors/agent/why_words.h"

#include <inttypes.h>
#include <string.h>

bool
word_is(const char *text, const char *expected)
{
    return text != NULL && strcmp(text, expected) == 0;
}

bool
word_has(const char *text)
{
    return text != NULL && text[0] != '\0';
}

void
words_duration(buffer_t *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "days"}, {3600000, "h"}, {60000, "min"}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (ms >= 2 * units[i].ms) {
            buffer_add_format(out, "%" PRId64 " %s", ms / units[i].ms, units[i].name);
            return;
        }
    buffer_add_format(out, "%.1f s", (double) ms / 1000);
}

void
words_position(buffer_t *out, uint64_t lsn)
{
    char text[LSN_TEXT];
    if (lsn > 0)
        buffer_add_format(out, " at %s", lsn_text(lsn, text));
}

void
words_error(buffer_t *out, const char *error)
{
    const char *colon = word_has(error) ? strstr(error, ": ") : NULL;
    if (colon)
        buffer_add_format(out, "%.*s \"%s\"", (int) (colon - error), error, colon + 2);
    else
        buffer_add_text(out, word_has(error) ? error : "an unknown error");
}

void
words_next_attempt(buffer_t *out, const change_row_t *change, int64_t now)
{
    if (change->next_attempt > now) {
        buffer_add_text(out, "next in ");
        words_duration(out, change->next_attempt - now);
    } else {
        buffer_add_text(out, change->next_attempt > 0 ? "next one now" : "next one is planned");
    }
}

err_t
words_code(const change_row_t *change)
{
    char name[40] = "";
    const size_t size = word_has(change->error) ? strcspn(change->error, ":") : 0;
    if (size > 0 && size < sizeof name)
        memcpy(name, change->error, size);
    return err_named(name);
}

const char *
words_name(const char *text, const char *id, arena_t *arena)
{
    const char *place = text ? strstr(text, "%s") : NULL;
    buffer_t named = {0};
    if (place == NULL)
        return text;
    buffer_add_format(&named, "%.*s%s%s", (int) (place - text), text, id, place + 2);
    const char *kept = arena_text(arena, buffer_text(&named));
    buffer_release(&named);
    return kept;
}
