/*  apply - one stretch of the server's stream, written to the database inside of the
    caller's transaction: rows, journal, position.  */

#pragma once

#include "actors/agent/covered.h"
#include "actors/agent/handlers.h"
#include "actors/agent/overlay.h"
#include "actors/agent/parents.h"
#include "actors/agent/position.h"
#include "actors/agent/report.h"
#include "actors/agent/text_set.h"

/*  A change that is known to fail in a way that ends the transaction.  */
typedef struct doomed {
    uint64_t place; /* of its trial, from 1 */
    fault_t fault;
} doomed_t;

typedef struct apply {
    overlay_t overlay; /* the database, its tables; its arena is cleared between portions */
    report_t report;   /* to be published */
    position_t position;
    int64_t seen; /* the newest version among the changes applied */
    covered_t covered;
    const handlers_t *handlers;
    uint64_t limit_ms; /* for all; if careful, for one change; 0: none */
    uint64_t deadline_ms;

    const char *skip_reason; /* of the last change, if it changed nothing */
    const char *decided; /* why a plug-in wants the next change skipped; NULL: it does not */

    bool careful; /* each change in a trial of its own: one that fails is set aside */
    bool retry_all;
    uint64_t tried;
    const doomed_t *doomed;
    size_t n_doomed;

    parents_t parents;
    text_set_t touched; /* tables that have changed; kept only where something is held */
    uint64_t n_held;
    uint64_t n_set_aside; /* now */
    fault_t set_aside;    /* why the first of them was */
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
/*  The time limit runs from here.  */
void apply_restart_clock(apply_t *self);
/*  Before the caller commits or rolls back.  */
void apply_end(apply_t *self);
