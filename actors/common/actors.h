/*  Actors that both sides run.  */

#pragma once

#include "runtime/actor.h"

/*  logger.c: writes log_line, error and actor_state events, one structured line each.  */
extern const actor_class_t logger;

/*  system.c: tells what the process knows of itself.  */
extern const actor_class_t system_actor;

/*  monitor.c: the page for people, and /metrics for Prometheus.  */
extern const actor_class_t monitor;

/*  plugins.c: lets plug-ins come and go.  */
extern const actor_class_t plugins;

/*  checkpointer.c: the only one in the process that checkpoints the database, when a
    wal_grown hint says that it is due. Which database: the `agent.db` or `server.db`
    setting, whichever is set.  */
extern const actor_class_t checkpointer;
