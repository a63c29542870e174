/*  The actors of an agent, in start order. Each is described at the head of its source.  */

#pragma once

#include "runtime/actor.h"

extern const actor_class_t recorder;      /* recorder.c: outbox rows of local_changes */
extern const actor_class_t processor;     /* processor.c: applies what the server sends */
extern const actor_class_t row_handlers;  /* row_handlers.c: asks plug-ins about rows */
extern const actor_class_t lsn_manager;   /* lsn_manager.c: identity and position */
extern const actor_class_t retry_manager; /* retry_manager.c: when refused changes go again */
extern const actor_class_t connection_manager; /* connection_manager.c: the WebSocket */
extern const actor_class_t service;            /* service.c: what applications talk to */

/*  All of an agent's actors, logger and checkpointer among them, NULL-terminated.  */
extern const actor_class_t *const agent_actors[];
