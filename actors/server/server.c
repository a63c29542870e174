#include "actors/server/actors.h"

#include "actors/common/actors.h"

const actor_class_t *const server_actors[] = {
    &logger,     &system_actor, &plugins,  &checkpointer, &client_changes,
    &replicator, &distributor,  &listener, &monitor,      NULL,
};
