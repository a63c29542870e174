#include "tools/tap/record_line.h"

#include "schemas/codec.h"
#include "schemas/number.h"
#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/about.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <string.h>

static const hue_t hues[TAP_POINT_COUNT] = {
    [TAP_send] = HUE_cyan,
    [TAP_recv] = HUE_blue,
    [TAP_done] = HUE_green,
    [TAP_dead] = HUE_red,
};

int64_t
line_clock(void)
{
    return wall_ms() - (int64_t) (now_ns() / 1000000);
}

static void
add_payload(const line_body_t *body, bool whole, buffer_t *out)
{
    if (!body->body)
        return;
    buffer_add_text(out, "  ");
    if (whole)
        message_to_json(body->id, body->body, true, out);
    else
        about_write(body->id, body->body, out);
}

static void
add_text_line(const tap_record_t *record, const line_body_t *body, line_style_t style,
              buffer_t *out)
{
    const envelope_t *envelope = &record->envelope;
    char time[TIME_TEXT], size[SHOW_ROOM];
    time_text((int64_t) (record->now_ns / 1000000) + style.clock_ms, time);
    buffer_add_format(out, "%s%.12s%s ", show_hue(style.colour, HUE_dim), time + 11,
                      show_hue(style.colour, HUE_none));
    buffer_add_format(out, "%s%-4s%s ", show_hue(style.colour, hues[record->point]),
                      tap_point_name(record->point), show_hue(style.colour, HUE_none));
    AUTO(text) way = mem_format("%s → %s", envelope->from, envelope->to);
    show_cell(out, way, show_width(way) > 33 ? show_width(way) : 33);
    buffer_add_format(out, " %s", show_hue(style.colour, HUE_bold));
    show_cell(out, envelope->type, 18);
    buffer_add_format(out, "%s ", show_hue(style.colour, HUE_none));
    show_cell(out, show_bytes((double) record->size, size), -7);
    if (record->err != OK)
        buffer_add_format(out, "  %s%s: %s%s", show_hue(style.colour, HUE_red),
                          err_name(record->err), err_text(record->err),
                          show_hue(style.colour, HUE_none));
    add_payload(body, style.whole, out);
    buffer_add_text(out, "\n");
}

static void
add_json_line(const tap_record_t *record, const line_body_t *body, line_style_t style,
              buffer_t *out)
{
    const envelope_t *envelope = &record->envelope;
    char time[TIME_TEXT];
    buffer_add_text(out, "{");
    json_text(out, "time",
              time_text((int64_t) (record->now_ns / 1000000) + style.clock_ms, time));
    json_uint(out, "n", record->n);
    json_uint(out, "dropped", record->dropped);
    json_text(out, "point", tap_point_name(record->point));
    json_text(out, "actor", record->actor);
    json_text(out, "kind", envelope_kind_name(envelope->kind));
    json_text(out, "type", envelope->type);
    json_text(out, "from", envelope->from);
    json_text(out, "to", envelope->to);
    json_uuid(out, "id", envelope->id);
    json_uuid(out, "corr", envelope->corr);
    json_uuid(out, "cause", envelope->cause);
    json_uuid(out, "trace", envelope->trace);
    json_uint(out, "size", record->size);
    if (record->err != OK)
        json_text(out, "error", err_name(record->err));
    if (body->body) {
        json_name(out, "body");
        message_to_json(body->id, body->body, true, out);
    }
    buffer_add_text(out, "}\n");
}

void
record_line(const tap_record_t *record, const line_body_t *body, line_style_t style,
            buffer_t *out)
{
    if (style.json)
        add_json_line(record, body, style, out);
    else
        add_text_line(record, body, style, out);
}

void
loss_line(const char *actor, loss_t loss, line_style_t style, buffer_t *out)
{
    if (style.json) {
        buffer_add_text(out, "{");
        json_text(out, "lost_of", actor);
        json_uint(out, "at_actor", loss.at_actor);
        json_uint(out, "on_way", loss.on_way);
        buffer_add_text(out, "}\n");
        return;
    }
    buffer_add_format(out,
                      "%s(lost: of %s %" PRIu64 " records at the actor, %" PRIu64
                      " on the way here)%s\n",
                      show_hue(style.colour, HUE_yellow), actor, loss.at_actor, loss.on_way,
                      show_hue(style.colour, HUE_none));
}
