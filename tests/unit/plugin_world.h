/*  plugin_world - a host with the plug-in worker (tests/plugins) and somebody who asks it.  */

#pragma once

#include "runtime/host.h"
#include "schemas/pack.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static host_t *host;

/*  What was asked, and what came of it: "x_done TEXT", or the error's name and text.  */
static struct {
    const char *what;
    char answer[600];
    atomic_uint news;
} asked;

static const raw_message_t no_messages[] = {{0}};

static inline void
finish(const char *kind, const char *text)
{
    snprintf(asked.answer, sizeof asked.answer, "%s %s", kind, text);
    host_stop(host);
}

static inline err_t
ask_worker(void *state, ctx_t *ctx)
{
    (void) state;
    fault_t fault;
    buffer_t packed = {0};
    pack_map(&packed, 1);
    pack_text(&packed, "what", 4);
    pack_text(&packed, asked.what, strlen(asked.what));
    err_t err = raw_request(
        ctx,
        &(raw_question_t){.to = "worker", .type = "x_do", .payload = buffer_bytes(&packed)},
        &fault);
    buffer_release(&packed);
    return err;
}

static inline err_t
take_answer(void *state, ctx_t *ctx, bytes_t payload)
{
    (void) state;
    token_t token = {0};
    cursor_t cursor = cursor_of(payload);
    const envelope_t *envelope = ctx_envelope(ctx);
    if (envelope->kind == ENVELOPE_EVT) {
        atomic_fetch_add(&asked.news, 1);
        return OK;
    }
    char text[500] = "";
    for (int i = 0; i < 3; i++)
        (void) cursor_next(&cursor, &token);
    if (token.kind == TOKEN_TEXT)
        snprintf(text, sizeof text, "%.*s", (int) token.bytes.size,
                 (const char *) token.bytes.data);
    finish(envelope->type, text);
    return OK;
}

static inline err_t
take_failure(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    finish(err_name(failure->err), failure->text);
    return OK;
}

static const raw_message_t asker_sends[] = {
    {"x_do", CLASS_REQUEST, "worker"}, {"parcel", CLASS_COMMAND, "worker"}, {0}};

static const raw_actor_t asker_raw = {
    .kind = "thread",
    .takes = no_messages,
    .sends = asker_sends,
    .publishes = no_messages,
    .answers = no_messages,
    .on_letter = take_answer,
};
static const char *const asker_hears[] = {"x_news", NULL};
static const actor_class_t asker = {.name = "asker",
                                    .hears = asker_hears,
                                    .start = ask_worker,
                                    .on_error = take_failure,
                                    .raw = &asker_raw};

/*  Whom the worker asks.  */
static inline err_t
echo_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const ping_t *ping = body;
    REPLY(ctx, pong, .number = ping->number);
    return OK;
}
static handler_fn *const echo_handlers[MSG_COUNT] = {[MSG_ping] = echo_ping};
static const actor_class_t echo = {.name = "echo", .handlers = echo_handlers};

static inline void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (getenv("LOUD"))
        fprintf(stderr, "%s %s: %s\n", line->level, line->actor, line->text);
}

static inline const char *
worker_file(void)
{
    return PLUGINS "/worker.so";
}
