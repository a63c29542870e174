#include "actors/common/monitor/health.h"

#include <inttypes.h>
#include <string.h>

bool
health_write(const stats_t *stats, uint64_t stuck_ms, buffer_t *out)
{
    const size_t before = out->size;
    for (size_t i = 0; i < stats->n_actors; i++) {
        const actor_stats_t *actor = &stats->actors[i];
        if (strcmp(actor->state, "failed") == 0)
            buffer_add_format(out, "%s was given up\n", actor->name);
        else if (actor->busy_ms >= stuck_ms)
            buffer_add_format(out, "%s is stuck: in %s for %" PRIu64 " s\n", actor->name,
                              actor->busy_with ? actor->busy_with : "a handler",
                              actor->busy_ms / 1000);
    }
    if (out->size > before)
        return false;
    buffer_add_text(out, "ok\n");
    return true;
}

void
health_write_connection(const status_t *status, buffer_t *out)
{
    static const char *const connected[] = {"initial", "catchup", "live"};
    bool is_connected = false;
    for (size_t i = 0; i < COUNT_OF(connected); i++)
        is_connected = is_connected || strcmp(status->state, connected[i]) == 0;
    buffer_add_format(out, "ready: changes are recorded\n%s to the server: %s\n",
                      is_connected ? "connected" : "not connected", status->state);
}

bool
health_write_database(const clients_list_t *server, buffer_t *out)
{
    buffer_add_text(out, server->reading ? "not ready: the database is still being read\n"
                                         : "ready: clients are accepted\n");
    if (server->trouble && server->trouble[0] != '\0')
        buffer_add_format(out, "out of reach of its database: %s\n", server->trouble);
    return !server->reading;
}
