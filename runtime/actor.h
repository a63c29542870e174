/*  actor - what every actor is, and the only door through which it touches the world.

    An actor is a const class: names, a table of handlers, a private state struct. It holds
    no socket, thread, clock or random number of its own; all of that comes through the
    context. So the same actors run on threads (host.h) and in the simulator (sim.h), and a
    run with the same inputs gives the same outputs.

    Handlers run one at a time. A handler unpacks its body in its first line, decides, and
    says things; it never waits: the answer to a request is another handler.

    A round is a handful of messages, then settle(). Only when settle() has returned OK are
    the messages of the round done: their senders get their credit back, and over ipc their
    acknowledgement. So an actor with a database handles many messages and commits once,
    and a message is never done before what it asked for is durable.

    What a handler returns:
        OK           handled
        ERR_FAILED   (through ctx_fail) the instance is broken: it is stopped, started again
                     with a zeroed state, and the unfinished messages of the round are
                     delivered again, attempt + 1; past the limit they are dead letters
        other        this message is refused: a request gets an error reply, anything else
                     goes to the dead letters; the actor goes on  */

#pragma once

#include "bus/tap_record.h"
#include "schemas/codec.h"
#include "schemas/metrics.h"
#include "schemas/steps.h"

typedef struct ctx ctx_t;

typedef err_t handler_fn(void *state, ctx_t *ctx, const void *body);

/*  A request of ours came to nothing: an error reply, no answer in time, no such actor.  */
typedef struct failure {
    err_t err;
    const char *text;
    message_id_t request; /* what we had asked; MSG_COUNT: a message of a plug-in's own */
    uint64_t token;       /* as given to ctx_request() */
} failure_t;

/*  Where this actor sends. Every edge is declared: the host refuses an undeclared one
    at run time (ERR_UNDECLARED), and at start a cycle among edges that may park
    (commands and requests), because only such a cycle could deadlock. Replies, events and
    hints never park and need no edge, hints do name theirs for the picture. */
#define ANY_TAKER "*" /* in place of an actor: whoever takes the message, as a plug-in */
typedef struct edge {
    const char *to;
    message_id_t message;
} edge_t;

typedef struct net_handlers net_handlers_t; /* net.h */
typedef struct raw_actor raw_actor_t;       /* raw.h */

/*  What a watched descriptor is, or shall be, ready for: a set.  */
enum { FD_READ = 1, FD_WRITE = 2 };
enum { MOST_FDS = 64 }; /* that one actor watches */

typedef struct actor_class {
    const char *name;
    const char *summary;
    size_t state_size;
    const edge_t *sends;       /* ends with {0}; NULL: sends nothing */
    const char *const *hears;  /* event patterns, NULL-terminated; `*` one word, `>` the rest */
    const char *const *offers; /* types that joined programs may send it, NULL-terminated; all
                                  else is refused at the border */

    /*  False: the settings do without it, and the program leaves it out. NULL: it is wanted. */
    bool (*is_wanted)(const void *settings);
    err_t (*start)(void *state, ctx_t *ctx); /* ERR: did not start */
    handler_fn *const *handlers;             /* MSG_COUNT entries, by message id */
    err_t (*on_error)(void *state, ctx_t *ctx, const failure_t *failure); /* NULL: logged */
    /*  An answer that no handler takes, as it is: ctx_envelope() tells which.  */
    err_t (*on_answer)(void *state, ctx_t *ctx, bytes_t payload);
    err_t (*on_timer)(void *state, ctx_t *ctx, uint64_t timer);
    err_t (*on_fd)(void *state, ctx_t *ctx, int fd, int ready);
    err_t (*on_credit)(void *state, ctx_t *ctx, const char *to); /* may send there again */
    err_t (*settle)(void *state, ctx_t *ctx); /* end of a round: commit, then reply */
    err_t (*drain)(void *state, ctx_t *ctx);  /* finish what you hold; no new work comes */
    /*  Gives everything back, and nothing more: it commits nothing and sends nothing. Also
        called after a failed start, before a restart, and where the simulator kills a
        process.  */
    void (*stop)(void *state, ctx_t *ctx);
    const net_handlers_t *net; /* NULL: no network */
    const raw_actor_t *raw;    /* takes letters as they are, instead of handlers and sends */
    /*  A record of the tap, while ctx_watch_tap() asks for them; valid until it returns.  */
    err_t (*on_tapped)(void *state, ctx_t *ctx, const tap_record_t *record);
} actor_class_t;

/*  ------------------------------------------------------------------ saying things  */

/*  Sends a command or a hint. A command without credit is parked and the actor reads no
    new work until it is gone. A hint overwrites an unsent one of the same type and key.
    Failing (no such actor, undeclared) is a mistake of ours: it is logged, counted and
    becomes a dead letter, so the caller has nothing to check.  */
void ctx_send(ctx_t *ctx, const char *to, message_id_t id, const void *body);
#define SEND(ctx, to, name, ...) ctx_send(ctx, to, MSG_##name, &(name##_t){__VA_ARGS__})

/*  A hint that does not overwrite one with another key.  */
void ctx_hint(ctx_t *ctx, const char *to, message_id_t id, const char *key, const void *body);

/*  Asks. The reply comes to the handler of its type, with ctx_token() giving token back;
    anything else comes to on_error. timeout_ms 0: 30 s.  */
void ctx_request(ctx_t *ctx, const char *to, message_id_t id, const void *body, uint64_t token,
                 uint32_t timeout_ms);
