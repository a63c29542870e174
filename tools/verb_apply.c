/*  apply - many transactions from JSON Lines, with many requests under way.  */

#include "tools/join.h"
#include "tools/measure.h"
#include "tools/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WINDOW = 64 };

/*  A request that has no answer yet; ask 0: a free place.  */
typedef struct waiting {
    uint64_t ask, line;
} waiting_t;

typedef struct replay {
    ipc_client_t *client;
    FILE *in;
    off_t size, taken; /* bytes; size 0: not known */
    bool ids;          /* print them */
    uint64_t line, transactions, changes;
    waiting_t waiting[WINDOW];
    size_t under_way;
    bool ended;        /* nothing more to read, or no use in it */
    char failure[600]; /* the first, and its line; empty: none */
    arena_t arena;
    buffer_t packed;
    progress_t progress;
} replay_t;

static void
fail(replay_t *self, uint64_t line, const char *text)
{
    if (self->failure[0] == '\0')
        (void) snprintf(self->failure, sizeof self->failure, "line %" PRIu64 ": %s", line,
                        text);
    self->ended = true;
}

/*  The line's transaction, in the arena until the next; false after a complaint.  */
static bool
parse(replay_t *self, const char *line, size_t size, write_t *write)
{
    fault_t fault = {0};
    buffer_clear(&self->packed);
    arena_clear(&self->arena);
    err_t err = json_to_msgpack(line, size, &self->packed, &fault);
    if (err == OK)
        err =
            message_unpack(MSG_write, buffer_bytes(&self->packed), &self->arena, write, &fault);
    if (err != OK)
        fail(self, self->line, fault.text);
    return err == OK;
}

static void
keep_waiting(replay_t *self, uint64_t ask)
{
    size_t place = 0;
    while (self->waiting[place].ask != 0)
        place++;
    self->waiting[place] = (waiting_t){.ask = ask, .line = self->line};
    self->under_way++;
}

static void
ask_line(replay_t *self, const char *line, size_t size)
{
    write_t write = {0};
    uint64_t ask = 0;
    if (!parse(self, line, size, &write))
        return;
    err_t err = ipc_client_ask(self->client, "service", MSG_write, &write, ANSWER_MS, &ask);
    if (err != OK)
        fail(self, self->line, err_text(err));
    else
        keep_waiting(self, ask);
}

static void
read_line(replay_t *self)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, self->in);
    if (n < 0) {
        self->ended = true;
    } else {
        self->line++;
        self->taken += n;
        if (strspn(line, " \t\r\n") < (size_t) n)
            ask_line(self, line, (size_t) n);
    }
    free(line);
}

static void
count_written(replay_t *self, const written_t *written)
{
    self->transactions++;
    self->changes += written->n_ids;
    for (size_t i = 0; self->ids && i < written->n_ids; i++)
        puts(written->ids[i]);

    char number[NUMBER_TEXT];
    double share = self->size > 0 ? (double) self->taken / (double) self->size : -1;
    progress_draw(&self->progress, share, "%s changes", number_text(self->changes, number));
}

static void
take_answer(replay_t *self)
{
    ipc_heard_t heard = {0};
    err_t err = ipc_client_next(self->client, ANSWER_MS, &heard);
    if (err != OK) {
        fail(self, self->line, err == ERR_OFFLINE ? "the agent is gone" : err_text(err));
        self->under_way = 0; /* they will never be answered */
        return;
    }
    size_t place = 0;
    while (place < WINDOW && (heard.ask == 0 || self->waiting[place].ask != heard.ask))
        place++;
    if (place == WINDOW)
        return;
    waiting_t waiting = self->waiting[place];
    self->waiting[place] = (waiting_t){0};
    self->under_way--;
    if (heard.id == MSG_written)
        count_written(self, heard.body);
    else if (heard.id == MSG_problem)
        fail(self, waiting.line, ((const problem_t *) heard.body)->message);
}

static void
replay(replay_t *self)
{
    while (!self->ended || self->under_way > 0) {
        if (!self->ended && self->under_way < WINDOW)
            read_line(self);
        else
            take_answer(self);
    }
    progress_end(&self->progress);
    if (self->failure[0] != '\0')
        complain("%s; %" PRIu64 " transactions are recorded for certain", self->failure,
                 self->transactions);
    arena_release(&self->arena);
    buffer_release(&self->packed);
}

static void
summary(const replay_t *self, double seconds, bool json)
{
    double rate = seconds > 0 ? (double) self->changes / seconds : 0;
    if (json) {
        printf("{\"transactions\":%" PRIu64 ",\"changes\":%" PRIu64
               ",\"seconds\":%.3f,\"per_second\":%.0f}\n",
               self->transactions, self->changes, seconds, rate);
        return;
    }
    char transactions[NUMBER_TEXT], changes[NUMBER_TEXT], per_second[NUMBER_TEXT];
    fprintf(self->ids ? stderr : stdout,
            "%s transactions, %s changes in %.2f s: %s changes/s\n",
            number_text(self->transactions, transactions), number_text(self->changes, changes),
            seconds, number_text((uint64_t) rate, per_second));
}

static int
apply_file(const verb_t *verb, const char *run_dir, replay_t *self, bool json)
{
    AUTO(ipc_client) client = join(verb, run_dir, JOIN_MS);
    if (!client)
        return STATUS_NO;
    struct stat about;
    if (fstat(fileno(self->in), &about) == 0 && S_ISREG(about.st_mode))
        self->size = about.st_size;
    self->client = client;
    self->progress = progress_new("apply");
    setvbuf(stdout, NULL, _IOLBF, 0); /* an id that was printed is on disk: show it at once */

    uint64_t start = now_ns();
    replay(self);
    summary(self, seconds_since(start), json);
    return self->failure[0] != '\0' ? STATUS_NO : STATUS_DONE;
}

static int
apply(args_t *args)
{
    const char *run_dir = NULL;
    bool json = false, ids = false;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"json", OPTION_FLAG, &json, 0, 0},
        {"ids", OPTION_FLAG, &ids, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 1, 1, &status))
        return status;

    const char *path = args->values[0];
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!in) {
        complain("%s: %s; give a file of JSON Lines, or `-`", path, strerror(errno));
        return STATUS_USAGE;
    }
    replay_t self = {.in = in, .ids = ids};
    status = apply_file(args->verb, run_dir, &self, json);
    if (in != stdin)
        fclose(in);
    return status;
}

const verb_t verb_apply = {
    .name = "apply",
    .summary = "write and record many transactions from JSON Lines",
    .usage =
        "usage: waybill apply [--run-dir DIR] [--json] [--ids] FILE|-\n\n"
        "Each line of FILE (`-`: standard input) is one local transaction:\n\n"
        "  {\"changes\":[{\"table\":\"notes\",\"operation\":\"upsert\",\"id\":\"17\",\n"
        "                \"data\":{\"title\":\"Tea\"}}, ...]}\n\n"
        "operation is insert, update, delete or upsert; a delete has no data. Lines are\n"
        "recorded in order, with many requests under way. At the first line that is refused\n"
        "nothing more is read: those before it are recorded, and so may be a few after it.\n\n"
        "  --ids           print the id of each change once it is on disk\n"
        "  --json          print the summary as one JSON object\n" RUN_DIR_USAGE
        "\nExit status 1: a line was refused, and the message names it; or no agent answers.\n",
    .run = apply,
};
