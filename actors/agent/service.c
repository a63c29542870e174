/*  service - what applications and the command line talk to.

    Hears  write, changes_list, change_get, change_why,
           await_verdicts, act, status_get, connect, disconnect   from whoever joins;
           written, changes_page, change_found, change_reason,
           verdicts_awaited, acted, status                        as answers.
    Says   the same to recorder and connection-manager, and their answers back.

    It checks the form of what comes from outside, field by field, before anybody inside
    looks at it.  */

#include "actors/agent/actors.h"
#include "actors/agent/acts.h"
#include "actors/agent/tickets.h"
#include "actors/agent/waiters.h"
#include "schemas/row.h"

#include <string.h>

enum { MARGIN_MS = 5000 };

typedef struct service {
    tickets_t tickets;
} service_t;

/*  ----------------------------------------------------------------------- checking  */

typedef enum data_rule { DATA_UNKNOWN, DATA_NEEDED, DATA_FORBIDDEN } data_rule_t;

static const struct {
    const char *operation;
    data_rule_t data;
} rules[] = {
    {"insert", DATA_NEEDED},
    {"update", DATA_NEEDED},
    {"upsert", DATA_NEEDED},
    {"delete", DATA_FORBIDDEN},
};

static data_rule_t
rule_of(const char *operation)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcmp(rules[i].operation, operation) == 0)
            return rules[i].data;
    return DATA_UNKNOWN;
}

/*  A REQUIRED row that is missing is packed as an empty map, so no columns is no data.  */
static err_t
check_data(ctx_t *ctx, size_t i, const entry_t *entry, data_rule_t rule)
{
    fault_t fault = {0};
    const bool given = entry->data.size > 0 && row_read(entry->data).left > 0;
    if (rule == DATA_FORBIDDEN && given)
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes[%zu].data: a delete has none; leave it out", i);
    if (rule == DATA_NEEDED && entry->data.size == 0)
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes[%zu].data: it is missing; give the columns to set", i);
    if (given && row_check(entry->data, &fault) != OK)
        return ctx_refuse(ctx, ERR_INVALID_CHANGE, "changes[%zu].data: %s", i, fault.text);
    return OK;
}

static err_t
check_entry(ctx_t *ctx, size_t i, const entry_t *entry)
{
    const data_rule_t rule = rule_of(entry->operation);
    if (entry->table[0] == '\0')
        return ctx_refuse(ctx, ERR_INVALID_CHANGE, "changes[%zu].table: it is empty", i);
    if (rule == DATA_UNKNOWN)
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes[%zu].operation: \"%.40s\": it must be insert, update, delete"
                          " or upsert",
                          i, entry->operation);
    if (entry->id[0] == '\0')
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes[%zu].id: it is empty; give the row's primary key", i);
    if (entry->change != NULL && entry->change[0] != '\0' && !uuid_is_text(entry->change))
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes[%zu].change: \"%.40s\" is no UUID in small letters; leave it"
                          " out, and one is made",
                          i, entry->change);
    return check_data(ctx, i, entry, rule);
}

static err_t
check_write(ctx_t *ctx, const write_t *write)
{
    err_t err = OK;
    if (write->n_changes == 0)
        err = ctx_refuse(ctx, ERR_INVALID_CHANGE, "changes: there are none; give at least one");
    for (size_t i = 0; err == OK && i < write->n_changes; i++)
        err = check_entry(ctx, i, &write->changes[i]);
    return err;
}

/*  --------------------------------------------------------------------- passing on  */

static err_t
on_write(void *state, ctx_t *ctx, const void *body)
{
    service_t *self = state;
    const err_t err = check_write(ctx, body);
    if (err == OK)
        ctx_request(ctx, "recorder", MSG_write, body, tickets_keep(&self->tickets, ctx), 0);
    return err;
}

static err_t
ask_recorder(service_t *self, ctx_t *ctx, message_id_t id, const void *body,
             uint32_t timeout_ms)
{
    ctx_request(ctx, "recorder", id, body, tickets_keep(&self->tickets, ctx), timeout_ms);
    return OK;
}

static err_t
on_changes_list(void *state, ctx_t *ctx, const void *body)
{
    return ask_recorder(state, ctx, MSG_changes_list, body, 0);
}

static err_t
on_change_get(void *state, ctx_t *ctx, const void *body)
{
    return ask_recorder(state, ctx, MSG_change_get, body, 0);
}

static err_t
on_act(void *state, ctx_t *ctx, const void *body)
{
    fault_t fault = {0};
    if (acts_check(body, &fault) != OK)
        return ctx_refuse(ctx, fault.err, "%s", fault.text);
    return ask_recorder(state, ctx, MSG_act, body, 0);
}

