/*  rejected - a page of the changes that the server rejected, for people: filled row by row.

    A page ends early if its rows are large.  */

#pragma once

#include "schemas/message.h"

typedef struct rejected_paging {
    rejected_page_t *page;
    arena_t *arena;
    uint64_t before; /* this seq the rows are wanted */
    size_t room;     /* for rows; ask for one more: it tells whether there are more */
    size_t bytes;
} rejected_paging_t;

/*  An empty page, in arena.  */
rejected_paging_t rejected_begin(const rejected_get_t *request, arena_t *arena);
/*  Newest first; texts are copied. False if the page is full: that row was not taken.  */
bool rejected_add(rejected_paging_t *self, const rejected_change_t *row);
