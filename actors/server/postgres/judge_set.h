/*  judge_set - which pairs of names have been met, while a batch is put together.  */

#pragma once

#include "schemas/base.h"

typedef struct judge_pair {
    const char *first, *second; /* NULL: a free place */
} judge_pair_t;

/*  Zero is empty. Places live in arena, names are the caller's.  */
typedef struct judge_set {
    judge_pair_t *places;
    size_t n, room;
} judge_set_t;

/*  False: it is there already.  */
bool judge_set_add(judge_set_t *self, judge_pair_t pair, arena_t *arena);
bool judge_set_has(const judge_set_t *self, judge_pair_t pair);
