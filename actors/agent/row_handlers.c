/*  row-handlers - asks plug-ins about the server's changes before they are written.

    Hears  server_schema, server_changes  from lsn-manager, where the config gives a table a
                                          plug-in (tables.NAME.plugin);
           rows_handled                   from plug-ins; changes_applied from processor.
    Says   rows_handle to plug-ins; server_schema, server_changes on to processor, in the order
           they came, with the plug-ins' decisions in them; changes_applied back.

    Several stretches may be under way to plug-ins at a time, but none passes one before it. A
    plug-in that does not answer, or not for each row, stops the stream: its stretch is refused
   and all that follows it, until a connection begins anew. So a change is written as the
   plug-in wants it or not at all.  */

#include "actors/agent/actors.h"
#include "actors/agent/tickets.h"
#include "actors/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*  What one plug-in was asked about one stretch.  */
typedef struct question {
    struct question *next;
    const char *plugin;
    uint64_t token;
    size_t *places; /* of the changes, in the stretch */
    size_t n;
} question_t;

/*  A stretch on its way through. All of it is in its arena.  */
typedef struct passing {
    struct passing *next;
    arena_t arena;
    message_id_t message;
    void *body;
    uint64_t token; /* of its ticket */
    question_t *questions;
    size_t n_open;       /* questions without an answer */
    const char *failure; /* a plug-in's; NULL: none */
} passing_t;

typedef struct row_handlers {
    tickets_t tickets;
    passing_t *first, **last; /* in the order they came */
    uint64_t last_question;
    bool broken; /* a stretch was refused */
} row_handlers_t;

static err_t
start(void *state, ctx_t *ctx)
{
    row_handlers_t *self = state;
    (void) ctx;
    self->last = &self->first;
    return OK;
}

/*  ------------------------------------------------------------------------- passing on  */

static void
passing_destroy(passing_t **self_p)
{
    arena_t arena = (*self_p)->arena;
    arena_release(&arena);
    free(*self_p);
    *self_p = NULL;
}

static passing_t *
take_first(row_handlers_t *self)
{
    passing_t *passing = self->first;
    self->first = passing->next;
    if (self->first == NULL)
        self->last = &self->first;
    return passing;
}

/*  A connection begins with the schema, a snapshot stands for itself.  */
static bool
begins_anew(message_id_t message, const void *body)
{
    return message == MSG_server_schema
           || strcmp(((const server_changes_t *) body)->phase, "snapshot_begin") == 0;
}

static void
refuse(row_handlers_t *self, ctx_t *ctx, uint64_t token, const char *why)
{
    ticket_t ticket;
    self->broken = true;
    if (tickets_take(&self->tickets, token, &ticket))
        ctx_answer_error(ctx, &ticket, ERR_REFUSED, why);
}

static void
pass(row_handlers_t *self, ctx_t *ctx, const passing_t *passing)
{
    self->broken = self->broken && !begins_anew(passing->message, passing->body);
    if (passing->failure != NULL)
        refuse(self, ctx, passing->token, passing->failure);
    else if (self->broken)
        refuse(self, ctx, passing->token, "what came before it was refused");
    else
        ctx_request(ctx, "processor", passing->message, passing->body, passing->token, 0);
}

static void
pass_what_is_ready(row_handlers_t *self, ctx_t *ctx)
{
    while (self->first != NULL && self->first->n_open == 0) {
        passing_t *passing = take_first(self);
        pass(self, ctx, passing);
        passing_destroy(&passing);
    }
}

/*  --------------------------------------------------------------------------- asking  */

/*  The body of a message lives as long as its round; this one may have to wait longer.  */
static passing_t *
keep(row_handlers_t *self, ctx_t *ctx, message_id_t message, const void *body)
{
    buffer_t packed = {0};
    passing_t *passing = mem_new(sizeof *passing);
    passing->message = message;
    passing->body = arena_new(&passing->arena, schema_of(message)->size);
    passing->token = tickets_keep(&self->tickets, ctx);
    message_pack(message, body, &packed);
    const bytes_t bytes = arena_bytes(&passing->arena, buffer_bytes(&packed));
    const err_t err = message_unpack(message, bytes, &passing->arena, passing->body, NULL);
    assert(err == OK);
    (void) err;
    buffer_release(&packed);
    *self->last = passing;
    self->last = &passing->next;
    return passing;
}

static question_t *
question_to(passing_t *passing, const char *plugin, size_t most)
{
    for (question_t *each = passing->questions; each != NULL; each = each->next)
        if (strcmp(each->plugin, plugin) == 0)
            return each;
    question_t *question = arena_new(&passing->arena, sizeof *question);
    question->plugin = plugin;
    question->places = arena_new(&passing->arena, most * sizeof *question->places);
    question->next = passing->questions;
    passing->questions = question;
    passing->n_open++;
    return question;
}

static const char *
plugin_of(const settings_t *settings, const char *table)
{
    return settings_of_table(settings, table)->tables_plugin;
}

