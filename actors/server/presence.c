#include "actors/server/presence.h"

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

void
presence_list(const sessions_t *sessions, ctx_t *ctx, bool brief, clients_list_t *list)
{
    list->count = sessions_count_open(sessions);
    if (brief)
        return;
    list->clients = arena_new(ctx_arena(ctx), (sessions->n + 1) * sizeof *list->clients);
    for (size_t i = 0; i < sessions->n; i++) {
        const session_t *session = sessions->items[i];
        if (session->conn != 0 && !session->closing)
            list->clients[list->n_clients++] = describe(session, ctx, list->lsn);
    }
}
