/*  webhook - tells an HTTP server what became of changes: each event is POSTed to a URL until
    the server has taken it.

    Hears  changes_processed, of an agent.

    Events stand in a SQLite file of its own (`queue`) before their message is done, and leave
   it when the server has answered 2xx: so neither a crash here nor one there loses any. They go
    one by one, in the order they came; after a failure the first one is tried again, later each
    time. An event may arrive twice, when an answer is lost: X-Waybill-Id is the same then.

    The body is {"id", "time", "type", "event": {...}}. With a secret, X-Waybill-Signature is
   "sha256=" and the HMAC-SHA256, in hex, of X-Waybill-Timestamp, a full stop, and the body.

    libcurl does its work when its descriptors are ready and its time has come, as the host
   tells: nothing here waits.  */

#include <waybill/plugin.h>

#include <curl/curl.h>
#include <openssl/hmac.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TIMER_CURL = 1, TIMER_RETRY, SECRET_MOST = 4096, TEXT_MOST = 512 };

typedef enum statement { ADD, FIRST, REMOVE, BEGIN, COMMIT, STATEMENTS } statement_t;

static const char *const sql[STATEMENTS] = {
    [ADD] = "INSERT OR IGNORE INTO queue (id, body) VALUES (?1, ?2)",
    [FIRST] = "SELECT id, body FROM queue ORDER BY seq LIMIT 1",
    [REMOVE] = "DELETE FROM queue WHERE id = ?1",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

typedef struct webhook {
    const waybill_host_t *host;
    waybill_ctx_t *ctx; /* of the callback that libcurl works in */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int in_round; /* events were added and not committed */

    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    int sending, waiting; /* for the server's answer; for the next attempt */
    char id[WAYBILL_UUID_TEXT];
    char *body;
    unsigned failures; /* in a row */

    const char *url;
    unsigned char secret[SECRET_MOST];
    size_t secret_size;
    long long first_ms, longest_ms, timeout_ms;
} webhook_t;

/*  ------------------------------------------------------------------------- the queue  */

static int
fail_db(webhook_t *self, waybill_ctx_t *ctx)
{
    char text[TEXT_MOST];
    (void) snprintf(text, sizeof text, "queue: %s",
                    self->db ? sqlite3_errmsg(self->db) : "no memory");
    return self->host->fail(ctx, text);
}

static int
open_queue(webhook_t *self, const char *path)
{
    static const char tables[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE IF NOT EXISTS queue"
        " (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
    const mode_t mask = umask(0077);
    int rc = sqlite3_open_v2(path, &self->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(self->db, tables, NULL, NULL, NULL);
    umask(mask);
    for (int i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v2(self->db, sql[i], -1, &self->statements[i], NULL);
    return rc == SQLITE_OK;
}

/*  Runs a statement without rows, after what is bound; 0: it failed.  */
static int
run(webhook_t *self, statement_t which)
{
    sqlite3_step(self->statements[which]);
    return sqlite3_reset(self->statements[which]) == SQLITE_OK;
}

/*  1: there is an event, 0: there is none, -1: the file fails.  */
static int
take_first(webhook_t *self)
{
    sqlite3_stmt *row = self->statements[FIRST];
    const int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        (void) snprintf(self->id, sizeof self->id, "%s",
                        (const char *) sqlite3_column_text(row, 0));
        free(self->body);
        self->body = strdup((const char *) sqlite3_column_text(row, 1));
    }
    sqlite3_reset(row);
    return rc == SQLITE_ROW && self->body ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int
remove_sent(webhook_t *self)
{
    sqlite3_bind_text(self->statements[REMOVE], 1, self->id, -1, SQLITE_STATIC);
    return run(self, REMOVE);
}

/*  -------------------------------------------------------------------------- libcurl  */

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *state, void *nothing)
{
    static const int events[] = {
        [CURL_POLL_NONE] = 0,
        [CURL_POLL_IN] = WAYBILL_READABLE,
        [CURL_POLL_OUT] = WAYBILL_WRITABLE,
        [CURL_POLL_INOUT] = WAYBILL_READABLE | WAYBILL_WRITABLE,
        [CURL_POLL_REMOVE] = 0,
    };
    webhook_t *self = state;
    (void) easy;
    (void) nothing;
    return self->host->watch(self->ctx, fd, events[what]) == WAYBILL_OK ? 0 : -1;
}

static int
on_curl_timer(CURLM *multi, long ms, void *state)
{
    webhook_t *self = state;
    (void) multi;
    if (ms < 0)
        self->host->cancel(self->ctx, TIMER_CURL);
    else
        self->host->after(self->ctx, TIMER_CURL, (uint64_t) ms);
    return 0;
}

static size_t
ignore_answer(char *data, size_t size, size_t n, void *state)
{
    (void) data;
    (void) state;
    return size * n;
}

static int
open_curl(webhook_t *self)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 0;
    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    if (self->multi == NULL || self->easy == NULL)
        return 0;
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_URL, self->url);
    curl_easy_setopt(self->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(self->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(self->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(self->easy, CURLOPT_USERAGENT, "waybill-webhook/1.0");
    curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, ignore_answer);
    curl_easy_setopt(self->easy, CURLOPT_TIMEOUT_MS, (long) self->timeout_ms);
    return 1;
}

/*  ------------------------------------------------------------------------- sending  */

static void
add_header(webhook_t *self, const char *name, const char *value)
{
    char line[TEXT_MOST];
    (void) snprintf(line, sizeof line, "%s: %s", name, value);
    self->headers = curl_slist_append(self->headers, line);
}

static void
sign(webhook_t *self, const char *timestamp)
{
    char hex[2 * EVP_MAX_MD_SIZE + 8] = "sha256=";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char *text = NULL;
    if (asprintf(&text, "%s.%s", timestamp, self->body) < 0)
        abort();
    HMAC(EVP_sha256(), self->secret, (int) self->secret_size, (unsigned char *) text,
         strlen(text), digest, &size);
    free(text);
    for (unsigned i = 0; i < size; i++)
        (void) snprintf(hex + 7 + 2 * (size_t) i, 3, "%02x", digest[i]);
    add_header(self, "X-Waybill-Signature", hex);
}

static void
make_headers(webhook_t *self, waybill_ctx_t *ctx)
{
    char timestamp[24];
    (void) snprintf(timestamp, sizeof timestamp, "%lld",
                    (long long) self->host->wall_ms(ctx) / 1000);
    curl_slist_free_all(self->headers);
    self->headers = NULL;
    add_header(self, "Content-Type", "application/json");
    add_header(self, "Expect", "");
    add_header(self, "X-Waybill-Id", self->id);
    add_header(self, "X-Waybill-Timestamp", timestamp);
    if (self->secret_size > 0)
        sign(self, timestamp);
}

/*  The next event, if none is under way.  */
static int
send_next(webhook_t *self, waybill_ctx_t *ctx)
{
    if (self->sending || self->waiting)
        return WAYBILL_OK;
    const int found = take_first(self);
    if (found <= 0)
        return found == 0 ? WAYBILL_OK : fail_db(self, ctx);
    make_headers(self, ctx);
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, self->body);
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(self->body));
    self->ctx = ctx;
    self->sending = 1;
    if (curl_multi_add_handle(self->multi, self->easy) != CURLM_OK)
        return self->host->fail(ctx, "libcurl does not take a request");
    return WAYBILL_OK;
}

/*  Later each time, up to a limit, and not all at once when a server comes back.  */
static void
wait_longer(webhook_t *self, waybill_ctx_t *ctx, const char *why)
{
    char text[TEXT_MOST];
    long long ms = self->first_ms;
    for (unsigned i = 0; i < self->failures && ms < self->longest_ms; i++)
        ms *= 2;
    ms = ms < self->longest_ms ? ms : self->longest_ms;
    ms = ms / 2 + (long long) (self->host->random(ctx) % (uint64_t) (ms / 2 + 1));
    self->failures++;
    self->waiting = 1;
    self->host->after(ctx, TIMER_RETRY, (uint64_t) ms);
    (void) snprintf(text, sizeof text, "%s did not take event %s: %s; again in %lld ms",
                    self->url, self->id, why, ms);
    self->host->log(ctx, WAYBILL_WARNING, text);
}

static int
finish(webhook_t *self, waybill_ctx_t *ctx, CURLcode code)
{
    char why[64];
    long status = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(self->multi, self->easy);
    self->sending = 0;
    if (code == CURLE_OK && status >= 200 && status < 300) {
        self->failures = 0;
        return remove_sent(self) ? send_next(self, ctx) : fail_db(self, ctx);
    }
    (void) snprintf(why, sizeof why, "HTTP %ld", status);
    wait_longer(self, ctx, code == CURLE_OK ? why : curl_easy_strerror(code));
    return WAYBILL_OK;
}

/*  Lets libcurl work; fd -1: its time has come.  */
static int
work(webhook_t *self, waybill_ctx_t *ctx, int fd, int events)
{
    int running, left;
    CURLMsg *message;
    self->ctx = ctx;
    curl_multi_socket_action(self->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd, events, &running);
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        const int rc =
            message->msg == CURLMSG_DONE ? finish(self, ctx, message->data.result) : WAYBILL_OK;
        if (rc != WAYBILL_OK)
            return rc;
    }
    return WAYBILL_OK;
}

