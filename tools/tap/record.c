/*  tap record - writes down all that one actor takes in and does, for `tap replay`.  */

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/duration.h"
#include "tools/tap/tap.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 200, NS_PER_MS = 1000000 };

typedef struct recording {
    const char *run_dir, *actor, *duration;
    char file[PATH_MAX];
    uint64_t ms; /* UINT64_MAX: until it is interrupted */
    bool json;
    ipc_client_t *client;
} recording_t;

/*  The process that writes it may be in another directory.  */
static bool
make_absolute(const char *name, char path[PATH_MAX])
{
    char here[PATH_MAX] = "";
    if (*name != '/' && getcwd(here, sizeof here) == NULL)
        return complain("%s: %s", name, strerrordesc_np(errno)), false;
    int size = snprintf(path, PATH_MAX, "%s%s%s", here, *name == '/' ? "" : "/", name);
    if (size >= PATH_MAX)
        return complain("%s: its path is too long", name), false;
    return true;
}

/*  The answer; NULL after a complaint.  */
static const void *
order(recording_t *self, message_id_t id, const void *body, message_id_t expected)
{
    message_id_t answer = MSG_COUNT;
    const void *reply = NULL;
    fault_t fault = {0};
    err_t err = ipc_client_request(self->client, self->actor, id, body, ANSWER_MS, &answer,
                                   &reply, &fault);
    if (err == OK && answer == expected)
        return reply;
    if (id == MSG_recording_stop && err == ERR_NOT_FOUND)
        complain("%s: its recording has ended before, and %s may not be whole: `waybill logs "
                 "--actor %s` says why",
                 self->actor, self->file, self->actor);
    else
        complain("%s: %s", self->actor, fault.text[0] ? fault.text : err_text(err));
    return NULL;
}

/*  Events are nothing to us, but the bus must see that we live.  */
static bool
wait_for_end(recording_t *self)
{
    uint64_t start = now_ns();
    while (!duration_interrupted()) {
        uint64_t passed = (now_ns() - start) / NS_PER_MS;
        if (passed >= self->ms)
            return true;
        uint64_t left = self->ms - passed;
        ipc_heard_t heard;
        err_t err =
            ipc_client_next(self->client, (int) (left < LOOK_MS ? left : LOOK_MS), &heard);
        if (err == ERR_OFFLINE)
            return complain("the process is gone, and the end of %s with it", self->file),
                   false;
    }
    return true;
}

/*  stopped: NULL at its beginning.  */
static void
tell(const recording_t *self, const recording_stopped_t *stopped)
{
    buffer_t line = {0};
    buffer_add_text(&line, "{");
    json_text(&line, "actor", self->actor);
    json_text(&line, "file", self->file);
    json_text(&line, "state", stopped ? "recorded" : "recording");
    if (stopped)
        json_uint(&line, "events", stopped->events);
    buffer_add_text(&line, "}");
    if (self->json)
        puts(buffer_text(&line));
    else if (stopped)
        printf("%" PRIu64 " events of %s in %s\n", stopped->events, self->actor, self->file);
    else
        printf("%s was started anew and is being recorded into %s; Ctrl-C ends it\n",
               self->actor, self->file);
    (void) fflush(stdout);
    buffer_release(&line);
}

static int
record_on(recording_t *self)
{
    const recording_start_t start = {self->actor, self->file};
    const recording_stop_t stop = {self->actor};
    if (!order(self, MSG_recording_start, &start, MSG_recording_started))
        return STATUS_NO;
    tell(self, NULL);
    if (!wait_for_end(self))
        return STATUS_NO;
    const recording_stopped_t *stopped =
        order(self, MSG_recording_stop, &stop, MSG_recording_stopped);
    if (!stopped)
        return STATUS_NO;
    tell(self, stopped);
    return STATUS_DONE;
}

static int
record(args_t *args)
{
    recording_t self = {.ms = UINT64_MAX};
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&self.run_dir),
        {"actor", OPTION_TEXT, &self.actor, 0, 0},
        {"for", OPTION_TEXT, &self.duration, 0, 0},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 1, 1, &status))
        return status;
    if (!self.actor)
        return complain_usage(args->verb, "which actor? name it with --actor");
    if (!tap_read_duration(args->verb, self.duration, &self.ms))
        return STATUS_USAGE;
    if (!make_absolute(args->values[0], self.file))
        return STATUS_USAGE;
    duration_catch_signals();
    self.client = asking_join(self.run_dir);
    if (!self.client)
        return STATUS_NO;
    status = record_on(&self);
    ipc_client_close(&self.client);
    return status;
}

const verb_t tap_record = {
    .name = "tap record",
    .summary = "write down all that an actor takes in and does",
    .usage =
        "usage: waybill tap record FILE --actor NAME [--for TIME] [--json]\n"
        "                          [--run-dir DIR]\n\n"
        "Starts the actor anew, which loses nothing, and writes into the new FILE what it "
        "takes\n"
        "in from then on - messages, time, chance, timers, the network - and what it does:\n"
        "enough for `waybill tap replay` to do it all again. The file (mode 0600) is written "
        "by\n"
        "the agent or server, and holds everything whole: rows, tokens in messages. Keep it "
        "as\n"
        "you keep the database. An actor with connections loses and makes them again.\n\n"
        "  --actor NAME    whom; `waybill tap tree` lists them\n"
        "  --for TIME      end after that: 90, 90s, 5m, 2h; else with Ctrl-C\n"
        "  --json          one JSON object when it begins, one at its end\n" RUN_DIR_USAGE,
    .run = record,
};
