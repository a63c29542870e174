/*  A plug-in that does what it is told: x_do {what}. What it does to be tested, the table at
   the end lists. With the setting `db`, the numbers of parcels are committed there in settle(),
   each with the id of its message, so that one which comes again is not counted again.  */

#include <waybill/plugin.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMER_ANSWER = 7, TIMER_FAIL, MOST_PARCELS = 4096 };

typedef struct worker {
    const waybill_host_t *host;
    sqlite3 *db;
    sqlite3_stmt *add;
    int parcels; /* of the round */
    waybill_ticket_t ticket;
    int pipe[2];
    int before; /* requests so far */
} worker_t;

/*  --------------------------------------------------------------------------- texts  */

static waybill_bytes_t
text_map(worker_t *self, waybill_ctx_t *ctx, const char *type, const char *name,
         const char *text)
{
    char json[600];
    snprintf(json, sizeof json, "{\"%s\":\"%s\"}", name, text);
    return self->host->pack(ctx, type, json);
}

static int
say_done(worker_t *self, waybill_ctx_t *ctx, const char *text)
{
    return self->host->reply(ctx, "x_done", text_map(self, ctx, "x_done", "text", text));
}

static int
answer_done(worker_t *self, waybill_ctx_t *ctx, const char *text)
{
    return self->host->answer(ctx, &self->ticket, "x_done",
                              text_map(self, ctx, "x_done", "text", text));
}

/*  ----------------------------------------------------------------- what it is told  */

static int
do_echo(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    char text[300];
    snprintf(text, sizeof text, "%s %s %s %u", message->type, message->kind, message->from,
             message->attempt);
    return say_done(self, ctx, text);
}

static int
do_setting(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    char text[300];
    (void) message;
    snprintf(text, sizeof text, "%s %s %s", self->host->setting(ctx, "colour"),
             self->host->setting(ctx, "size"),
             self->host->setting(ctx, "nothing") ? "known" : "unknown");
    return say_done(self, ctx, text);
}

static int
do_refuse(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    return self->host->refuse(ctx, "STALE", "too old for me");
}

static int
do_nothing(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) self, (void) ctx, (void) message;
    return WAYBILL_OK;
}

static int
do_fail(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (message->attempt == 0)
        return self->host->fail(ctx, "a bad day");
    return do_echo(self, ctx, message);
}

static int
do_fail_always(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    return self->host->fail(ctx, "for good");
}

/*  In a process only.  */
static int
do_crash(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (message->attempt == 0)
        abort();
    return do_echo(self, ctx, message);
}

/*  As the kernel does it when memory runs out, or anybody from outside.  */
static int
do_be_killed(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) self, (void) ctx, (void) message;
    return kill(getpid(), SIGKILL) == 0 ? WAYBILL_OK : WAYBILL_FAILED;
}

/*  Each byte of it is six in JSON.  */
static int
do_ask_for_much(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    enum { SIZE = 3 << 20, HEAD = 11 };
    (void) message;
    unsigned char *map = malloc(HEAD + SIZE);
    if (map == NULL)
        return WAYBILL_FAILED;
    memcpy(map, "\x81\xa4text\xdb\x00\x30\x00\x00", HEAD);
    memset(map + HEAD, 1, SIZE);
    const waybill_bytes_t payload = {map, HEAD + SIZE};
    const char *json = self->host->json(ctx, "x_done", payload);
    free(map);
    return say_done(self, ctx, json ? "all of it" : "nothing");
}

static int
do_exit(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (message->attempt == 0)
        exit(3);
    return do_echo(self, ctx, message);
}

static int
do_hang(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (message->attempt == 0)
        for (;;)
            pause();
    return do_echo(self, ctx, message);
}

/*  On the descriptor that leads to its parent, if it has a process of its own.  */
static int
do_nonsense(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    static const char nonsense[] = "\xff\xff\xff\x7f and so on";
    if (message->attempt == 0 && write(3, nonsense, sizeof nonsense) < 0)
        return WAYBILL_FAILED;
    return do_echo(self, ctx, message);
}

static int
do_mean_nothing(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    return message->attempt == 0 ? 77 : do_echo(self, ctx, message);
}

static int
do_later(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    return self->host->after(ctx, TIMER_ANSWER, 5);
}

/*  And never answered.  */
static int
do_promise(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    return self->host->after(ctx, TIMER_FAIL, 5);
}

/*  Nor this, and everybody hears that it has begun.  */
static int
do_hold(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    return self->host->publish(ctx, "x_news", text_map(self, ctx, "x_news", "text", "held"));
}

/*  Answered in on_fd().  */
static int
do_watch(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK || pipe(self->pipe) != 0
        || self->host->watch(ctx, self->pipe[0], WAYBILL_READABLE) != WAYBILL_OK)
        return WAYBILL_FAILED;
    return self->host->watch(ctx, self->pipe[1], WAYBILL_WRITABLE);
}

