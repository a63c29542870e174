/*  walk - the undecided changes that were made here, oldest first, by whole local
    transactions, and for each whether it must wait for a refused one.  */

#pragma once

#include "actors/agent/outbox.h"

typedef struct walk_row {
    uint64_t seq;
    bool waits;   /* refused: for its retry, or for a person */
    bool put_off; /* and it was not judged, by trouble that passes */
    const char *key;
    const char *flaw; /* why it cannot be sent; NULL: it can */
    client_change_t change;
    size_t bytes; /* about, in a frame */
} walk_row_t;

/*  Changes of one local transaction; they lie together.  */
typedef struct walk_group {
    walk_row_t *rows;
    size_t n, room;
    size_t bytes;
    const char *held_by; /* the refused or flawed change it waits for, or has; NULL: none */
    bool flawed;
} walk_group_t;

/*  False: that was the last one wanted. The group, and what it points to, live until the
   return: however long the walk, it takes the memory of one group.  */
typedef bool walk_visit_fn(void *arg, const walk_group_t *group);

/*  From the first one behind after; if something was refused, always from the very first,
    because of what it holds back.  */
CHECKED err_t walk_outbox(const outbox_reader_t *reader, uint64_t after, walk_visit_fn *visit,
                          void *arg, fault_t *fault);
