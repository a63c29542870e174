/*  witness - looks at a replica after each of its commits: its rows must be what the server
    had at the replica's position, with the replica's own changes on top that the server has
    not decided by then, in the order they were made. No mixture of two positions, nothing
    ahead, nothing forgotten.  */

#pragma once

#include "tests/sim/history.h"

/*  A change of the replica's own.  */
typedef struct own {
    entity_t *entity;
    char operation[8];
    bool undecided, applied;
    uint64_t lsn; /* of the verdict */
    cells_t cells;
} own_t;

typedef struct witness {
    const char *name;
    history_t *history;
    glance_t glance;
    sqlite3_stmt *position, *changes, *changes_of_row, *rows[TABLES];
    char client_id[UUID_TEXT];
    char epoch[UUID_TEXT];
    uint64_t lsn;
    own_t *own;
    size_t n_own, own_room;
    uint64_t looks;
} witness_t;

void witness_begin(witness_t *self, const char *name, const char *path, history_t *history);
void witness_end(witness_t *self);
/*  Does nothing unless the replica has committed since.  */
void witness_look(witness_t *self, buffer_t *complaints);
