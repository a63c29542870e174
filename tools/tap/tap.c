/*  tap - looks into a running agent or server: finds the verb behind it and runs that.  */

#include "tools/tap/tap.h"

#include "bus/rundir.h"
#include "schemas/plausible.h"
#include "tools/tap/asking.h"
#include "tools/tap/duration.h"
#include "tools/verbs.h"

#include <limits.h>
#include <string.h>

static const verb_t *const tap_verbs[] = {
    &tap_follow,     &tap_trace,    &tap_why,    &tap_top,    &tap_stats,
    &tap_tree,       &tap_describe, &tap_send,   &tap_call,   &tap_deadletters,
    &tap_postmortem, &tap_doctor,   &tap_record, &tap_replay, &tap_seq,
    &tap_pcap,       NULL,
};

enum { TREE_MS = 2000 }; /* a process that is stuck is followed all the same */

tap_client_t *
tap_join(const char *run_dir, tap_want_t want)
{
    char standard[PATH_MAX];
    rundir_default(standard, sizeof standard);
    tap_client_t *client = NULL;
    fault_t fault = {0};
    if (tap_client_open(run_dir ? run_dir : standard, want, &client, &fault) != OK)
        complain("%s", fault.text);
    return client;
}

void
tap_note_stranger(const char *run_dir, const filter_t *filter)
{
    fault_t fault;
    message_id_t answer = MSG_COUNT;
    const void *tree = NULL;
    if (filter_stranger(filter, &(tree_t){0}) == NULL)
        return; /* it names none */
    AUTO(ipc_client) client = asking_try(run_dir, &fault);
    if (!client
        || ipc_client_request(client, "system", MSG_tree_get, &(const tree_get_t){}, TREE_MS,
                              &answer, &tree, &fault)
               != OK
        || answer != MSG_tree)
        return;
    const char *word = filter_stranger(filter, tree);
    if (word)
        complain("--actor: nobody is named %s now; `waybill tap tree` lists who is here", word);
}

const void *
tap_body(const tap_record_t *record, arena_t *arena, message_id_t *id)
{
    size_t used;
    *id = message_named(record->envelope.type);
    if (*id == MSG_COUNT || !record->payload.data || !plausible(record->payload, &used))
        return NULL;
    void *body = arena_new(arena, schema_of(*id)->size);
    return message_unpack(*id, record->payload, arena, body, NULL) == OK ? body : NULL;
}

bool
tap_read_duration(const verb_t *verb, const char *text, uint64_t *ms)
{
    if (text == NULL || duration_read(text, ms))
        return true;
    complain_usage(verb, "--for: \"%s\" is not a time like 500ms, 10s or 2m", text);
    return false;
}

static int
run_verb(const verb_t *verb, int count, char **values)
{
    return verb->run(&(args_t){.verb = verb, .count = count, .values = values});
}

static int
tap(args_t *args)
{
    const char *word = args->count > 0 ? args->values[0] : "";
    if (strcmp(word, "--help") == 0)
        return fputs(args->verb->usage, stdout), STATUS_DONE;
    if (*word == '-' || *word == '\0')
        return run_verb(&tap_follow, args->count, args->values);
    const verb_t *verb = verb_named(tap_verbs, word);
    if (!verb)
        return complain_usage(args->verb, "%s: tap has no such verb", word);
    return run_verb(verb, args->count - 1, args->values + 1);
}

const verb_t verb_tap = {
    .name = "tap",
    .summary = "look into a running agent or server",
    .usage =
        "usage: waybill tap [VERB] [OPTION...] [OPERAND...]\n\n"
        "Looks into a running agent or server, while it works and without slowing it. Secrets\n"
        "are masked before they leave the actor that has them; what a slow reader misses is\n"
        "counted and shown. The verbs, each told of by `waybill help tap VERB`:\n\n"
        "  follow       show each message as it goes by; what `tap` alone does\n"
        "  trace        the journey of one change, step by step, across processes\n"
        "  why          tell why a change is not synchronised yet\n"
        "  top          the same as stats, live\n"
        "  stats        actors, messages and metrics, once\n"
        "  tree         the actors, what they hear, and the links between them\n"
        "  describe     a type of message, or an actor\n"
        "  doctor       what is wrong, and what to do about it\n"
        "  deadletters  messages that were not delivered: list, show, send again\n"
        "  postmortem   the last messages before a crash, by time\n"
        "  record       all that an actor takes in and does, into a file\n"
        "  replay       do a recording again, and compare\n"
        "  seq          messages as a sequence diagram\n"
        "  pcap         messages as a file for Wireshark\n"
        "  send         put a command, a hint or an event on the bus\n"
        "  call         put a request on the bus, and print its answer\n"
        "\nAll of them take:\n\n"
        "  --json          one JSON object a line\n"
        "  --run-dir DIR   of the agent or server; default: that of the agent,\n"
        "                  $XDG_RUNTIME_DIR/waybill, else /tmp/waybill-UID\n"
        "\nColours only on a terminal, and not where NO_COLOR is set.\n"
        "Exit status 1: no process answers there, it has stopped, or the answer is no.\n",
    .run = tap,
    .verbs = tap_verbs,
};
