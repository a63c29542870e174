/*  history - every version that every row of the simulated server ever had, by position.

    All tables of the simulation have the columns id, value and owner.  */

#pragma once

#include "tests/sim/glance.h"

enum { TABLES = 3, CELLS = 2, CELL_ROOM = 24 };
extern const char *const sim_tables[TABLES];

typedef struct cells {
    bool there;                  /* the row exists */
    char text[CELLS][CELL_ROOM]; /* value and owner as SQL literals; empty: not named */
} cells_t;

typedef struct version {
    uint64_t lsn;
    char author[UUID_TEXT]; /* the client; empty: a program on the server */
    cells_t cells;
} version_t;

typedef struct entity {
    struct entity *next;
    size_t table;
    char id[CELL_ROOM];
    version_t *versions; /* by ascending position, at most one each */
    size_t n, room;
    uint64_t look; /* the last one that came across it */
} entity_t;

typedef struct history history_t;

history_t *history_new(const char *server_path);
void history_destroy(history_t **self);

/*  Reads what the server has committed since. A row of the log that comes below a position
    that was finished before is a complaint.  */
void history_follow(history_t *self, buffer_t *complaints);
/*  The newest finished position; empty epoch: there is no server yet.  */
uint64_t history_head(const history_t *self);
const char *history_epoch(const history_t *self);

/*  Made if it is new.  */
entity_t *history_entity(history_t *self, const char *table, const char *id);
/*  All of them: for (entity_t *entity = history_first(h); entity; entity = entity->next)  */
entity_t *history_first(const history_t *self);

/*  As it was at that position.  */
cells_t entity_at(const entity_t *self, uint64_t lsn);
bool cells_equal(const cells_t *self, const cells_t *other);
