/*  A plug-in that counts what became of changes, in steps of STEP beyond the second: two builds
   of it differ in that constant alone.  */

#include <waybill/plugin.h>

#include <stdio.h>

typedef struct tally {
    const waybill_host_t *host;
    unsigned long long heard, total;
} tally_t;

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    tally_t *self = state;
    self->host = host;
    return host->after(ctx, 1, 50);
}

static int
on_timer(void *state, waybill_ctx_t *ctx, uint64_t timer)
{
    tally_t *self = state;
    char text[96];
    (void) snprintf(text, sizeof text, "at %lld, drew %u", (long long) self->host->wall_ms(ctx),
                    (unsigned) (self->host->random(ctx) % 100));
    self->host->log(ctx, WAYBILL_INFO, text);
    return self->host->after(ctx, timer, 200);
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    tally_t *self = state;
    char text[96];
    self->total += ++self->heard > 2 ? STEP : 1;
    (void) snprintf(text, sizeof text, "%s, tally %llu", message->type, self->total);
    self->host->log(ctx, WAYBILL_INFO, text);
    return WAYBILL_OK;
}

static const waybill_message_t messages[] = {
    {WAYBILL_HEARS, "changes_processed", NULL, WAYBILL_KNOWN, "what became of changes"},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof(waybill_plugin_t),
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "tally",
    .version = "1.0",
    .summary = "counts what became of changes",
    .messages = messages,
    .state_size = sizeof(tally_t),
    .start = start,
    .on_message = on_message,
    .on_timer = on_timer,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_minor;
    return host_major == WAYBILL_PLUGIN_MAJOR ? &plugin : NULL;
}
