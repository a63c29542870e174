/*  people - an entity handler: looks at the server's rows of a table before they are written.

    Takes  rows_handle  from row-handlers, for each table whose config says plugin = "NAME".

    It shows the two things that such a plug-in is for. Validation: a row whose e-mail address
   is none is skipped, and the journal says why. A derived column: full_name is first_name and
   last_name, so that the application can sort by it; the server does not know it.  */

#include <waybill/plugin.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct people {
    const waybill_host_t *host;
} people_t;

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    people_t *self = state;
    (void) ctx;
    self->host = host;
    return WAYBILL_OK;
}

/*  Something, one @, something.  */
static int
is_address(const char *text)
{
    const char *at = strchr(text, '@');
    return at != NULL && at != text && at[1] != '\0' && strchr(at + 1, '@') == NULL;
}

/*  A new reference; NULL where the row has neither name.  */
static json_t *
full_name(const json_t *row)
{
    const char *first = json_string_value(json_object_get(row, "first_name"));
    const char *last = json_string_value(json_object_get(row, "last_name"));
    if (first == NULL && last == NULL)
        return NULL;
    return json_sprintf("%s%s%s", first ? first : "", first && last ? " " : "",
                        last ? last : "");
}

/*  An empty decision leaves the change as it is. A row need not have every column: an update
    brings what has changed.  */
static json_t *
decide(const json_t *change)
{
    json_t *row = json_object_get(change, "data");
    const char *operation = json_string_value(json_object_get(change, "operation"));
    const char *email = json_string_value(json_object_get(row, "email"));
    if (operation == NULL || strcmp(operation, "delete") == 0)
        return json_object();
    if (email != NULL && !is_address(email))
        return json_pack("{s:s}", "skip", "email is not an address");
    json_t *name = full_name(row);
    if (name == NULL)
        return json_object();
    json_t *replacement = json_copy(row);
    json_object_set_new(replacement, "full_name", name);
    return json_pack("{s:o}", "data", replacement);
}

static int
reply(people_t *self, waybill_ctx_t *ctx, json_t *decisions)
{
    json_t *answer = json_pack("{s:o}", "decisions", decisions);
    char *text = json_dumps(answer, JSON_COMPACT);
    const waybill_bytes_t payload = self->host->pack(ctx, "rows_handled", text);
    free(text);
    json_decref(answer);
    if (payload.data == NULL)
        return self->host->fail(ctx, "its own answer does not fit rows_handled");
    return self->host->reply(ctx, "rows_handled", payload);
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    people_t *self = state;
    size_t i;
    json_t *change;
    const char *text = self->host->json(ctx, message->type, message->payload);
    json_t *question = text ? json_loads(text, 0, NULL) : NULL;
    if (question == NULL)
        return self->host->refuse(ctx, "MALFORMED", "it is no question that can be read");
    json_t *decisions = json_array();
    json_array_foreach(json_object_get(question, "changes"), i, change)
        json_array_append_new(decisions, decide(change));
    const int rc = reply(self, ctx, decisions);
    json_decref(question);
    return rc;
}

static const waybill_message_t messages[] = {
    {WAYBILL_TAKES, "rows_handle", NULL, WAYBILL_KNOWN,
     "rows of the server, before they are written"},
    {WAYBILL_ANSWERS, "rows_handled", NULL, WAYBILL_KNOWN, "what shall become of them"},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof(waybill_plugin_t),
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "people",
    .version = "1.0",
    .summary =
        "checks e-mail addresses and derives full_name, as an example of an entity handler",
    .messages = messages,
    .state_size = sizeof(people_t),
    .start = start,
    .on_message = on_message,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_minor;
    return host_major == WAYBILL_PLUGIN_MAJOR ? &plugin : NULL;
}
