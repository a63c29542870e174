/*  raw - actors that take and send letters as they are: plug-ins.

    Their messages need not be declared in schemas/: a type is known by its name, and its
   payload is any msgpack map. Of a declared type it must fit the schema, whoever sends it. What
   such an actor says and takes is in tables all the same, which the host holds it to, and which
   the lint looks at.  */

#pragma once

#include "runtime/actor.h"

typedef struct raw_message {
    const char *type; /* NULL ends a table */
    message_class_t class;
    const char *to; /* of what it sends: actor; NULL: any */
} raw_message_t;

struct raw_actor {
    const char *kind; /* "thread" or "process" */
    const char *file;
    const char *version;
    const raw_message_t *takes; /* commands and requests; never NULL, like the others */
    const raw_message_t *sends; /* commands, hints and requests */
    const raw_message_t *publishes;
    const raw_message_t *answers; /* replies to those who ask it */
    /*  What comes in, answers as well: ctx_envelope() tells what it is.  */
    err_t (*on_letter)(void *state, ctx_t *ctx, bytes_t payload);
    /*  The instance is gone, and nobody else will answer those whom it has promised to: they
        are told so. NULL: it promises nothing.  */
    void (*break_promises)(void *subject, ctx_t *ctx, err_t why);
    const _Atomic uint64_t *pid; /* of its process, 0: none; NULL: it never has one */
    void *subject;               /* the actor's own */
};

/*  Of an actor that is not raw: nothing.  */
void raw_break_promises(const actor_class_t *class, ctx_t *ctx, err_t why);
/*  Name of such a message, as long-lived as the class; "a message" if no table has it.  */
const char *raw_name(const actor_class_t *class, const char *type);
/*  True if the actor takes a command, hint or request of that type.  */
bool class_takes(const actor_class_t *class, const char *type);

/*  As ctx_send() and its like, for such an actor only. They change nothing and tell why if the
    type is not in the table (ERR_UNDECLARED, counted), or the payload does not fit it
    (ERR_MALFORMED). OK: it is on its way as far as ctx_send() would tell.  */
CHECKED err_t raw_send(ctx_t *ctx, const char *to, const char *type, bytes_t payload,
                       fault_t *fault);
typedef struct raw_question {
    const char *to;
    const char *type;
    bytes_t payload;
    uint32_t timeout_ms; /* 0: 30 s */
    uint64_t token;
} raw_question_t;
/*  A failure comes to on_error.  */
CHECKED err_t raw_request(ctx_t *ctx, const raw_question_t *question, fault_t *fault);
CHECKED err_t raw_answer(ctx_t *ctx, const ticket_t *ticket, const char *type, bytes_t payload,
                         fault_t *fault);
CHECKED err_t raw_publish(ctx_t *ctx, const char *type, bytes_t payload, fault_t *fault);

/*  A payload that fits its type: a map, and of a declared type one that fits its schema.  */
CHECKED err_t raw_check(const char *type, bytes_t payload, fault_t *fault);
