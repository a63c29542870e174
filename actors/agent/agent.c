/*  The actors of an agent. Each starts after those it asks.  */

#include "actors/agent/actors.h"
#include "actors/common/actors.h"

const actor_class_t *const agent_actors[] = {
    &logger,    &system_actor, &plugins,     &checkpointer,  &recorder,
    &processor, &row_handlers, &lsn_manager, &retry_manager, &connection_manager,
    &service,   &monitor,      NULL,
};
