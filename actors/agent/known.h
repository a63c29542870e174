/*  known - a change that was made here, as local_changes has it.  */

#pragma once

#include "actors/agent/overlay.h"

typedef struct known {
    int64_t seq;
    const char *id;
    const char *table, *key, *operation;
    const char *error;
    bool pending, parked;
    bool undecided; /* it stands above the server's row */
    bool done;
    uint64_t attempts;
    int64_t made; /* when it was recorded, wall clock */
} known_t;

/*  What known_read() reads, in front of whatever else a query selects.  */
#define KNOWN_COLUMNS                                                                          \
    "rowid, entity_type, entity_id, operation, state, error, verdict IS NULL,"                 \
    " processed_sync, attempts, timestamp"
enum { KNOWN_COUNT = 10 };

/*  id must live as long as the known; all else is copied into arena.  */
known_t known_read(sqlite3_stmt *row, const char *id, arena_t *arena);
CHECKED err_t known_find(const overlay_t *overlay, const char *id, known_t *known, bool *found,
                         fault_t *fault);

/*  Changes that were folded into that one, oldest first, in the overlay's arena.  */
typedef struct known_list {
    known_t *items;
    size_t n;
} known_list_t;
CHECKED err_t known_folded(const overlay_t *overlay, const known_t *into, known_list_t *list,
                           fault_t *fault);
