#include "actors/common/monitor/asking.h"

#include "schemas/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 10000, ACT_MS = 30000 };

/*  ------------------------------------------------------------------------ refusals  */

static const char json_type[] = "application/json";

static const struct {
    err_t err;
    int status;
} statuses[] = {
    {ERR_USAGE, 400},   {ERR_MALFORMED, 400}, {ERR_INVALID_CHANGE, 400},
    {ERR_REFUSED, 400}, {ERR_NOT_FOUND, 404}, {ERR_TIMEOUT, 504},
};

static int
status_of(err_t err)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].err == err)
            return statuses[i].status;
    return 503;
}

static void
add_refusal(err_t err, const char *text, buffer_t *out)
{
    buffer_add_format(out, "\"code\":\"%s\",\"message\":", err_name(err));
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, out);
}

net_answer_t
asking_refusal(ctx_t *ctx, err_t err, const char *text)
{
    buffer_t body = {0};
    buffer_add_text(&body, "{");
    add_refusal(err, text, &body);
    buffer_add_text(&body, "}\n");
    const net_answer_t answer = {
        .status = status_of(err),
        .type = json_type,
        .body = arena_text(ctx_arena(ctx), buffer_text(&body)),
    };
    buffer_release(&body);
    return answer;
}

/*  Nothing is kept by a browser, framed, guessed at or fetched from elsewhere.  */
void
asking_secure(ctx_t *ctx, net_answer_t *answer)
{
    static const char always[] =
        "Cache-Control: no-store\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "X-Frame-Options: DENY\r\n";
    if (answer->headers == NULL) {
        answer->headers = always;
        return;
    }
    char *both = mem_format("%s%s", always, answer->headers);
    answer->headers = arena_text(ctx_arena(ctx), both);
    free(both);
}

/*  -------------------------------------------------------------------------- asking  */

/*  Zeros of any question.  */
static const void *
zeros(ctx_t *ctx, message_id_t id)
{
    return arena_new(ctx_arena(ctx), schema_of(id)->size + 1);
}

err_t
asking_begin(monitor_t *self, ctx_t *ctx, const wish_t *wish)
{
    static const question_t who = {.to = "system", .id = MSG_tree_get};
    const bool unknown = wish->view->with_identity && self->identity.size == 0;
    const question_t *question = unknown ? &who : &wish->view->questions[self->role];
    if (question->to == NULL)
        return ERR_REFUSED;
    errand_t *errand = ctx_credit(ctx, question->to) > 0 ? errands_add(&self->errands) : NULL;
    if (errand == NULL)
        return ERR_BUSY;
    errand->view = wish->view;
    errand->whose = wish->whose;
    errand->conn = wish->conn;
    errand->ask = wish->ask;
    const void *body = wish->question && !unknown ? wish->question : question->body;
    ctx_request(ctx, question->to, question->id, body ? body : zeros(ctx, question->id),
                errand->token, wish->view == &view_act ? ACT_MS : LOOK_MS);
    return OK;
}

void
asking_look(monitor_t *self, ctx_t *ctx, const view_t *view)
{
    if (errands_has(&self->errands, view) || !watchers_listen(&self->watchers, ctx))
        return;
    /* Where it is too much now, the next look may be in time. */
    (void) !asking_begin(self, ctx, &(wish_t){.view = view, .whose = FOR_WATCHERS});
}

/*  ------------------------------------------------------------------------- watchers  */

/*  Numbers of the lists, for whoever shows them.  */
static void
tell_counts(monitor_t *self, ctx_t *ctx, const status_t *now)
{
    const status_t *before = &self->counts;
    const bool same = now->pending == before->pending && now->failed == before->failed
                      && now->parked == before->parked && now->held == before->held;
    if (same && !self->lists_moved)
        return;
    buffer_t frame = {0};
    self->lists_moved = false;
    self->counts = (status_t){.pending = now->pending,
                              .failed = now->failed,
                              .parked = now->parked,
                              .held = now->held};
    buffer_add_format(&frame,
                      "{\"type\":\"changes\",\"counts\":{\"pending\":%" PRIu64
                      ",\"failed\":%" PRIu64 ",\"parked\":%" PRIu64 ",\"held\":%" PRIu64 "}}",
                      now->pending, now->failed, now->parked, now->held);
    watchers_tell(&self->watchers, ctx, &frame);
    buffer_release(&frame);
}

static void
tell_state(monitor_t *self, ctx_t *ctx, buffer_t *frame)
{
    const bool same = self->state.size == frame->size
                      && memcmp(self->state.data, frame->data, frame->size) == 0;
    watchers_tell_state(&self->watchers, ctx, frame, !same);
    buffer_clear(&self->state);
    buffer_add(&self->state, frame->data, frame->size);
}

