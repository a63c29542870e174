/*  tap - follows the messages of a running agent or server.  */

#include "bus/rundir.h"
#include "bus/subscriptions.h"
#include "bus/tap_client.h"
#include "schemas/codec.h"
#include "schemas/number.h"
#include "schemas/plausible.h"
#include "schemas/text.h"
#include "tools/join.h"
#include "tools/measure.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct view {
    bool json, colour;
    const char *type, *actor; /* NULL: all */
    arena_t arena;
    buffer_t line;
} view_t;

static const char *const colours[TAP_POINT_COUNT] = {
    [TAP_send] = "\033[36m",
    [TAP_recv] = "\033[34m",
    [TAP_done] = "\033[32m",
    [TAP_dead] = "\033[31m",
};

static bool
is_wanted(const view_t *self, const tap_record_t *record)
{
    if (self->actor && strcmp(self->actor, record->actor) != 0)
        return false;
    return !self->type || pattern_matches(self->type, record->envelope.type);
}

/*  The payload's struct, in the arena; NULL if it has none that we know.  */
static const void *
unpack(view_t *self, const tap_record_t *record, message_id_t *id)
{
    size_t used;
    *id = message_named(record->envelope.type);
    if (*id == MSG_COUNT || !record->payload.data || !plausible(record->payload, &used))
        return NULL;
    void *body = arena_new(&self->arena, schema_of(*id)->size);
    err_t err = message_unpack(*id, record->payload, &self->arena, body, NULL);
    return err == OK ? body : NULL;
}

static void
print_text(view_t *self, const tap_record_t *record)
{
    const envelope_t *envelope = &record->envelope;
    char time[TIME_TEXT];
    time_text(wall_ms(), time);
    printf("%.12s %s%-4s%s %-18s %s -> %s ", time + 11,
           self->colour ? colours[record->point] : "", tap_point_name(record->point),
           self->colour ? "\033[0m" : "", record->actor, envelope->from, envelope->to);
    if (record->err != OK)
        printf("%s ", err_name(record->err));
    message_id_t id;
    const void *body = unpack(self, record, &id);
    if (body)
        message_print(id, body, stdout); /* ends the line */
    else
        printf("%s, %" PRIu64 " bytes\n", envelope->type, record->size);
}

static void
add_text(buffer_t *line, const char *name, const char *text)
{
    buffer_add_format(line, ",\"%s\":", name);
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, line);
}

static void
add_uuid(buffer_t *line, const char *name, const uint8_t uuid[16])
{
    char text[UUID_TEXT];
    if (!uuid_is_zero(uuid))
        add_text(line, name, uuid_text(uuid, text));
}

static void
print_json(view_t *self, const tap_record_t *record)
{
    const envelope_t *envelope = &record->envelope;
    buffer_t *line = &self->line;
    buffer_clear(line);
    buffer_add_format(line, "{\"n\":%" PRIu64 ",\"dropped\":%" PRIu64, record->n,
                      record->dropped);
    add_text(line, "point", tap_point_name(record->point));
    add_text(line, "actor", record->actor);
    add_text(line, "kind", envelope_kind_name(envelope->kind));
    add_text(line, "type", envelope->type);
    add_text(line, "from", envelope->from);
    add_text(line, "to", envelope->to);
    add_uuid(line, "id", envelope->id);
    add_uuid(line, "corr", envelope->corr);
    add_uuid(line, "cause", envelope->cause);
    add_uuid(line, "trace", envelope->trace);
    if (record->err != OK)
        add_text(line, "error", err_name(record->err));
    message_id_t id;
    const void *body = unpack(self, record, &id);
    if (body) {
        buffer_add_text(line, ",\"body\":");
        message_to_json(id, body, true, line);
    }
    buffer_add_text(line, "}");
    puts(buffer_text(line));
}

static void
follow(view_t *self, tap_client_t *client)
{
    const tap_record_t *record;
    uint64_t lost = 0;
    for (err_t err; (err = tap_client_next(client, -1, &record)) != ERR_OFFLINE;) {
        if (err != OK || !is_wanted(self, record))
            continue;
        if (tap_client_lost(client) > lost && !self->json)
            printf("(%" PRIu64 " records lost so far)\n", tap_client_lost(client));
        lost = tap_client_lost(client);
        (self->json ? print_json : print_text)(self, record);
        arena_clear(&self->arena);
    }
}

static int
tap(args_t *args)
{
    view_t self = {0};
    const char *run_dir = NULL;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {"type", OPTION_TEXT, &self.type, 0, 0},
        {"actor", OPTION_TEXT, &self.actor, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;

    char standard[PATH_MAX];
    rundir_default(standard, sizeof standard);
    tap_client_t *client = NULL;
    fault_t fault = {0};
    if (tap_client_open(run_dir ? run_dir : standard, TAP_PAYLOADS, &client, &fault) != OK)
        return complain("%s", fault.text), STATUS_NO;
    self.colour = isatty(STDOUT_FILENO) == 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    follow(&self, client);
    complain("the process is gone");
    tap_client_destroy(&client);
    arena_release(&self.arena);
    buffer_release(&self.line);
    return STATUS_NO;
}

const verb_t verb_tap = {
    .name = "tap",
    .summary = "follow the messages between actors",
    .usage =
        "usage: waybill tap [--json] [--type PATTERN] [--actor NAME] [--run-dir DIR]\n\n"
        "Shows every message of a running agent or server: when, at which point of its life\n"
        "(send, recv, done or dead), at which actor, from whom to whom, and what is in it.\n"
        "Secrets are masked. Nothing is slowed: what a slow reader misses is counted.\n\n"
        "  --type PATTERN  only messages whose type matches: a name, or srv_* and the like\n"
        "  --actor NAME    only what this actor sends and receives\n"
        "  --json          one JSON object a line\n"
        "  --run-dir DIR   of the agent or server; default: that of the agent,\n"
        "                  $XDG_RUNTIME_DIR/waybill, else /tmp/waybill-UID\n"
        "\nExit status 1: no process has a tap there, or it has stopped.\n",
    .run = tap,
};
