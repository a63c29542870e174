#include "writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_DAY = 1767600000, MINUTE = 60 };

/*  ------------------------------------------------------------------------------ chance  */

static uint64_t
mix(uint64_t state)
{
    state += 0x9E3779B97F4A7C15u;
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
    state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
    return state ^ (state >> 31);
}

int64_t
writer_below(writer_t *self, int64_t limit)
{
    self->chance = mix(self->chance);
    return (int64_t) (self->chance % (uint64_t) limit);
}

bool
writer_happens(writer_t *self, int percent)
{
    return writer_below(self, 100) < percent;
}

const char *
writer_id(const writer_t *self, int kind, int64_t writer, int64_t number, char text[ID_TEXT])
{
    uint64_t seed = mix((uint64_t) self->size.seed * 8 + (uint64_t) kind);
    uint64_t high = mix(mix(seed ^ (uint64_t) writer) + (uint64_t) number), low = mix(high);
    snprintf(text, ID_TEXT, "%08x-%04x-4%03x-a%03x-%012" PRIx64, (unsigned) (high >> 32),
             (unsigned) (high >> 16 & 0xFFFF), (unsigned) (high & 0xFFF),
             (unsigned) (low >> 52), low & 0xFFFFFFFFFFFFu);
    return text;
}

const char *
writer_time(int64_t seconds, char text[TIME_TEXT])
{
    time_t when = (time_t) seconds;
    struct tm parts;
    strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S+00", gmtime_r(&when, &parts));
    return text;
}

/*  --------------------------------------------------------------------- fields of changes  */

void
writer_add_id(writer_t *self, const char *name, int kind, int64_t writer, int64_t number)
{
    char id[ID_TEXT];
    change_add(name, FIELD_TEXT, writer_id(self, kind, writer, number, id));
}

static void
add_time(const char *name, int64_t seconds)
{
    char text[TIME_TEXT];
    change_add(name, FIELD_TEXT, writer_time(seconds, text));
}

void
writer_add_times(writer_t *self)
{
    self->clock += MINUTE * (1 + writer_below(self, 30));
    add_time("created_at", self->clock);
    add_time("updated_at", self->clock);
}

void
writer_add_list(writer_t *self, const char *name, const char *const *words, int64_t n)
{
    int64_t first = writer_below(self, n), length = writer_below(self, 4);
    char list[200] = "";
    for (int64_t i = 0; i < length; i++) {
        if (i > 0)
            strcat(list, "|");
        strcat(list, words[(first + i) % n]);
    }
    change_add(name, FIELD_LIST, list);
}

void
writer_row(writer_t *self, const char *operation, const char *table, int kind, int64_t writer,
           int64_t number)
{
    char id[ID_TEXT];
    change_begin(operation, table);
    change_key("id", writer_id(self, kind, writer, number, id));
}

/*  ---------------------------------------------------------------------------------- life  */

void
writer_begin(writer_t *self, size_t room)
{
    self->no_task = calloc(room, sizeof *self->no_task);
    self->no_comment = calloc(room * 2, sizeof *self->no_comment);
    self->task_of = calloc(room * 2, sizeof *self->task_of);
    if (!self->no_task || !self->no_comment || !self->task_of)
        abort();
    self->clock = FIRST_DAY;
    self->chance = mix((uint64_t) self->size.seed ^ mix((uint64_t) self->number));
}

void
writer_end(writer_t *self)
{
    free(self->no_task);
    free(self->no_comment);
    free(self->task_of);
}
