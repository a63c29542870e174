#include "actors/common/monitor/views.h"

#include "actors/common/monitor/exposition.h"
#include "actors/common/monitor/health.h"
#include "actors/common/query.h"
#include "schemas/fields.h"

#include <string.h>

/*  ----------------------------------------------------------------------- questions  */

static bool
read_changes(const char *query, arena_t *arena, const void **body)
{
    enum { FILTER_ROOM = 16 };
    static const char *const filters[] = {"all", "pending", "failed", "parked"};
    char filter[FILTER_ROOM];
    changes_list_t *question = arena_new(arena, sizeof *question);
    if (!query_read(query, "filter", filter, sizeof filter)
        || !query_read_number(query, "after", &question->after)
        || !query_read_number(query, "limit", &question->limit))
        return false;
    *body = question;
    for (size_t i = 0; i < COUNT_OF(filters) && question->filter == NULL; i++)
        if (filter[0] == '\0' || strcmp(filters[i], filter) == 0)
            question->filter = filters[i];
    return question->filter != NULL;
}

static bool
read_change(const char *query, arena_t *arena, const void **body)
{
    enum { ID_ROOM = 256 };
    char id[ID_ROOM];
    change_get_t *question = arena_new(arena, sizeof *question);
    if (!query_read(query, "id", id, sizeof id) || id[0] == '\0')
        return false;
    question->id = arena_text(arena, id);
    *body = question;
    return true;
}

static bool
read_letters(const char *query, arena_t *arena, const void **body)
{
    dead_letters_get_t *question = arena_new(arena, sizeof *question);
    *body = question;
    return query_read_number(query, "after", &question->after)
           && query_read_number(query, "limit", &question->limit);
}

static bool
read_rejected(const char *query, arena_t *arena, const void **body)
{
    rejected_get_t *question = arena_new(arena, sizeof *question);
    *body = question;
    return query_read_number(query, "after", &question->after)
           && query_read_number(query, "limit", &question->limit);
}

/*  ------------------------------------------------------------------------- answers  */

/*  The message as it is.  */
static int
write_message(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    (void) self;
    (void) ctx;
    fields_to_json(id, body, true, out);
    return 200;
}

void
view_note_identity(monitor_t *self, const tree_t *tree)
{
    const process_info_t info = {
        .role = tree->role,
        .version = tree->version,
        .pid = tree->pid,
        .started = tree->started,
        .run_dir = tree->run_dir,
        .monitor = self->address,
    };
    buffer_clear(&self->identity);
    fields_to_json(MSG_process_info, &info, true, &self->identity);
}

static int
write_state(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    (void) ctx;
    buffer_add(out, self->identity.data, self->identity.size);
    buffer_add_text(out, self->role == ROLE_agent ? ",\"status\":{" : ",\"server\":{");
    fields_to_json(id, body, true, out);
    buffer_add_text(out, "}");
    return 200;
}

static int
write_metrics(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    (void) ctx;
    (void) id;
    exposition_write(body, self->role == ROLE_agent ? "agent" : "server", out);
    return 200;
}

static int
write_health(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    const settings_t *settings = ctx_settings(ctx);
    (void) self;
    (void) id;
    return health_write(body, (uint64_t) settings->tap_stuck_ms, out) ? 200 : 503;
}

/*  Whoever answers this has its database at hand.  */
static int
write_ready(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    (void) ctx;
    (void) id;
    if (self->role == ROLE_server)
        return health_write_database(body, out) ? 200 : 503;
    health_write_connection(body, out);
    return 200;
}

/*  -------------------------------------------------------------------------- table  */

static const clients_get_t briefly = {.brief = true};

#define ASK_SYSTEM(question)                                                                   \
    {                                                                                          \
        {"system", MSG_##question, NULL},                                                      \
        {                                                                                      \
            "system", MSG_##question, NULL                                                     \
        }                                                                                      \
    }
#define ASK_AGENT(question)                                                                    \
    {                                                                                          \
        [ROLE_agent] = { "service", MSG_##question, NULL }                                     \
    }
#define ASK_SERVER(actor, question)                                                            \
    {                                                                                          \
        [ROLE_server] = { actor, MSG_##question, NULL }                                        \
    }
#define ASK_STATE                                                                              \
    {                                                                                          \
        [ROLE_agent] = {"service", MSG_status_get, NULL}, [ROLE_server] = {                    \
            "listener",                                                                        \
            MSG_clients_get,                                                                   \
            &briefly                                                                           \
        }                                                                                      \
    }

const view_t view_state = {
    .path = "/api/state",
    .questions = ASK_STATE,
    .write = write_state,
    .with_identity = true,
    .event = "state",
};

const view_t view_stats = {
    .path = "/api/stats",
    .questions = ASK_SYSTEM(stats_get),
    .write = write_message,
    .event = "stats",
};

const view_t view_act = {.questions = ASK_AGENT(act), .write = write_message};

static const view_t others[] = {
    {.path = "/api/tree", .questions = ASK_SYSTEM(tree_get), .write = write_message},
    {.path = "/api/changes",
     .questions = ASK_AGENT(changes_list),
     .read = read_changes,
     .write = write_message},
    {.path = "/api/change",
     .questions = ASK_AGENT(change_get),
     .read = read_change,
     .write = write_message},
    {.path = "/api/deadletters",
     .questions = ASK_SYSTEM(dead_letters_get),
     .read = read_letters,
     .write = write_message},
    {.path = "/api/clients",
     .questions = ASK_SERVER("listener", clients_get),
     .write = write_message},
    {.path = "/api/rejected",
     .questions = ASK_SERVER("distributor", rejected_get),
     .read = read_rejected,
     .write = write_message},
    {.path = "/metrics",
     .questions = ASK_SYSTEM(stats_get),
     .write = write_metrics,
     .is_text = true},
    {.path = "/healthz",
     .questions = ASK_SYSTEM(stats_get),
     .write = write_health,
     .is_text = true,
     .is_open = true},
    {.path = "/readyz",
     .questions = ASK_STATE,
     .write = write_ready,
     .is_text = true,
     .is_open = true},
};

static bool
is_at(const view_t *view, role_t role, const char *path)
{
    return strcmp(view->path, path) == 0 && view->questions[role].to != NULL;
}

const view_t *
view_find(role_t role, const char *path)
{
    static const view_t *const first[] = {&view_state, &view_stats};
    for (size_t i = 0; i < COUNT_OF(first); i++)
        if (is_at(first[i], role, path))
            return first[i];
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (is_at(&others[i], role, path))
            return &others[i];
    return NULL;
}
