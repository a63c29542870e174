/*  apply - one stretch of the server's stream, written to the database inside of the
    caller's transaction: rows, journal, position.  */

#pragma once

#include "actors/agent/overlay.h"
#include "actors/agent/position.h"
#include "actors/agent/report.h"

typedef struct apply {
    overlay_t overlay; /* the database, its tables; its arena is cleared between portions */
    report_t report;   /* to be published */
    position_t position;
    bool covered; /* local changes stand above some rows */
    int64_t now;  /* wall clock */
    void (*new_id)(void *arg, char id[UUID_TEXT]);
    void *new_id_arg;
} apply_t;

typedef struct applied {
    const char *outcome; /* applied, or gap: something is missing before it */
    uint64_t changed, skipped;
} applied_t;

/*  Reads position and what stands above it, at the beginning of the transaction.  */
CHECKED err_t apply_begin(apply_t *self, fault_t *fault);
/*  Everything is checked before anything is written. On an error the caller rolls back.  */
CHECKED err_t apply_stretch(apply_t *self, const server_changes_t *stretch, applied_t *applied,
                            fault_t *fault);
/*  Makes the tables and columns that are missing; after a column the position is 0, because
    everything must come anew. It begins a connection, so nothing is staged.  */
CHECKED err_t apply_schema(apply_t *self, const server_schema_t *schema, fault_t *fault);