static void
ask(row_handlers_t *self, ctx_t *ctx, const passing_t *passing, question_t *question)
{
    const server_changes_t *stretch = passing->body;
    server_change_t *changes = arena_new(ctx_arena(ctx), question->n * sizeof *changes);
    for (size_t i = 0; i < question->n; i++)
        changes[i] = stretch->changes[question->places[i]];
    question->token = ++self->last_question;
    REQUEST(ctx, question->plugin, question->token, rows_handle, .changes = changes,
            .n_changes = question->n);
}

static void
ask_plugins(row_handlers_t *self, ctx_t *ctx, passing_t *passing)
{
    const settings_t *settings = ctx_settings(ctx);
    server_changes_t *stretch = passing->body;
    stretch->decisions =
        arena_new(&passing->arena, (stretch->n_changes + 1) * sizeof *stretch->decisions);
    stretch->n_decisions = stretch->n_changes;
    for (size_t i = 0; i < stretch->n_changes; i++) {
        const char *plugin = plugin_of(settings, stretch->changes[i].table);
        if (plugin[0] == '\0')
            continue;
        question_t *question = question_to(passing, plugin, stretch->n_changes);
        question->places[question->n++] = i;
    }
    for (question_t *each = passing->questions; each != NULL; each = each->next)
        ask(self, ctx, passing, each);
}

/*  --------------------------------------------------------------------- from lsn-manager  */

static err_t
on_server_schema(void *state, ctx_t *ctx, const void *body)
{
    keep(state, ctx, MSG_server_schema, body);
    pass_what_is_ready(state, ctx);
    return OK;
}

static err_t
on_server_changes(void *state, ctx_t *ctx, const void *body)
{
    ask_plugins(state, ctx, keep(state, ctx, MSG_server_changes, body));
    pass_what_is_ready(state, ctx);
    return OK;
}

/*  -------------------------------------------------------------------------- answers  */

static question_t *
find_question(row_handlers_t *self, uint64_t token, passing_t **passing)
{
    for (*passing = self->first; *passing != NULL; *passing = (*passing)->next)
        for (question_t *each = (*passing)->questions; each != NULL; each = each->next)
            if (each->token == token)
                return each;
    return NULL;
}

static void
fail(passing_t *passing, const question_t *question, const char *why)
{
    char *text = mem_format("plug-in %s: %s", question->plugin, why);
    passing->failure = arena_text(&passing->arena, text);
    free(text);
}

static void
take_decisions(passing_t *passing, const question_t *question, const rows_handled_t *answer)
{
    server_changes_t *stretch = passing->body;
    if (answer->n_decisions != question->n) {
        fail(passing, question, "it did not decide about each row that it was asked about");
        return;
    }
    for (size_t i = 0; i < question->n; i++) {
        row_decision_t *decision = &stretch->decisions[question->places[i]];
        decision->data = arena_bytes(&passing->arena, answer->decisions[i].data);
        if (answer->decisions[i].skip != NULL)
            decision->skip = arena_text(&passing->arena, answer->decisions[i].skip);
    }
}

static err_t
on_rows_handled(void *state, ctx_t *ctx, const void *body)
{
    row_handlers_t *self = state;
    passing_t *passing;
    const question_t *question = find_question(self, ctx_token(ctx), &passing);
    if (question == NULL)
        return OK;
    take_decisions(passing, question, body);
    passing->n_open--;
    pass_what_is_ready(self, ctx);
    return OK;
}

static err_t
on_changes_applied(void *state, ctx_t *ctx, const void *body)
{
    row_handlers_t *self = state;
    ticket_t ticket;
    if (tickets_take(&self->tickets, ctx_token(ctx), &ticket))
        ctx_answer(ctx, &ticket, MSG_changes_applied, body);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    row_handlers_t *self = state;
    ticket_t ticket;
    passing_t *passing;
    if (failure->request != MSG_rows_handle) {
        if (tickets_take(&self->tickets, failure->token, &ticket))
            ctx_answer_error(ctx, &ticket, failure->err, failure->text);
        return OK;
    }
    const question_t *question = find_question(self, failure->token, &passing);
    if (question != NULL) {
        fail(passing, question, failure->text);
        passing->n_open--;
    }
    pass_what_is_ready(self, ctx);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    row_handlers_t *self = state;
    (void) ctx;
    while (self->first != NULL) {
        passing_t *passing = take_first(self);
        passing_destroy(&passing);
    }
    tickets_release(&self->tickets);
}

static const edge_t sends[] = {
    {"processor", MSG_server_schema},
    {"processor", MSG_server_changes},
    {ANY_TAKER, MSG_rows_handle},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_server_schema] = on_server_schema,
    [MSG_server_changes] = on_server_changes,
    [MSG_rows_handled] = on_rows_handled,
    [MSG_changes_applied] = on_changes_applied,
};

const actor_class_t row_handlers = {
    .name = "row-handlers",
    .summary = "asks plug-ins about the server's changes before they are written",
    .state_size = sizeof(row_handlers_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .stop = stop,
};
