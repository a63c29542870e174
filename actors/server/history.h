/*  history - how much history is kept, and how long verdicts are remembered.

    Whole transactions are forgotten, oldest first, a few at a time, and only when something
    was committed anyway: an idle server does nothing. A client that needs what was forgotten
    gets a snapshot. stream.history, stream.history_ms, stream.history_bytes and
    stream.verdicts_ms say how much; the newest transaction is always kept.  */

#pragma once

#include "actors/server/change_log.h"
#include "actors/settings.h"

enum { VERDICT_KEY_ROOM = 130 };

/*  Zero before the first look.  */
typedef struct history {
    int64_t transactions; /* kept */
    int64_t bytes;        /* of their rows, where there is a limit for them */
    uint64_t counted_to;  /* position up to which both were counted */
    uint64_t floor;       /* nothing is kept up to here, at the last look */
    uint64_t swept_at;    /* position at which verdicts were looked at last */
    char client_id[VERDICT_KEY_ROOM], id[VERDICT_KEY_ROOM]; /* of the last one of them */
} history_t;

typedef struct history_now {
    const settings_t *settings;
    uint64_t head; /* newest position */
    int64_t wall_ms;
} history_now_t;

/*  Reads only. *due: there is something to forget, or it is time to look at verdicts.  */
CHECKED err_t history_look(history_t *self, db_t *db, const history_now_t *now, bool *due,
                           fault_t *fault);
/*  Forgets a portion, inside a transaction that writes.  */
CHECKED err_t history_forget(history_t *self, db_t *db, const history_now_t *now,
                             fault_t *fault);
