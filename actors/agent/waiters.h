/*  waiters - requests that are answered when the changes they name have found their end.  */

#pragma once

#include "actors/agent/outbox.h"
#include "actors/agent/text_set.h"
#include "runtime/actor.h"

enum { AWAITED_AT_ONCE = 10000, USUAL_WAIT_MS = 30000, LONGEST_WAIT_MS = 86400000 };

typedef struct waiter waiter_t;

/*  Zero is empty.  */
typedef struct waiters {
    waiter_t *items;
    size_t n, room;
} waiters_t;

/*  Refused: more than AWAITED_AT_ONCE ids, or none.  */
CHECKED err_t waiters_check(ctx_t *ctx, const await_verdicts_t *request);
/*  Answers at once if nothing is open or an id is unknown; else the ticket is kept.  */
void waiters_add(waiters_t *self, const outbox_reader_t *reader, ctx_t *ctx,
                 const ticket_t *ticket, const await_verdicts_t *request);
/*  That change has found its end, or was refused.  */
void waiters_note(waiters_t *self, const char *id);

/*  Answers those that wait for nothing any more, or not any longer; with all set, everybody.
 *next_ms: when the next one has waited long enough; 0: nobody waits.  */
void waiters_answer(waiters_t *self, const outbox_reader_t *reader, ctx_t *ctx, bool all,
                    uint64_t *next_ms);
void waiters_release(waiters_t *self);