/*  ------------------------------------------------------------------------------ life  */

static int
read_secret(webhook_t *self, const char *path)
{
    struct stat about;
    if (path[0] == '\0')
        return 1;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const int closed = fstat(fileno(file), &about) == 0 && (about.st_mode & 077) == 0;
    self->secret_size = closed ? fread(self->secret, 1, sizeof self->secret, file) : 0;
    fclose(file);
    while (self->secret_size > 0 && self->secret[self->secret_size - 1] == '\n')
        self->secret_size--;
    return self->secret_size > 0;
}

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    webhook_t *self = state;
    self->host = host;
    self->ctx = ctx;
    self->url = host->setting(ctx, "url");
    self->first_ms = atoll(host->setting(ctx, "retry_ms"));
    self->longest_ms = atoll(host->setting(ctx, "retry_cap_ms"));
    self->timeout_ms = atoll(host->setting(ctx, "timeout_ms"));
    if (strncmp(self->url, "http://", 7) != 0 && strncmp(self->url, "https://", 8) != 0)
        return host->fail(ctx, "url: give one that begins with http:// or https://");
    if (self->first_ms < 1 || self->longest_ms < self->first_ms || self->timeout_ms < 1)
        return host->fail(
            ctx, "retry_ms, retry_cap_ms, timeout_ms: give times above 0, in that order");
    if (!read_secret(self, host->setting(ctx, "secret_file")))
        return host->fail(ctx,
                          "secret_file: give a file, not empty, that only its owner may read");
    if (!open_queue(self, host->setting(ctx, "queue")))
        return fail_db(self, ctx);
    if (!open_curl(self))
        return host->fail(ctx, "libcurl does not start");
    return send_next(self, ctx);
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    webhook_t *self = state;
    char *body = NULL;
    const char *event = self->host->json(ctx, message->type, message->payload);
    if (event == NULL)
        return self->host->refuse(ctx, "MALFORMED", "it is no event that can be read");
    if (asprintf(&body, "{\"id\":\"%s\",\"time\":%lld,\"type\":\"%s\",\"event\":%s}",
                 message->id, (long long) self->host->wall_ms(ctx), message->type, event)
        < 0)
        abort();
    int done = self->in_round || run(self, BEGIN);
    self->in_round = done;
    sqlite3_bind_text(self->statements[ADD], 1, message->id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(self->statements[ADD], 2, body, -1, SQLITE_TRANSIENT);
    done = done && run(self, ADD);
    free(body);
    return done ? WAYBILL_OK : fail_db(self, ctx);
}

