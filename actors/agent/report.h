/*  report - what became of the server's changes, for the event after the commit.

    It lists so many at most: a large transaction costs no more memory than a small one, and
    whoever hears of it reads the tables again.  */

#pragma once

#include "schemas/message.h"

enum { REPORT_LISTS = 2000 };

/*  Zero, with an arena, is empty.  */
typedef struct report {
    arena_t *arena;
    processed_t *items;
    size_t n, room;
    bool many; /* there were more */
} report_t;

/*  Texts are copied.  */
void report_add(report_t *self, const processed_t *processed);
