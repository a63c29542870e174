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

#include "queue.h"
#include "signing.h"

#include <waybill/plugin.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMER_CURL = 1, TIMER_RETRY, TEXT_MOST = 1000, PLACE_MOST = 300 };

typedef struct webhook {
    const waybill_host_t *host;
    waybill_ctx_t *ctx; /* of the callback that libcurl works in */
    queue_t queue;

    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    int sending, waiting; /* for the server's answer; for the next attempt */
    char id[WAYBILL_UUID_TEXT];
    char *body;
    unsigned failures; /* in a row */

    const char *url;
    char place[PLACE_MOST]; /* of the URL what may be logged */
    signing_t signing;
    long long first_ms, longest_ms, timeout_ms;
} webhook_t;

static int
fail_queue(webhook_t *self, waybill_ctx_t *ctx)
{
    char text[TEXT_MOST];
    (void) snprintf(text, sizeof text, "queue: %s", queue_why(&self->queue));
    return self->host->fail(ctx, text);
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
ignore_answer(const char *data, size_t size, size_t n, void *state)
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
make_headers(webhook_t *self, waybill_ctx_t *ctx)
{
    char timestamp[24], signature[SIGNATURE_TEXT];
    (void) snprintf(timestamp, sizeof timestamp, "%lld",
                    (long long) self->host->wall_ms(ctx) / 1000);
    curl_slist_free_all(self->headers);
    self->headers = NULL;
    add_header(self, "Content-Type", "application/json");
    add_header(self, "Expect", "");
    add_header(self, "X-Waybill-Id", self->id);
    add_header(self, "X-Waybill-Timestamp", timestamp);
    if (signing_sign(&self->signing, timestamp, self->body, signature))
        add_header(self, "X-Waybill-Signature", signature);
}

/*  The next event, if none is under way.  */
static int
send_next(webhook_t *self, waybill_ctx_t *ctx)
{
    if (self->sending || self->waiting)
        return WAYBILL_OK;
    free(self->body);
    if (!queue_first(&self->queue, self->id, &self->body))
        return fail_queue(self, ctx);
    if (self->body == NULL)
        return WAYBILL_OK;
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
        ms = ms < self->longest_ms / 2 ? ms * 2 : self->longest_ms;
    ms = ms / 2 + (long long) (self->host->random(ctx) % (uint64_t) (ms / 2 + 1));
    self->failures++;
    self->waiting = 1;
    self->host->after(ctx, TIMER_RETRY, (uint64_t) ms);
    (void) snprintf(text, sizeof text, "%s did not take event %s: %s; again in %lld ms",
                    self->place, self->id, why, ms);
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
        return queue_remove(&self->queue, self->id) ? send_next(self, ctx)
                                                    : fail_queue(self, ctx);
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

/*  Where the URL leads, without what lets people in: a name, a password, a path that nobody
    knows. False: it is no URL.  */
static int
note_place(webhook_t *self)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *url = curl_url();
    const int known =
        url && curl_url_set(url, CURLUPART_URL, self->url, 0) == CURLUE_OK
        && curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
        && curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK
        && curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK
        && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (known)
        (void) snprintf(self->place, sizeof self->place, "%s://%s:%s", scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return known;
}

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    webhook_t *self = state;
    self->host = host;
    self->ctx = ctx;
    self->url = host->setting(ctx, "url");
    self->first_ms = strtoll(host->setting(ctx, "retry_ms"), NULL, 10);
    self->longest_ms = strtoll(host->setting(ctx, "retry_cap_ms"), NULL, 10);
    self->timeout_ms = strtoll(host->setting(ctx, "timeout_ms"), NULL, 10);
    if (!note_place(self))
        return host->fail(ctx, "url: give one that begins with http:// or https://");
    if (self->first_ms < 1 || self->longest_ms < self->first_ms || self->timeout_ms < 1)
        return host->fail(
            ctx, "retry_ms, retry_cap_ms, timeout_ms: give times above 0, in that order");
    if (!signing_read(&self->signing, host->setting(ctx, "secret_file")))
        return host->fail(
            ctx, "secret_file: give a file of 1 to 4096 bytes that only its owner may read");
    if (!queue_open(&self->queue, host->setting(ctx, "queue")))
        return fail_queue(self, ctx);
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
    const int done = queue_add(&self->queue, message->id, body);
    free(body);
    return done ? WAYBILL_OK : fail_queue(self, ctx);
}

static int
settle(void *state, waybill_ctx_t *ctx)
{
    webhook_t *self = state;
    if (!self->queue.in_round)
        return WAYBILL_OK;
    return queue_settle(&self->queue) ? send_next(self, ctx) : fail_queue(self, ctx);
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
    queue_close(&self->queue);
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