#define REQUEST(ctx, to, token, name, ...)                                                     \
    ctx_request(ctx, to, MSG_##name, &(name##_t){__VA_ARGS__}, token, 0)

/*  Asks the supervisor, who starts and stops the actors of this process; it takes a few
   requests only. Otherwise as ctx_request().  */
void ctx_supervise(ctx_t *ctx, message_id_t id, const void *body, uint64_t token,
                   uint32_t timeout_ms);

/*  Answers the request being handled, now.  */
void ctx_reply(ctx_t *ctx, message_id_t id, const void *body);
#define REPLY(ctx, name, ...) ctx_reply(ctx, MSG_##name, &(name##_t){__VA_ARGS__})

/*  To answer later: take the ticket while handling the request, keep it, and answer exactly
    once. A request that is neither answered nor ticketed gets ERR_UNANSWERED.  */
typedef struct ticket {
    char to[NAME_ROOM + 1];
    uint8_t corr[16];
    uint8_t trace[16];
} ticket_t;
ticket_t ctx_ticket(ctx_t *ctx);
void ctx_answer(ctx_t *ctx, const ticket_t *ticket, message_id_t id, const void *body);
#define ANSWER(ctx, ticket, name, ...)                                                         \
    ctx_answer(ctx, ticket, MSG_##name, &(name##_t){__VA_ARGS__})
void ctx_answer_error(ctx_t *ctx, const ticket_t *ticket, err_t err, const char *text);

/*  Refuses the message being handled: return ctx_refuse(ctx, ERR_X, "field id: ...");  */
CHECKED err_t ctx_refuse(ctx_t *ctx, err_t err, const char *format, ...) PRINTF_LIKE(3, 4);
/*  The instance is broken: return ctx_fail(ctx, "why");  */
CHECKED err_t ctx_fail(ctx_t *ctx, const char *format, ...) PRINTF_LIKE(2, 3);

/*  Publishes an event to every subscriber. Never parks: a subscriber that is too slow
    loses it to the dead letters, counted.  */
void ctx_publish(ctx_t *ctx, message_id_t id, const void *body);
#define PUBLISH(ctx, name, ...) ctx_publish(ctx, MSG_##name, &(name##_t){__VA_ARGS__})

/*  How many lo messages the link to that actor would take now without parking.  */
uint32_t ctx_credit(ctx_t *ctx, const char *to);

/*  ---------------------------------------------------------- what is being handled  */

const envelope_t *ctx_envelope(ctx_t *ctx);
/*  The token given with the request that the reply being handled answers.  */
uint64_t ctx_token(ctx_t *ctx);
/*  Memory that lives until the end of the round: texts of bodies are there as well.  */
arena_t *ctx_arena(ctx_t *ctx);

/*  ------------------------------------------------------------- clock, chance, files  */

uint64_t ctx_now_ms(ctx_t *ctx); /* monotonic */
int64_t ctx_wall_ms(ctx_t *ctx); /* since 1970; may jump */
uint64_t ctx_random(ctx_t *ctx);
void ctx_uuid(ctx_t *ctx, char text[UUID_TEXT]); /* UUIDv7, ascending within the actor */

/*  Calls on_timer(timer) once, after ms. Arming it again moves it.  */
void ctx_after(ctx_t *ctx, uint64_t timer, uint64_t ms);
void ctx_cancel(ctx_t *ctx, uint64_t timer);

/*  Calls on_fd while fd is ready for that; again for the same fd: for something else. fd stays
    the actor's, which unwatches it before it closes it. The simulator calls on_fd only where a
    test asks for it.  */
void ctx_watch(ctx_t *ctx, int fd, int ready);
void ctx_watch_fd(ctx_t *ctx, int fd); /* FD_READ */
void ctx_unwatch_fd(ctx_t *ctx, int fd);
size_t ctx_watched(ctx_t *ctx); /* how many */

/*  Calls on_tapped with what the actors of this process send and receive; TAP_NOTHING: no more.
    Lossy: n and dropped of the records tell. Who watches is not watched itself.
    ERR_NOT_FOUND: nothing can be watched here (a simulation, a process without a tap).  */
CHECKED err_t ctx_watch_tap(ctx_t *ctx, tap_want_t want);

typedef enum log_level { LOG_error, LOG_warning, LOG_info, LOG_debug } log_level_t;
/*  One structured record; lossy under overload, and then counted.  */
void ctx_log(ctx_t *ctx, log_level_t level, const char *format, ...) PRINTF_LIKE(3, 4);
/*  The same, about a change: its id stands beside the text where lines have fields.  */
void ctx_log_change(ctx_t *ctx, log_level_t level, const char *change_id, const char *format,
                    ...) PRINTF_LIKE(4, 5);

/*  ------------------------------------------------------------------ being watched  */

/*  Counts, measures and remembers, for whoever watches; a few nanoseconds each. The metric is
    one that schemas/metrics.def declares, of that kind.  */
void ctx_count(ctx_t *ctx, metric_id_t counter, uint64_t n);
void ctx_set(ctx_t *ctx, metric_id_t gauge, uint64_t value);
void ctx_observe(ctx_t *ctx, metric_id_t times, uint64_t us);
#define COUNT(ctx, name, n) ctx_count(ctx, METRIC_##name, n)

/*  A change has come so far: `waybill tap trace` shows it. detail: what schemas/steps.h says,
    else 0.  */
void ctx_step(ctx_t *ctx, step_name_t step, const char *change_id, uint64_t detail);
/*  For measuring: microseconds, monotonic.  */
uint64_t ctx_now_us(ctx_t *ctx);

/*  Settings of this actor: what the program read from the command line and the config file
    (config.h), shared by the actors of a process and never changed once they run.  */
const void *ctx_settings(ctx_t *ctx);
const actor_class_t *ctx_class(ctx_t *ctx);