/*  Answered in on_reply().  */
static int
do_ask(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    (void) message;
    return self->host->request(ctx, "echo", "ping",
                               self->host->pack(ctx, "ping", "{\"number\":41}"), 0, 99);
}

static int
do_ask_nobody(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->ticket(ctx, &self->ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    return self->host->request(ctx, "nobody", "ping",
                               self->host->pack(ctx, "ping", "{\"number\":41}"), 0, 99);
}

/*  All that a host must refuse; what it did not shows as a letter.  */
static int
do_misbehave(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    const waybill_host_t *host = self->host;
    const waybill_bytes_t none = {0}, nonsense = {"\xc1", 1}, list = {"\x90", 1};
    const waybill_bytes_t empty = {"\x80", 1};
    waybill_ticket_t forged = {"forged"}, ticket;
    char text[32];
    snprintf(text, sizeof text, "%c%c%c%c%c%c%c%c%c%c%c%c%c",
             host->send(ctx, message->from, "parcel", empty) == WAYBILL_OK ? 'a' : '-',
             host->send(ctx, "nobody", "x_unsaid", empty) == WAYBILL_OK ? 'b' : '-',
             host->send(ctx, NULL, NULL, none) == WAYBILL_OK ? 'c' : '-',
             host->publish(ctx, "x_news", nonsense) == WAYBILL_OK ? 'd' : '-',
             host->publish(ctx, "x_news", list) == WAYBILL_OK ? 'e' : '-',
             host->publish(ctx, "x_unsaid", empty) == WAYBILL_OK ? 'f' : '-',
             host->answer(ctx, &forged, "x_done", empty) == WAYBILL_OK ? 'g' : '-',
             host->watch(ctx, 1000, WAYBILL_READABLE) == WAYBILL_OK ? 'h' : '-',
             host->watch(ctx, 0, 64) == WAYBILL_OK ? 'i' : '-',
             host->json(ctx, "ping", empty) ? 'j' : '-',
             host->pack(ctx, "ping", "{\"number\":\"many\"}").data ? 'k' : '-',
             host->pack(ctx, "ping", "{{").data ? 'l' : '-',
             host->request(ctx, "supervisor", "ping", host->pack(ctx, "ping", "{\"number\":1}"),
                           0, 1)
                     == WAYBILL_OK
                 ? 'm'
                 : '-');
    if (host->ticket(ctx, &ticket) != WAYBILL_OK)
        return WAYBILL_FAILED;
    if (host->ticket(ctx, &ticket) == WAYBILL_OK || say_done(self, ctx, "twice") == WAYBILL_OK)
        return self->host->fail(ctx, "answered twice");
    self->ticket = ticket;
    answer_done(self, ctx, text);
    return answer_done(self, ctx, "again") == WAYBILL_OK ? WAYBILL_FAILED : WAYBILL_OK;
}

static int
do_clock(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    const waybill_host_t *host = self->host;
    char one[WAYBILL_UUID_TEXT], two[WAYBILL_UUID_TEXT];
    host->uuid(ctx, one);
    host->uuid(ctx, two);
    int fine = strlen(one) == 36 && strcmp(one, two) < 0 && host->wall_ms(ctx) > 0
               && host->now_ms(ctx) > 0 && host->random(ctx) != host->random(ctx)
               && host->credit(ctx, message->from) > 0;
    return say_done(self, ctx, fine ? "fine" : "not fine");
}

/*  x_news, which whoever asked hears.  */
static int
do_publish(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    if (self->host->publish(ctx, "x_news", text_map(self, ctx, "x_news", "text", "news"))
        != WAYBILL_OK)
        return WAYBILL_FAILED;
    return say_done(self, ctx, "published");
}

static int
do_pid(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    (void) message;
    char text[32];
    snprintf(text, sizeof text, "%ld", (long) getpid());
    return say_done(self, ctx, text);
}

static const struct {
    const char *what;
    int (*act)(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message);
} acts[] = {
    {"echo", do_echo},
    {"setting", do_setting},
    {"refuse", do_refuse},
    {"nothing", do_nothing},
    {"fail_once", do_fail},
    {"fail_always", do_fail_always},
    {"crash", do_crash},
    {"exit", do_exit},
    {"ask_for_much", do_ask_for_much},
    {"be_killed", do_be_killed},
    {"hang", do_hang},
    {"nonsense", do_nonsense},
    {"result", do_mean_nothing},
    {"later", do_later},
    {"watch", do_watch},
    {"ask_back", do_ask},
    {"ask_nobody", do_ask_nobody},
    {"misbehave", do_misbehave},
    {"clock", do_clock},
    {"publish", do_publish},
    {"pid", do_pid},
    {"promise", do_promise},
    {"hold", do_hold},
};

/*  ------------------------------------------------------------------------- parcels  */

static int
add_parcel(worker_t *self, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    const char *json = self->host->json(ctx, message->type, message->payload);
    if (self->db == NULL || json == NULL)
        return WAYBILL_OK;
    if (self->parcels++ == 0
        && sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return self->host->fail(ctx, sqlite3_errmsg(self->db));
    sqlite3_bind_text(self->add, 1, message->id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(self->add, 2, json, -1, SQLITE_TRANSIENT);
    int done = sqlite3_step(self->add);
    sqlite3_reset(self->add);
    return done == SQLITE_DONE ? WAYBILL_OK : self->host->fail(ctx, sqlite3_errmsg(self->db));
}

static int
settle(void *state, waybill_ctx_t *ctx)
{
    worker_t *self = state;
    if (self->parcels == 0)
        return WAYBILL_OK;
    self->parcels = 0;
    if (sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return self->host->fail(ctx, sqlite3_errmsg(self->db));
    return WAYBILL_OK;
}

/*  ---------------------------------------------------------------------------- life  */

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    worker_t *self = state;
    self->host = host;
    const char *file = host->setting(ctx, "db");
    if (file[0] == '\0')
        return WAYBILL_OK;
    if (sqlite3_open(file, &self->db) != SQLITE_OK
        || sqlite3_exec(
               self->db,
               "PRAGMA busy_timeout=10000;"
               "CREATE TABLE IF NOT EXISTS parcels (id TEXT PRIMARY KEY, parcel TEXT);",
               NULL, NULL, NULL)
               != SQLITE_OK
        || sqlite3_prepare_v2(self->db, "INSERT OR IGNORE INTO parcels VALUES (?, ?)", -1,
                              &self->add, NULL)
               != SQLITE_OK)
        return host->fail(ctx, sqlite3_errmsg(self->db));
    return WAYBILL_OK;
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    worker_t *self = state;
    if (strcmp(message->type, "parcel") == 0)
        return add_parcel(self, ctx, message);
    const char *json = self->host->json(ctx, message->type, message->payload);
    char wanted[64];
    for (size_t i = 0; json && i < sizeof acts / sizeof *acts; i++) {
        snprintf(wanted, sizeof wanted, "\"%s\"", acts[i].what);
        if (strstr(json, wanted))
            return acts[i].act(self, ctx, message);
    }
    return self->host->refuse(ctx, "UNKNOWN", "what is that?");
}

static int
on_reply(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *reply)
{
    worker_t *self = state;
    char text[500], json[400] = "";
    const char *body = self->host->json(ctx, reply->type, reply->payload);
    for (size_t i = 0, n = 0; body && body[i] && n + 1 < sizeof json; i++)
        if (body[i] != '"')
            json[n++] = body[i];
    snprintf(text, sizeof text, "%s %s %llu %s", reply->type, reply->kind,
             (unsigned long long) reply->token, json);
    return answer_done(self, ctx, text);
}

static int
on_timer(void *state, waybill_ctx_t *ctx, uint64_t timer)
{
    if (timer == TIMER_FAIL)
        return ((worker_t *) state)->host->fail(ctx, "it was too much");
    return answer_done(state, ctx, timer == TIMER_ANSWER ? "late" : "what timer?");
}

/*  First it can write, which makes the other end readable.  */
static int
on_fd(void *state, waybill_ctx_t *ctx, int fd, int events)
{
    worker_t *self = state;
    char byte = 'x';
    if (fd == self->pipe[1] && events == WAYBILL_WRITABLE) {
        if (write(fd, &byte, 1) != 1)
            return WAYBILL_FAILED;
        return self->host->watch(ctx, fd, 0);
    }
    if (read(fd, &byte, 1) != 1)
        return WAYBILL_FAILED;
    self->host->watch(ctx, fd, 0);
    close(self->pipe[0]);
    close(self->pipe[1]);
    return answer_done(self, ctx, "written and read");
}

static void
stop(void *state, waybill_ctx_t *ctx)
{
    worker_t *self = state;
    (void) ctx;
    sqlite3_finalize(self->add);
    sqlite3_close(self->db);
}

static const waybill_message_t messages[] = {
    {WAYBILL_TAKES, "x_do", NULL, WAYBILL_REQUEST, "Do something"},
    {WAYBILL_TAKES, "parcel", NULL, WAYBILL_KNOWN, "Is kept in the database"},
    {WAYBILL_ANSWERS, "x_done", NULL, WAYBILL_REPLY, "Done"},
    {WAYBILL_SENDS, "ping", NULL, WAYBILL_KNOWN, NULL},
    {WAYBILL_PUBLISHES, "x_news", NULL, WAYBILL_EVENT, NULL},
    {0},
};

static const waybill_setting_t settings[] = {
    {"db", WAYBILL_TEXT_SETTING, "", "File for parcels"},
    {"colour", WAYBILL_TEXT_SETTING, "red", NULL},
    {"size", WAYBILL_NUMBER_SETTING, "4", NULL},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof plugin,
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "worker",
    .version = "1.2",
    .summary = "Does what it is told",
    .messages = messages,
    .settings = settings,
    .state_size = sizeof(worker_t),
    .start = start,
    .on_message = on_message,
    .on_reply = on_reply,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .settle = settle,
    .stop = stop,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_major, (void) host_minor;
    return &plugin;
}
