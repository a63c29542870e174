#include "actors/common/monitor/records.h"

#include "bus/subscriptions.h"
#include "schemas/codec.h"
#include "schemas/number.h"
#include "schemas/text.h"

#include <inttypes.h>
#include <string.h>

enum { SHOWN_BYTES = 16 * 1024 }; /* of a payload that is shown */

err_t
records_follow(monitor_t *self, ctx_t *ctx)
{
    const bool wanted = watchers_follow(&self->watchers);
    if (wanted == self->follows)
        return OK;
    const err_t err = ctx_watch_tap(ctx, wanted ? TAP_PAYLOADS : TAP_NOTHING);
    self->follows = wanted && err == OK;
    return err;
}

static bool
is_own(const tap_record_t *record)
{
    return strcmp(record->envelope.from, "monitor") == 0
           || strcmp(record->envelope.to, "monitor") == 0;
}

static bool
wants(const watcher_t *self, const tap_record_t *record)
{
    const envelope_t *envelope = &record->envelope;
    const bool type = self->type[0] == '\0' || pattern_matches(self->type, envelope->type);
    const bool actor = self->actor[0] == '\0' || strcmp(self->actor, envelope->from) == 0
                       || strcmp(self->actor, record->actor) == 0;
    return self->follows && type && actor;
}

static void
add_text(buffer_t *out, const char *name, const char *text)
{
    buffer_add_format(out, ",\"%s\":", name);
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, out);
}

static void
add_body(buffer_t *out, ctx_t *ctx, const tap_record_t *record)
{
    const message_id_t id = message_named(record->envelope.type);
    if (id == MSG_COUNT || record->payload.data == NULL || record->payload.size > SHOWN_BYTES)
        return;
    void *body = arena_new(ctx_arena(ctx), schema_of(id)->size + 1);
    if (message_unpack(id, record->payload, ctx_arena(ctx), body, NULL) != OK)
        return;
    buffer_add_text(out, ",\"body\":");
    message_to_json(id, body, true, out);
}

static void
write_record(buffer_t *out, ctx_t *ctx, const tap_record_t *record)
{
    char time[TIME_TEXT];
    buffer_add_format(out, "{\"type\":\"message\",\"time\":\"%s\"",
                      time_text(ctx_wall_ms(ctx), time));
    add_text(out, "point", tap_point_name(record->point));
    add_text(out, "from", record->envelope.from);
    add_text(out, "to", record->actor);
    add_text(out, "name", record->envelope.type);
    buffer_add_format(out, ",\"size\":%" PRIu64, record->size);
    if (record->point == TAP_dead)
        add_text(out, "error", err_name(record->err));
    add_body(out, ctx, record);
    buffer_add_text(out, "}");
}

/*  Each message is shown once: where it comes in, or ends.  */
err_t
records_pass_on(void *state, ctx_t *ctx, const tap_record_t *record)
{
    monitor_t *self = state;
    buffer_t frame = {0};
    if ((record->point != TAP_recv && record->point != TAP_dead) || is_own(record))
        return OK;
    for (size_t i = 0; i < self->watchers.n; i++) {
        watcher_t *watcher = &self->watchers.items[i];
        if (!wants(watcher, record))
            continue;
        if (frame.size == 0)
            write_record(&frame, ctx, record);
        watcher_tell(watcher, ctx, &frame);
    }
    buffer_release(&frame);
    return OK;
}