/*  The recorder answers in time; the margin is for the way.  */
static err_t
on_await_verdicts(void *state, ctx_t *ctx, const void *body)
{
    const await_verdicts_t *request = body;
    const uint32_t timeout = request->timeout_ms < LONGEST_WAIT_MS
                                 ? (uint32_t) request->timeout_ms
                                 : LONGEST_WAIT_MS;
    return ask_recorder(state, ctx, MSG_await_verdicts, body,
                        (timeout ? timeout : USUAL_WAIT_MS) + MARGIN_MS);
}

static err_t
on_status_get(void *state, ctx_t *ctx, const void *body)
{
    service_t *self = state;
    ctx_request(ctx, "connection-manager", MSG_status_get, body,
                tickets_keep(&self->tickets, ctx), 0);
    return OK;
}

static err_t
on_connect(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    ctx_send(ctx, "connection-manager", MSG_connect, body);
    return OK;
}

static err_t
on_disconnect(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    ctx_send(ctx, "connection-manager", MSG_disconnect, body);
    return OK;
}

/*  ---------------------------------------------------------------------------- why  */

/*  In tokens of questions that are about a reason, and take two steps.  */
#define WHY (UINT64_C(1) << 63)

static err_t
on_change_why(void *state, ctx_t *ctx, const void *body)
{
    service_t *self = state;
    const change_why_t *question = body;
    REQUEST(ctx, "recorder", tickets_keep(&self->tickets, ctx) | WHY, change_get,
            .id = question->id);
    return OK;
}

/*  What it is about does not matter.  */
static void
ask_connection(ctx_t *ctx, const change_found_t *found)
{
    change_row_t change = {0};
    if (found->n_changes > 0)
        change = found->changes[0];
    change.data = change.old_data = change.metadata = NULL;
    REQUEST(ctx, "connection-manager", ctx_token(ctx), upload_why, .id = found->id,
            .changes = &change, .n_changes = found->n_changes, .holder = found->holder);
}

/*  ------------------------------------------------------------------------ answers  */

static err_t
answer(service_t *self, ctx_t *ctx, message_id_t id, const void *body)
{
    ticket_t ticket;
    if (tickets_take(&self->tickets, ctx_token(ctx) & ~WHY, &ticket))
        ctx_answer(ctx, &ticket, id, body);
    return OK;
}

static err_t
on_written(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_written, body);
}

static err_t
on_changes_page(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_changes_page, body);
}

static err_t
on_change_found(void *state, ctx_t *ctx, const void *body)
{
    if ((ctx_token(ctx) & WHY) == 0)
        return answer(state, ctx, MSG_change_found, body);
    ask_connection(ctx, body);
    return OK;
}

static err_t
on_change_reason(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_change_reason, body);
}

static err_t
on_verdicts_awaited(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_verdicts_awaited, body);
}

static err_t
on_acted(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_acted, body);
}

static err_t
on_status(void *state, ctx_t *ctx, const void *body)
{
    return answer(state, ctx, MSG_status, body);
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    service_t *self = state;
    ticket_t ticket;
    if (tickets_take(&self->tickets, failure->token & ~WHY, &ticket))
        ctx_answer_error(ctx, &ticket, failure->err, failure->text);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    service_t *self = state;
    (void) ctx;
    tickets_release(&self->tickets);
}

static const edge_t sends[] = {
    {"recorder", MSG_write},
    {"recorder", MSG_changes_list},
    {"recorder", MSG_change_get},
    {"recorder", MSG_await_verdicts},
    {"recorder", MSG_act},
    {"connection-manager", MSG_status_get},
    {"connection-manager", MSG_upload_why},
    {"connection-manager", MSG_connect},
    {"connection-manager", MSG_disconnect},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_write] = on_write,
    [MSG_changes_list] = on_changes_list,
    [MSG_change_get] = on_change_get,
    [MSG_change_why] = on_change_why,
    [MSG_change_reason] = on_change_reason,
    [MSG_await_verdicts] = on_await_verdicts,
    [MSG_act] = on_act,
    [MSG_status_get] = on_status_get,
    [MSG_connect] = on_connect,
    [MSG_disconnect] = on_disconnect,
    [MSG_written] = on_written,
    [MSG_changes_page] = on_changes_page,
    [MSG_change_found] = on_change_found,
    [MSG_verdicts_awaited] = on_verdicts_awaited,
    [MSG_acted] = on_acted,
    [MSG_status] = on_status,
};

static const char *const offers[] = {
    "write", "changes_list", "change_get", "change_why", "await_verdicts",
    "act",   "status_get",   "connect",    "disconnect", NULL};

const actor_class_t service = {
    .name = "service",
    .summary = "what applications and the command line talk to",
    .state_size = sizeof(service_t),
    .sends = sends,
    .offers = offers,
    .handlers = handlers,
    .on_error = on_error,
    .stop = stop,
};