static int
settle(void *state, waybill_ctx_t *ctx)
{
    webhook_t *self = state;
    if (!self->in_round)
        return WAYBILL_OK;
    self->in_round = 0;
    return run(self, COMMIT) ? send_next(self, ctx) : fail_db(self, ctx);
}

static int
on_timer(void *state, waybill_ctx_t *ctx, uint64_t timer)
{
    webhook_t *self = state;
    if (timer == TIMER_CURL)
        return work(self, ctx, -1, 0);
    self->waiting = 0;
    return send_next(self, ctx);
}

static int
on_fd(void *state, waybill_ctx_t *ctx, int fd, int events)
{
    const int in = events & WAYBILL_READABLE ? CURL_CSELECT_IN : 0;
    const int out = events & WAYBILL_WRITABLE ? CURL_CSELECT_OUT : 0;
    return work(state, ctx, fd, in | out);
}

static void
stop(void *state, waybill_ctx_t *ctx)
{
    webhook_t *self = state;
    self->ctx = ctx;
    if (self->multi && self->sending)
        curl_multi_remove_handle(self->multi, self->easy);
    curl_easy_cleanup(self->easy);
    curl_multi_cleanup(self->multi);
    curl_slist_free_all(self->headers);
    free(self->body);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
}

static const waybill_message_t messages[] = {
    {WAYBILL_HEARS, "changes_processed", NULL, WAYBILL_KNOWN, "what became of changes"},
    {0},
};

static const waybill_setting_t settings[] = {
    {"url", WAYBILL_TEXT_SETTING, NULL, "Where events are POSTed, http:// or https://"},
    {"queue", WAYBILL_TEXT_SETTING, NULL, "SQLite file for events that wait; absolute path"},
    {"secret_file", WAYBILL_TEXT_SETTING, "",
     "File (mode 0600) with what signs the events; empty: they are not signed"},
    {"retry_ms", WAYBILL_NUMBER_SETTING, "1000", "Wait after a failure; doubles each time"},
    {"retry_cap_ms", WAYBILL_NUMBER_SETTING, "300000", "Longest wait"},
    {"timeout_ms", WAYBILL_NUMBER_SETTING, "10000", "Longest time for one POST"},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof(waybill_plugin_t),
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "webhook",
    .version = "1.0",
    .summary = "POSTs what became of changes to a URL, until it is taken",
    .messages = messages,
    .settings = settings,
    .state_size = sizeof(webhook_t),
    .start = start,
    .on_message = on_message,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .settle = settle,
    .stop = stop,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_minor;
    return host_major == WAYBILL_PLUGIN_MAJOR ? &plugin : NULL;
}
