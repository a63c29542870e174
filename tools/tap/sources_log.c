/*  Steps in log files: `TIME LEVEL ACTOR step NAME CHANGE DETAIL`, plain or as JSON.  */

#include "schemas/codec.h"
#include "schemas/number.h"
#include "schemas/row.h"
#include "tools/tap/sources.h"
#include "tools/verb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LONGEST = 65536, US_PER_MS = 1000 };

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/*  "step NAME CHANGE DETAIL", where the change may have blanks in it.  */
static bool
read_text(const char *text, const char *change, journey_step_t *step)
{
    char name[32];
    int used = 0;
    char *end = NULL;
    const size_t size = strlen(change);
    if (sscanf(text, "step %31s %n", name, &used) != 1 || used == 0
        || !step_named(name, &step->step) || strncmp(text + used, change, size) != 0
        || text[(size_t) used + size] != ' ')
        return false;
    step->detail = strtoull(text + used + size, &end, 10);
    return end != text + used + size && (*end == '\0' || *end == '\n');
}

static bool
read_time(bytes_t text, journey_step_t *step)
{
    int64_t unix_ms = 0;
    if (!time_parse(text, &unix_ms) || unix_ms < 0)
        return false;
    step->time_us = (uint64_t) unix_ms * US_PER_MS;
    return true;
}

static bool
read_plain(const char *line, journey_t *journey, journey_step_t *step)
{
    const char *level = strchr(line, ' ');
    const char *actor = level ? strchr(level + 1, ' ') : NULL;
    const char *text = actor ? strchr(actor + 1, ' ') : NULL;
    if (text == NULL || strncmp(text + 1, "step ", 5) != 0)
        return false;
    step->actor = arena_text_of(&journey->arena, actor + 1, (size_t) (text - actor - 1));
    return read_time((bytes_t){(const uint8_t *) line, (size_t) (level - line)}, step)
           && read_text(text + 1, journey->change, step);
}

static const char *
find_text(bytes_t row, const char *name, arena_t *arena)
{
    value_t value;
    if (!row_find(row, name, &value) || value.kind != VALUE_TEXT)
        return NULL;
    return arena_text_of(arena, value.bytes.data, value.bytes.size);
}

static bool
read_fields(bytes_t row, journey_t *journey, journey_step_t *step)
{
    value_t time;
    const char *text = find_text(row, "text", &journey->arena);
    step->actor = find_text(row, "actor", &journey->arena);
    return text && step->actor && row_find(row, "time", &time) && time.kind == VALUE_TEXT
           && read_time(time.bytes, step) && read_text(text, journey->change, step);
}

static bool
read_json(const char *line, journey_t *journey, journey_step_t *step)
{
    buffer_t packed = {0};
    fault_t fault = {0};
    if (strstr(line, "\"step ") == NULL)
        return false;
    const bool good = json_to_msgpack(line, strlen(line), &packed, &fault) == OK
                      && row_check(buffer_bytes(&packed), &fault) == OK
                      && read_fields(buffer_bytes(&packed), journey, step);
    buffer_release(&packed);
    return good;
}

void
sources_read_line(const char *line, const char *label, journey_t *journey)
{
    journey_step_t step = {.within_us = FROM_LOG, .process = label};
    if ((*line == '{' ? read_json : read_plain)(line, journey, &step))
        journey_add(journey, &step);
}

/*  What comes behind the longest line is the rest of it.  */
static void
read_lines(FILE *file, const char *label, journey_t *journey)
{
    char *line = mem_new(LINE_LONGEST);
    bool whole = true;
    while (fgets(line, LINE_LONGEST, file) != NULL) {
        if (whole)
            sources_read_line(line, label, journey);
        whole = strchr(line, '\n') != NULL;
    }
    free(line);
}

bool
sources_read_log(const char *path, journey_t *journey)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return complain("%s: %s", path, strerrordesc_np(errno)), false;
    read_lines(file, last_part(path), journey);
    const bool good = ferror(file) == 0;
    if (!good)
        complain("%s: it cannot be read", path);
    (void) fclose(file);
    return good;
}
