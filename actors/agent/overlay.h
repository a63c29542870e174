/*  overlay - local changes that stand above the server's version of a row.

    A local change without a verdict stands above every server version; one applied by the
    server at a position stands above older versions. When a version is written, what stands
    above it is written again on top, in the order recorded. As long as a change of the row
    is not done (it has no verdict, or waits for a retry or a person), the newest server
    version is kept in waybill_server_rows: a verdict may uncover it, and a change that is
    tried again stands above it again. Whether the verdict or the version comes first does not
    matter.

    A version that this database refuses, by a rule of its own, must not keep a verdict or an
   act from being recorded: where one uncovers it, it is set aside (aside.h).  */

#pragma once

#include "actors/common/catalog.h"

/*  What comes from outside: the actor's context.  */
typedef struct outside {
    void *arg;
    void (*new_id)(void *arg, char id[UUID_TEXT]);
    uint64_t (*now_ms)(void *arg); /* monotonic */
    int64_t now;                   /* wall clock */
} outside_t;

typedef struct overlay {
    db_t *db;
    catalog_t *catalog;
    arena_t *arena;
    outside_t outside;
    bool aside; /* nothing is tried: a rule of this database would end the transaction */
} overlay_t;

/*  The server's version of a row.  */
typedef struct version {
    const char *key;
    uint64_t lsn;
    bytes_t row; /* empty: the server has no such row */
    int64_t seq; /* of the local change that it answers: later ones of the same server
                    transaction stand above; 0: it answers none */
} version_t;

/*  A local change whose verdict has just been written to local_changes.  */
typedef struct decided {
    const char *table;
    const char *verdict; /* applied, merged or rejected */
    version_t version;   /* the verdict's position and row, if it gave one */
} decided_t;

/*  Does anything stand above the version, or need it to be kept?  */
CHECKED err_t overlay_covers(const overlay_t *self, const char *table, const version_t *version,
                             bool *covers, fault_t *fault);

/*  Writes the version, and what stands above it.  */
CHECKED err_t overlay_write(const overlay_t *self, table_t *table, const version_t *version,
                            fault_t *fault);
/*  Makes the row what the verdict says.  */
CHECKED err_t overlay_decide(const overlay_t *self, const decided_t *decided, fault_t *fault);

/*  Writes the version kept of the row, and what stands above it now: a refused change has
    become undecided again.  */
CHECKED err_t overlay_restore(const overlay_t *self, const char *table, const char *key,
                              fault_t *fault);

/*  A refused change of the row was given up: the version kept, and what stands above it, is
    written once more; and it is kept only while there are others that wait.  */
CHECKED err_t overlay_give_up(const overlay_t *self, const char *table, const char *key,
                              fault_t *fault);

/*  Positions of another history mean nothing in this one, which begins at lsn.  */
CHECKED err_t overlay_change_epoch(db_t *db, uint64_t lsn, fault_t *fault);
