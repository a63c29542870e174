/*  asking - questions to the actor `system` of a running agent or server.  */

#pragma once

#include "tools/join.h"

/*  Joins the process that runs in run_dir (NULL: the default one). NULL after a complaint if
    nobody answers.  */
ipc_client_t *asking_join(const char *run_dir);
/*  The same, quietly.  */
ipc_client_t *asking_try(const char *run_dir, fault_t *fault);

/*  An answer that stays until it is released, or asked for again.  */
typedef struct kept {
    arena_t arena;
    buffer_t packed;
    void *body;
} kept_t;
void kept_release(kept_t *self);

CHECKED err_t asking_ask(ipc_client_t *client, const question_t *question, kept_t *into,
                         fault_t *fault);

/*  Joins, asks and leaves again; false after a complaint.  */
bool asking_once(const char *run_dir, const question_t *question, kept_t *into);
/*  Asks; false after a complaint.  */
bool asking_say(ipc_client_t *client, const question_t *question, kept_t *into);
/*  Lets time pass, as a member of the bus; false after a complaint: the process is gone.  */
bool asking_wait(ipc_client_t *client, uint64_t ms);
