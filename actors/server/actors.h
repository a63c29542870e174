/*  The actors of a server, in start order. Each is described at the head of its source.  */

#pragma once

#include "runtime/actor.h"

extern const actor_class_t client_changes; /* client_changes/handler.c: judges and applies */
extern const actor_class_t replicator;     /* replicator.c: reads what was committed */
extern const actor_class_t postgres_replicator; /* postgres/replicator.c: the same, there */
extern const actor_class_t distributor;         /* distributor.c: a stream for each client */
extern const actor_class_t listener;            /* listener.c: WebSocket sessions */

/*  All of a server's actors, logger and checkpointer among them, NULL-terminated. Of the two
    replicators each is wanted with its kind of database.  */
extern const actor_class_t *const server_actors[];
