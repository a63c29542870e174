#include "actors/server/actors.h"

#include "actors/common/actors.h"

/*  Whoever makes the file that the others read comes before them: client-changes on SQLite, the
    replicator on PostgreSQL.  */
const actor_class_t *const server_actors[] = {
    &logger,
    &system_actor,
    &plugins,
    &checkpointer,
    &postgres_replicator,
    &client_changes,
    &replicator,
    &distributor,
    &listener,
    &monitor,
    NULL,
};
