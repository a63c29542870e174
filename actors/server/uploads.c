#include "actors/server/uploads.h"

#include "actors/settings.h"
#include "schemas/row.h"

#include <string.h>

enum { HELD = 1000, HELD_BYTES = 4 << 20 }; /* rows of a session that catches up */

/*  ------------------------------------------------------------------------ receiving  */

static void
confirm_receipt(session_t *session, ctx_t *ctx, const sent_t *sent)
{
    const char **ids = arena_new(ctx_arena(ctx), (sent->n + 1) * sizeof *ids);
    for (size_t i = 0; i < sent->n; i++)
        ids[i] = sent->changes[i].row_id;
    TELL(session, ctx, srv_changes_received, .change_ids = ids, .n_change_ids = sent->n);
}

static sent_t *
remember(session_t *session, ctx_t *ctx, const clt_send_changes_t *body, const char *request)
{
    const sender_t sender = {
        .client_id = session->visitor.client_id,
        .message_id = request,
        .json = session->visitor.json,
        .position = session->position,
        .wall_ms = ctx_wall_ms(ctx),
        .chance = ctx_random(ctx),
    };
    bool *named = arena_new(ctx_arena(ctx), body->n_changes + 1);
    for (size_t i = 0; i < body->n_changes; i++)
        named[i] = body->changes[i].id && body->changes[i].id[0];
    sent_changes_complete(body->changes, body->n_changes, &sender, ctx_arena(ctx));
    return sent_new(body->changes, named, body->n_changes, &sender);
}

void
uploads_take(session_t *session, ctx_t *ctx, const clt_send_changes_t *body,
             const char *request)
{
    sent_t *sent = remember(session, ctx, body, request);
    sent_t **end = &session->uploads;
    while (*end)
        end = &(*end)->next;
    *end = sent;
    for (size_t i = 0; i < body->n_changes; i++)
        ctx_step(ctx, STEP_received, body->changes[i].id, session->number);
    confirm_receipt(session, ctx, sent);
    session_charge_changes(session, ctx, body->n_changes);
    session_begin_request(session, ctx);
    REQUEST(ctx, "client-changes", session->number, client_changes, .session = session->number,
            .client_id = session->visitor.client_id, .changes = body->changes,
            .n_changes = body->n_changes, .user = session->visitor.identity.user);
}

/*  ------------------------------------------------------------------------ answering  */

static bool
is_applied(const verdict_t *verdict)
{
    const char *word = verdict->first ? verdict->first : verdict->verdict;
    return strcmp(word, "applied") == 0 || strcmp(word, "merged") == 0;
}

static void
send_verdicts(session_t *session, ctx_t *ctx, const verdict_t *verdicts,
              const struct sent_change *changes, size_t n)
{
    const char **applied = arena_new(ctx_arena(ctx), (n + 1) * sizeof *applied);
    verdict_t *results = arena_new(ctx_arena(ctx), (n + 1) * sizeof *results);
    const char *error = NULL;
    size_t n_applied = 0;
    for (size_t i = 0; i < n; i++) {
        const verdict_t *verdict = &verdicts[i];
        results[i] = *verdict;
        results[i].id = changes[i].name;
        if (is_applied(verdict))
            applied[n_applied++] = changes[i].row_id;
        else if (error == NULL)
            error = verdict->message ? verdict->message : verdict->verdict;
    }
    TELL(session, ctx, srv_changes_applied, .applied_changes = applied,
         .n_applied_changes = n_applied, .success = error == NULL, .error = error,
         .results = results, .n_results = n);
    for (size_t i = 0; i < n; i++)
        ctx_step(ctx, STEP_answered, verdicts[i].id, session->number);
}

/*  How many of them go into one frame: rows given back may be far larger than the changes.  */
static size_t
count_fitting(const verdict_t *verdicts, size_t n, size_t max_bytes)
{
    size_t bytes = 0;
    size_t fitting = 0;
    while (fitting < n && (fitting == 0 || bytes + verdicts[fitting].row.size <= max_bytes))
        bytes += verdicts[fitting++].row.size;
    return fitting;
}

static void
send_all(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts, const sent_t *sent)
{
    const settings_t *settings = ctx_settings(ctx);
    const size_t max_bytes = (size_t) settings->stream_frame_bytes;
    size_t done = 0;
    do {
        const verdict_t *rest = &verdicts->verdicts[done];
        const size_t n = count_fitting(rest, verdicts->n_verdicts - done, max_bytes);
        send_verdicts(session, ctx, rest, &sent->changes[done], n);
        done += n;
    } while (done < verdicts->n_verdicts);
}

/*  ----------------------------------------------------------------------- what differs  */

static void
show(session_t *session, ctx_t *ctx, server_change_t *change)
{
    sequence_t place = {.chunk = 1, .total = 1};
    TELL(session, ctx, srv_live_changes, .changes = change, .n_changes = 1,
         .last_lsn = session->sent, .sequence = &place);
}

