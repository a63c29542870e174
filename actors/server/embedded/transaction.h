/*  transaction - judges one local transaction of a client, all or nothing.  */

#pragma once

#include "actors/server/embedded/work.h"

/*  A rule may end in ROLLBACK, and takes the whole round with it. The change keeps the mark
    while the round begins again, and is then rejected without being tried.  */
typedef struct mark {
    err_t err; /* OK: none */
    const char *text;
} mark_t;

typedef struct transaction {
    const client_change_t *changes; /* in the order recorded */
    verdict_t *verdicts;            /* one each, to be filled */
    mark_t *marks;                  /* one each; zero before the first time */
    size_t n;
    bool hasty; /* without a savepoint of its own */
} transaction_t;

/*  Inside the round's transaction, with nothing unsealed. It is one position at most, and
    *lsn is the newest one, before and afterwards. An error is trouble of the database: nothing
   was decided, and the round must be rolled back. ERR_REFUSED: a rule of the database has done
    that; begin the round again, with the marks as they are. A code that a
    verdict has, only if it was hasty: it is to be rejected, so undo what came of it and judge
   it once more.  */
CHECKED err_t transaction_judge(const work_t *work, const transaction_t *self, uint64_t *lsn,
                                fault_t *fault);
