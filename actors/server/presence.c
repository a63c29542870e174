#include "actors/server/presence.h"

#include "actors/settings.h"

static const char *
state_of(const session_t *session)
{
    if (session->live)
        return "live";
    if (!session->opened)
        return "opening";
    return session->snapshot_lsn != 0 ? "snapshot" : "catchup";
}

/*  Clients of the JSON encoding need not acknowledge what they get live.  */
static uint64_t
position_of(const session_t *session)
{
    if (session->visitor.json && session->live)
        return session->sent;
    return session->position;
}

static client_info_t
describe(const session_t *session, ctx_t *ctx, uint64_t head)
{
    const uint64_t position = position_of(session);
    return (client_info_t){
        .client_id = session->visitor.client_id,
        .user = session->visitor.identity.user,
        .address = session->visitor.peer,
        .encoding = session->visitor.json ? "json" : "msgpack",
        .state = state_of(session),
        .connected = true,
        .lsn = position,
        .lag = head > position ? head - position : 0,
        .since = ctx_wall_ms(ctx) - (int64_t) (ctx_now_ms(ctx) - session->since_ms),
        .queued = net_queued(ctx, session->conn),
    };
}

static void
list_clients(const sessions_t *sessions, ctx_t *ctx, clients_list_t *list)
{
    list->clients = arena_new(ctx_arena(ctx), (sessions->n + 1) * sizeof *list->clients);
    for (size_t i = 0; i < sessions->n; i++) {
        const session_t *session = sessions->items[i];
        if (session->conn != 0 && !session->closing)
            list->clients[list->n_clients++] = describe(session, ctx, list->lsn);
    }
}

void
presence_tell(ctx_t *ctx, const api_facts_t *facts, const char *address,
              const clients_get_t *request)
{
    const settings_t *settings = ctx_settings(ctx);
    clients_list_t list = {
        .count = sessions_count_open(facts->sessions),
        .listen = address,
        .lsn = facts->head,
        .epoch = facts->epoch,
        .refused = facts->refused,
        .trouble = facts->trouble[0] != '\0' ? facts->trouble : NULL,
        .since = facts->trouble_since,
        .reading = facts->reading,
        .db = settings_database(settings, ctx_arena(ctx)),
    };
    if (!request->brief)
        list_clients(facts->sessions, ctx, &list);
    ctx_reply(ctx, MSG_clients_list, &list);
}
