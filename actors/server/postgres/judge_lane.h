/*  judge_lane - one connection of the judge, and its share of a round.

    Each client has one lane in a round, so that its changes keep their order. A lane decides
    batch after batch; what it cannot go on with it learns from: it rejects what is guilty,
   takes fewer at once, tries again, or puts off what is left of a session.  */

#pragma once

#include "actors/server/postgres/judge_parts.h"

typedef enum judge_lane_state {
    LANE_IDLE,    /* there is nothing to do */
    LANE_READY,   /* a batch is to be begun */
    LANE_WAITING, /* for answers */
    LANE_PARKED   /* a batch is to be begun when all others have nothing to do */
} judge_lane_state_t;

typedef struct judge_lane {
    judge_batch_t batch;
    judge_lane_state_t state;
    size_t number;
    /* of this round */
    ctx_t *ctx;
    judge_round_t *round;
    const size_t *lane_of; /* one an item */
    bool *stopped;         /* one an item: the rest of it is put off */
    fault_t *put_off;      /* why */
    size_t item, change;   /* the next one */
    size_t answer_bytes;
    size_t lone;    /* so many local transactions each alone, as something went wrong */
    size_t attempt; /* of this batch */
    size_t timeouts;
    uint64_t begun_us;
} judge_lane_t;

/*  The next batch.  */
void judge_lane_collect(judge_lane_t *self);
/*  Does something of it fit no table that is known?  */
bool judge_lane_misfits(const judge_lane_t *self);

/*  Begins the batch that was collected. An error is trouble of the whole database.  */
CHECKED err_t judge_lane_send(judge_lane_t *self, fault_t *fault);
/*  Goes on with the answers that are there, or with all of them.  */
CHECKED err_t judge_lane_take(judge_lane_t *self, bool wait, fault_t *fault);
/*  Nothing comes of the batch.  */
void judge_lane_abandon(judge_lane_t *self);
