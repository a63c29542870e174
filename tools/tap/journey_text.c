#include "schemas/number.h"
#include "tools/show.h"
#include "tools/tap/journey.h"

#include <inttypes.h>
#include <string.h>

enum { TIME_AT = 11, TIME_LETTERS = 12, US_PER_MS = 1000 };

static void
add_since(const journey_step_t *step, const journey_step_t *since, buffer_t *out)
{
    char span[SHOW_ROOM], text[SHOW_ROOM + 1];
    const uint64_t us =
        since && step->time_us > since->time_us ? step->time_us - since->time_us : 0;
    (void) snprintf(text, sizeof text, "+%s", show_us(us, span));
    show_cell(out, since ? text : "", -9);
    buffer_add_text(out, " ");
}

static void
add_detail(const journey_step_t *step, buffer_t *out)
{
    char lsn[LSN_TEXT];
    const char *detail = step_about(step->step)->detail;
    if (step->detail == 0 || strcmp(detail, "none") == 0)
        return;
    if (strcmp(detail, "lsn") == 0)
        buffer_add_format(out, ", %s", lsn_text(step->detail, lsn));
    else
        buffer_add_format(out, ", session %" PRIu64, step->detail);
}

void
journey_write(const journey_t *self, const journey_step_t *step, const journey_step_t *before,
              bool coloured, buffer_t *out)
{
    char time[TIME_TEXT];
    const step_about_t *about = step_about(step->step);
    time_text((int64_t) (step->time_us / US_PER_MS), time);
    buffer_add_format(out, "%.*s ", TIME_LETTERS, time + TIME_AT);
    add_since(step, before ? &self->steps[0] : NULL, out);
    add_since(step, before, out);
    show_cell(out, step->process, 14);
    buffer_add_text(out, " ");
    show_cell(out, step->actor, 18);
    buffer_add_format(out, " %s", show_hue(coloured, HUE_bold));
    show_cell(out, about->name, 11);
    buffer_add_format(out, "%s %s", show_hue(coloured, HUE_none), about->text);
    add_detail(step, out);
    buffer_add_text(out, "\n");
}

void
journey_write_json(const journey_t *self, const journey_step_t *step,
                   const journey_step_t *before, buffer_t *out)
{
    char time[TIME_TEXT], lsn[LSN_TEXT];
    const step_about_t *about = step_about(step->step);
    buffer_add_text(out, "{");
    json_text(out, "change", self->change);
    json_text(out, "time", time_text((int64_t) (step->time_us / US_PER_MS), time));
    json_uint(out, "time_us", step->time_us);
    json_uint(out, "since_start_us", step->time_us - self->steps[0].time_us);
    json_uint(out, "since_before_us", before ? step->time_us - before->time_us : 0);
    json_text(out, "process", step->process);
    json_text(out, "actor", step->actor);
    json_text(out, "step", about->name);
    json_text(out, "text", about->text);
    if (strcmp(about->detail, "lsn") == 0 && step->detail > 0)
        json_text(out, "lsn", lsn_text(step->detail, lsn));
    if (strcmp(about->detail, "session") == 0)
        json_uint(out, "session", step->detail);
    buffer_add_text(out, "}\n");
}
