/*  holds - what a refused change holds back: its local transaction, later changes of its
    row, rows whose foreign key names a row that it was to insert, and in turn whatever depends
    on these. Everything else flows.

    One that was put off, by trouble of the server that passes, was not judged: nothing
   overtakes it, for the server may know of more that depends on it than we do.  */

#pragma once

#include "actors/agent/foreign_keys.h"
#include "actors/agent/text_set.h"
#include "actors/agent/walk.h"

/*  Zero but for db and arenas: nothing is held.  */
typedef struct holds {
    db_t *db;
    arena_t *arena;   /* of the whole walk */
    arena_t *scratch; /* of a group */
    text_set_t names; /* of rows and transactions; the note is the change they wait for */
    foreign_keys_t keys;
    bool keys_known;
    const char *put_off; /* the first change that was; NULL: none */
} holds_t;

/*  Sets group->held_by; a group that is held holds others. Groups come in the order
    recorded.  */
CHECKED err_t holds_judge(holds_t *self, walk_group_t *group, fault_t *fault);
void holds_release(holds_t *self);
