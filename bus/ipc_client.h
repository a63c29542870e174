/*  ipc_client - how another process joins the bus.

    Connects to bus.sock of a run directory, says HELLO, and is then an actor named
    "ipc/NAME". What it sends is numbered, kept until acknowledged (after the handler has
    finished), sent again after a reconnect and dropped there if it had arrived. Not for
    use from several threads at once. docs/bus-protocol.md is the contract.  */

#pragma once

#include "bus/envelope.h"
#include "schemas/codec.h"

typedef struct ipc_client ipc_client_t;

/*  ERR_OFFLINE: nobody answers there within timeout_ms; fault says what to start.  */
CHECKED err_t ipc_client_open(const char *run_dir, const char *name, int timeout_ms,
                              ipc_client_t **self, fault_t *fault);
/*  Waits up to timeout_ms for acknowledgements, then says BYE.  */
void ipc_client_close(ipc_client_t **self);
void ipc_client_destroy(ipc_client_t **self);

/*  From now on, events whose type matches come to ipc_client_next().  */
CHECKED err_t ipc_client_subscribe(ipc_client_t *self, const char *pattern);

/*  Sends; ERR_TIMEOUT if there was no credit for timeout_ms.  */
CHECKED err_t ipc_client_send(ipc_client_t *self, const char *to, message_id_t id,
                              const void *body, int timeout_ms);

/*  Asks and waits for the answer, whose body lives until the next call. An error reply
    gives its err and fills fault with its text; no answer gives ERR_TIMEOUT.  */
CHECKED err_t ipc_client_request(ipc_client_t *self, const char *to, message_id_t id,
                                 const void *body, int timeout_ms, message_id_t *answer,
                                 const void **answer_body, fault_t *fault);

/*  Asks without waiting; answers come to ipc_client_next() with this number. For keeping
    many requests under way.  */
CHECKED err_t ipc_client_ask(ipc_client_t *self, const char *to, message_id_t id,
                             const void *body, int timeout_ms, uint64_t *ask);

/*  Waits until something can be sent: then ipc_client_ask() does not wait.  */
CHECKED err_t ipc_client_await_credit(ipc_client_t *self, int timeout_ms);

/*  We are in, as far as is known; and how often we have joined. When that number grows, events
    may have been missed, and answers.  */
bool ipc_client_joined(const ipc_client_t *self);
uint64_t ipc_client_joins(const ipc_client_t *self);

typedef struct ipc_heard {
    message_id_t id; /* MSG_problem for an error reply */
    uint64_t ask;    /* 0 for events and messages */
    const char *from;
    const void *body; /* until the next call */
} ipc_heard_t;

/*  The next event or answer. ERR_TIMEOUT if none comes in timeout_ms (-1: wait for ever;
    pings are answered meanwhile). ERR_OFFLINE when the process behind the bus is gone.  */
CHECKED err_t ipc_client_next(ipc_client_t *self, int timeout_ms, ipc_heard_t *heard);

/*  Waits for the answer to that one; what else comes stays for ipc_client_next().  */
CHECKED err_t ipc_client_answer(ipc_client_t *self, uint64_t ask, int timeout_ms,
                                ipc_heard_t *heard);
/*  Its answer is not wanted any more.  */
void ipc_client_forget(ipc_client_t *self, uint64_t number);

/*  For poll(): readable when ipc_client_next(self, 0, ...) might have something. Call that
    until ERR_TIMEOUT before each wait.  */
int ipc_client_fd(ipc_client_t *self);