static bool
is_same_row(const held_t *held, const char *table, bytes_t row)
{
    value_t ours;
    value_t theirs;
    return strcmp(table, held->change.table) == 0 && row_find(held->key, "id", &ours)
           && row_find(row, "id", &theirs) && value_equal(&ours, &theirs);
}

static void
drop(session_t *session, held_t **at)
{
    held_t *held = *at;
    *at = held->next;
    session->n_held--;
    session->held_bytes -= held->change.data.size;
    held_destroy(&held);
}

static void
drop_row(session_t *session, const char *table, bytes_t row)
{
    held_t **at = &session->held;
    while (*at && !is_same_row(*at, table, row))
        at = &(*at)->next;
    if (*at)
        drop(session, at);
}

void
uploads_forget_held(session_t *session)
{
    while (session->held)
        drop(session, &session->held);
}

/*  One of each row. Whoever sends and sends but takes nothing of its catch-up must not fill our
    memory: a snapshot has all of them.  */
static void
hold(session_t *session, ctx_t *ctx, const server_change_t *change, bytes_t key)
{
    drop_row(session, change->table, key);
    if (session->n_held == HELD || session->held_bytes + change->data.size > HELD_BYTES) {
        uploads_forget_held(session);
        session_begin_anew(session, ctx, "too_many_conflicts");
        return;
    }
    held_t *held = mem_new(sizeof *held);
    held->change = *change;
    held->change.table = arena_text(&held->arena, change->table);
    held->change.data = arena_bytes(&held->arena, change->data);
    held->key = arena_bytes(&held->arena, key);
    held->next = session->held;
    session->held = held;
    session->n_held++;
    session->held_bytes += change->data.size;
}

static bool
is_overtaken(const held_t *held, const server_change_t *change)
{
    return change->lsn > held->change.lsn && is_same_row(held, change->table, change->data);
}

void
uploads_overtake(session_t *session, const server_change_t *changes, size_t n)
{
    held_t **at = &session->held;
    while (*at) {
        held_t *held = *at;
        size_t i = 0;
        while (i < n && !is_overtaken(held, &changes[i]))
            i++;
        if (i == n) {
            at = &held->next;
            continue;
        }
        drop(session, at);
    }
}

void
uploads_show_held(session_t *session, ctx_t *ctx)
{
    while (session->held) {
        show(session, ctx, &session->held->change);
        drop(session, &session->held);
    }
}

/*  A client of the JSON encoding does not know of the row in a result: it gets a live change.
    What it wrote itself comes with the others while it catches up, unless it is newer than
    that; a row that won may be older than where it began, or than its page of a snapshot.  */
static void
show_row(session_t *session, ctx_t *ctx, const struct sent_change *sent,
         const verdict_t *verdict)
{
    const bool gone = verdict->row.size == 0;
    server_change_t change = {
        .table = sent->table,
        .operation = gone            ? "delete"
                     : sent->deletes ? "insert"
                                     : "update",
        .data = gone ? sent->key : verdict->row,
        .lsn = verdict->lsn,
    };
    change.updated_at = sent_changes_time(change.data, ctx_wall_ms(ctx));
    if (session->live)
        show(session, ctx, &change);
    else if (strcmp(verdict->verdict, "applied") == 0)
        session->missed = verdict->lsn > session->missed ? verdict->lsn : session->missed;
    else
        hold(session, ctx, &change, sent->key);
}

static bool
is_other_than_sent(const struct sent_change *sent, const verdict_t *verdict)
{
    const bool gone = verdict->row.size == 0 && sent->key.size > 0 && !sent->deletes;
    if (!is_applied(verdict))
        return false;
    return verdict->row.size > 0 || (gone && strcmp(verdict->verdict, "merged") == 0);
}

static void
show_rows(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts, const sent_t *sent)
{
    for (size_t i = 0; i < verdicts->n_verdicts; i++)
        if (is_other_than_sent(&sent->changes[i], &verdicts->verdicts[i]))
            show_row(session, ctx, &sent->changes[i], &verdicts->verdicts[i]);
}

/*  Requests of a session are answered in the order asked; one that came to nothing closes
    it.  */
void
uploads_answer(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts)
{
    sent_t *sent = session->uploads;
    if (sent == NULL || sent->n != verdicts->n_verdicts) {
        session_close(session, ctx, 1011, "The server has trouble: try again");
        return;
    }
    session->uploads = sent->next;
    session->answering = sent->message_id;
    send_all(session, ctx, verdicts, sent);
    session->answering = NULL;
    if (session->visitor.json)
        show_rows(session, ctx, verdicts, sent);
    sent_destroy(&sent);
}

bool
uploads_are_put_off(const client_verdicts_t *verdicts)
{
    for (size_t i = 0; i < verdicts->n_verdicts; i++)
        if (strcmp(verdicts->verdicts[i].verdict, "retry") == 0)
            return true;
    return false;
}
