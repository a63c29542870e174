/*  counter - a plug-in to begin with: counts what became of changes, and answers who asks.

    Hears      changes_processed, of an agent.
    Takes      counter_get, a request of its own; answered with counter {"changes": N, "since":
   MS}. Publishes  counter_reached {"changes": N} at each `every` changes.

    Copy this folder, change the names, and read the rules in <waybill/plugin.h>.  */

#include <waybill/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counter {
    const waybill_host_t *host;
    unsigned long long changes, every;
    int64_t since;
} counter_t;

/*  The state is zeroed before. What it keeps of the context's lives as long as the instance. */
static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    counter_t *self = state;
    self->host = host;
    self->since = host->wall_ms(ctx);
    self->every = strtoull(host->setting(ctx, "every"), NULL, 10);
    if (self->every == 0)
        return host->fail(ctx, "every: give a number above 0");
    return WAYBILL_OK;
}

/*  Of a message as JSON, how many changes it lists: each has a result.  */
static unsigned long long
count_changes(const char *json)
{
    unsigned long long n = 0;
    for (; (json = strstr(json, "\"result\":")) != NULL; json++)
        n++;
    return n;
}

static int
on_changes_processed(counter_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    char text[80];
    const char *json = self->host->json(ctx, message->type, message->payload);
    const unsigned long long before = self->changes / self->every;
    if (json == NULL)
        return self->host->refuse(ctx, "MALFORMED", "it cannot be read");
    self->changes += count_changes(json);
    if (self->changes / self->every == before)
        return WAYBILL_OK;
    (void) snprintf(text, sizeof text, "{\"changes\":%llu}", self->changes);
    return self->host->publish(ctx, "counter_reached",
                               self->host->pack(ctx, "counter_reached", text));
}

static int
on_counter_get(counter_t *self, waybill_ctx_t *ctx)
{
    char text[80];
    (void) snprintf(text, sizeof text, "{\"changes\":%llu,\"since\":%lld}", self->changes,
                    (long long) self->since);
    return self->host->reply(ctx, "counter", self->host->pack(ctx, "counter", text));
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (strcmp(message->type, "counter_get") == 0)
        return on_counter_get(state, ctx);
    return on_changes_processed(state, ctx, message);
}

static const waybill_message_t messages[] = {
    {WAYBILL_HEARS, "changes_processed", NULL, WAYBILL_KNOWN, "what became of changes"},
    {WAYBILL_TAKES, "counter_get", NULL, WAYBILL_REQUEST, "how many were there?"},
    {WAYBILL_ANSWERS, "counter", NULL, WAYBILL_REPLY, "so many since the start"},
    {WAYBILL_PUBLISHES, "counter_reached", NULL, WAYBILL_EVENT, "another so many"},
    {0},
};

static const waybill_setting_t settings[] = {
    {"every", WAYBILL_NUMBER_SETTING, "100", "Tell at each so many changes"},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof(waybill_plugin_t),
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "counter",
    .version = "1.0",
    .summary = "counts what became of changes",
    .messages = messages,
    .settings = settings,
    .state_size = sizeof(counter_t),
    .start = start,
    .on_message = on_message,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_minor;
    return host_major == WAYBILL_PLUGIN_MAJOR ? &plugin : NULL;
}