static void
tell_watchers(monitor_t *self, ctx_t *ctx, const view_t *view, const buffer_t *members)
{
    buffer_t frame = {0};
    buffer_add_format(&frame, "{\"type\":\"%s\",", view->event);
    buffer_add(&frame, members->data, members->size);
    buffer_add_text(&frame, "}");
    if (view == &view_state)
        tell_state(self, ctx, &frame);
    else
        watchers_tell(&self->watchers, ctx, &frame);
    buffer_release(&frame);
}

void
asking_answer(ctx_t *ctx, watcher_t *watcher, uint64_t ask, const char *members)
{
    buffer_t frame = {0};
    buffer_add_format(&frame, "{\"type\":\"answer\",\"ask\":%" PRIu64 ",\"ok\":true%s%s}", ask,
                      members[0] != '\0' ? "," : "", members);
    watcher_answer(watcher, ctx, &frame);
    buffer_release(&frame);
}

void
asking_answer_not(ctx_t *ctx, watcher_t *watcher, uint64_t ask, const failure_t *failure)
{
    buffer_t frame = {0};
    buffer_add_format(&frame, "{\"type\":\"answer\",\"ask\":%" PRIu64 ",\"ok\":false,", ask);
    add_refusal(failure->err, failure->text, &frame);
    buffer_add_text(&frame, "}");
    watcher_answer(watcher, ctx, &frame);
    buffer_release(&frame);
}

/*  ------------------------------------------------------------------------- answers  */

static void
reply(ctx_t *ctx, const errand_t *errand, int status, buffer_t *members)
{
    buffer_t body = {0};
    const bool is_text = errand->view->is_text;
    buffer_add_text(&body, is_text ? "" : "{");
    buffer_add(&body, members->data, members->size);
    buffer_add_text(&body, is_text ? "" : "}\n");
    net_answer_t answer = {
        .status = status,
        .type = is_text ? "text/plain; version=0.0.4; charset=utf-8" : json_type,
        .body = buffer_text(&body),
    };
    asking_secure(ctx, &answer);
    net_reply(ctx, errand->conn, &answer);
    buffer_release(&body);
}

static void
deliver(monitor_t *self, ctx_t *ctx, const errand_t *errand, message_id_t id, const void *body)
{
    buffer_t members = {0};
    watcher_t *watcher = watchers_find(&self->watchers, errand->conn);
    const int status = errand->view->write(self, ctx, id, body, &members);
    if (errand->whose == FOR_REQUEST)
        reply(ctx, errand, status, &members);
    else if (errand->whose == FOR_WATCHERS)
        tell_watchers(self, ctx, errand->view, &members);
    else if (watcher)
        asking_answer(ctx, watcher, errand->ask, buffer_text(&members));
    if (errand->whose == FOR_WATCHERS && id == MSG_status)
        tell_counts(self, ctx, body);
    buffer_release(&members);
}

static void
fail(monitor_t *self, ctx_t *ctx, const errand_t *errand, const failure_t *failure)
{
    watcher_t *watcher = watchers_find(&self->watchers, errand->conn);
    if (errand->whose == FOR_REQUEST) {
        net_answer_t answer = asking_refusal(ctx, failure->err, failure->text);
        asking_secure(ctx, &answer);
        net_reply(ctx, errand->conn, &answer);
    } else if (errand->whose == FOR_ANSWER && watcher)
        asking_answer_not(ctx, watcher, errand->ask, failure);
}

/*  Who this process is was asked first: now what was to be asked.  */
static void
go_on(monitor_t *self, ctx_t *ctx, const errand_t *errand, const tree_t *tree)
{
    view_note_identity(self, tree);
    const wish_t wish = {
        .view = errand->view, .whose = errand->whose, .conn = errand->conn, .ask = errand->ask};
    const err_t err = asking_begin(self, ctx, &wish);
    if (err != OK)
        fail(self, ctx, errand,
             &(failure_t){.err = err, .text = "too much is asked at a time: try again"});
}

err_t
asking_end(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body)
{
    errand_t errand;
    if (!errands_take(&self->errands, ctx_token(ctx), &errand))
        return OK;
    if (errand.view->with_identity && id == MSG_tree)
        go_on(self, ctx, &errand, body);
    else
        deliver(self, ctx, &errand, id, body);
    return OK;
}

void
asking_fail(monitor_t *self, ctx_t *ctx, const failure_t *failure)
{
    errand_t errand;
    if (errands_take(&self->errands, failure->token, &errand))
        fail(self, ctx, &errand, failure);
}
