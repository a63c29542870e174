/*  join - how a verb becomes part of a running agent's bus for a while.  */

#pragma once

#include "bus/ipc_client.h"
#include "tools/verb.h"

#include <stdio.h>

enum { JOIN_MS = 3000, ANSWER_MS = 60000 };

/*  The option every verb that joins has: {"run-dir", ...}.  */
#define RUN_DIR_RULE(into)                                                                     \
    {                                                                                          \
        "run-dir", OPTION_TEXT, into, 0, 0                                                     \
    }
/*  What the usage text says about it.  */
#define RUN_DIR_USAGE                                                                          \
    "  --run-dir DIR   where the agent can be joined; default $XDG_RUNTIME_DIR/waybill,\n"     \
    "                  else /tmp/waybill-UID\n"

/*  What a verb is told that asks something and has nothing to choose.  */
typedef struct joined {
    const char *run_dir;
    bool json;
} joined_t;
/*  --run-dir and --json, and low to high operands; as options_read().  */
bool joined_read(args_t *args, int low, int high, joined_t *joined, int *status);
/*  JSON that is an operand, or comes from standard input if that is `-`.  */
void read_operand(const char *operand, buffer_t *text);

/*  Joins the process that runs in run_dir (NULL: the default one), waiting timeout_ms for
    it. NULL after a complaint if nobody answers.  */
ipc_client_t *join(const verb_t *verb, const char *run_dir, int timeout_ms);

typedef struct question {
    message_id_t id;
    const void *body;
    message_id_t answer; /* what else comes is a fault */
} question_t;
/*  QUESTION(tree_get, tree) or QUESTION(..., .field = value, ...): a question_t.  */
#define QUESTION(name, reply, ...)                                                             \
    (&(const question_t){MSG_##name, &(name##_t){__VA_ARGS__}, MSG_##reply})

/*  Asks an actor and waits. NULL after a complaint if it refuses or is silent; the answer
    lives until the next call.  */
const void *ask_actor(ipc_client_t *client, const char *actor, const question_t *question);
/*  The same, with patience of one's own.  */
const void *ask_actor_for(ipc_client_t *client, const char *actor, const question_t *question,
                          int timeout_ms);
/*  Asks the actor `service` and waits. NULL after a complaint if it refuses or is silent;
    the answer lives until the next call.  */
const void *ask_service(ipc_client_t *client, message_id_t question, const void *body,
                        message_id_t answer);
/*  The same, with patience of one's own.  */
const void *ask_service_for(ipc_client_t *client, message_id_t question, const void *body,
                            message_id_t answer, int timeout_ms);
/*  A message as a line of JSON, secrets hidden.  */
void print_as_json(message_id_t id, const void *body);
/*  One event as a line: {"time": ..., "from": ..., "type": ..., "body": {...}} or as text.  */
void print_event(const ipc_heard_t *heard, bool json, FILE *out);
