/*  tap pcap - what goes by, as a file for Wireshark.  */

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/filter.h"
#include "tools/tap/gather.h"
#include "tools/tap/losses.h"
#include "tools/tap/pcapng.h"
#include "tools/tap/tap.h"

#include <inttypes.h>
#include <stdio.h>

enum { NS_PER_MS = 1000000 };

typedef struct capture {
    filter_t *filter;
    losses_t *losses;
    pcapng_t *file;
    uint64_t packets, most;
    bool json;
    arena_t arena;
} capture_t;

static bool
take(void *capture, const tap_record_t *record)
{
    capture_t *self = capture;
    message_id_t id = MSG_COUNT;
    const void *body = tap_body(record, &self->arena, &id);
    loss_t loss = losses_count(self->losses, record);
    if (filter_passes(self->filter, record, id, body)) {
        pcapng_add(self->file, record, loss.at_actor + loss.on_way);
        self->packets++;
    }
    arena_clear(&self->arena);
    return self->packets < self->most;
}

static void
tell(const capture_t *self, const char *path)
{
    loss_t lost = losses_total(self->losses);
    buffer_t line = {0};
    buffer_add_text(&line, "{");
    json_text(&line, "file", path);
    json_uint(&line, "packets", self->packets);
    json_uint(&line, "missed", lost.at_actor + lost.on_way);
    buffer_add_text(&line, "}");
    if (self->json)
        puts(buffer_text(&line));
    else
        printf("%" PRIu64 " packets in %s; %" PRIu64 " were missed\n", self->packets, path,
               lost.at_actor + lost.on_way);
    buffer_release(&line);
}

static int
run(capture_t *self, gather_t *gather, const char *path)
{
    fault_t fault = {0};
    int64_t offset = wall_ms() * NS_PER_MS - (int64_t) now_ns();
    if (pcapng_new(path, offset, &self->file, &fault) != OK)
        return complain("%s", fault.text), STATUS_NO;
    gather->taker = self;
    gather->take = take;
    tap_note_stranger(gather->run_dir, self->filter);
    int status = gather_run(gather);
    if (pcapng_end(&self->file, &fault) != OK)
        return complain("%s", fault.text), STATUS_NO;
    if (status == STATUS_DONE)
        tell(self, path);
    return status;
}

static int
pcap(args_t *args)
{
    capture_t self = {0};
    gather_t gather = {.want = TAP_PAYLOADS, .ms = UINT64_MAX};
    filter_words_t words = {0};
    const char *duration = NULL;
    int64_t most = 0;
    bool headers = false;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&gather.run_dir),
        FILTER_RULES(&words),
        {"for", OPTION_TEXT, &duration, 0, 0},
        {"count", OPTION_NUMBER, &most, 1, INT64_MAX},
        {"headers", OPTION_FLAG, &headers, 0, 0},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    fault_t fault = {0};
    if (!options_read(args, rules, 1, 1, &status))
        return status;
    if (!tap_read_duration(args->verb, duration, &gather.ms))
        return STATUS_USAGE;
    self.filter = filter_new(&words, &fault);
    if (!self.filter)
        return complain_usage(args->verb, "%s", fault.text);
    self.most = most > 0 ? (uint64_t) most : UINT64_MAX;
    self.losses = losses_new();
    gather.want = headers ? TAP_HEADERS : TAP_PAYLOADS;
    status = run(&self, &gather, args->values[0]);
    losses_destroy(&self.losses);
    filter_destroy(&self.filter);
    arena_release(&self.arena);
    return status;
}

const verb_t tap_pcap = {
    .name = "tap pcap",
    .summary = "write what goes by into a file for Wireshark",
    .usage =
        "usage: waybill tap pcap FILE [--for TIME] [--count N] [--headers] [--json] "
        "[FILTER...]\n"
        "                        [--run-dir DIR]\n\n"
        "Writes each record of the tap as a packet of the new FILE (pcapng): an interface for\n"
        "each actor, directions, nanoseconds, what was missed. Secrets are masked. The "
        "dissector\n"
        "share/waybill/wireshark/waybill.lua shows what is in them:\n\n"
        "  wireshark -X lua_script:waybill.lua -r FILE\n\n"
        "Actors hand over what they have in bundles: `reordercap` sorts a file by time.\n\n"
        "  --for TIME      end after that: 90, 90s, 5m, 2h; else with Ctrl-C\n"
        "  --count N       end after N packets\n"
        "  --headers       without payloads\n"
        "  --json          how many packets there are as a JSON object\n" FILTER_USAGE
            RUN_DIR_USAGE,
    .run = pcap,
};
