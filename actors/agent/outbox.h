/*  outbox - the undecided rows of local_changes, read: what may go to the server now, how
    many wait and why, and what a person wants listed.  */

#pragma once

#include "actors/common/catalog.h"

typedef struct outbox_count {
    uint64_t pending; /* without a verdict */
    uint64_t failed;  /* wait for a retry */
    uint64_t parked;  /* wait for a person */
} outbox_count_t;

/*  Looks at every undecided row, at start; but for what is not sealed yet. Later the recorder
    counts along.  */
CHECKED err_t outbox_count(db_t *db, outbox_count_t *counts, fault_t *fault);

/*  What a change takes in a frame beside its data, about: ids, names, time.  */
enum { CHANGE_OVERHEAD = 160 };

typedef struct outbox_reader {
    db_t *db;
    catalog_t *catalog;
    arena_t *arena; /* what is read lives there */
    bool blocked;   /* some changes were refused, and others may depend on them */
    bool folds;     /* some were folded into others */
} outbox_reader_t;

/*  A change that cannot be sent, and why.  */
typedef struct outbox_flaw {
    const char *id;
    const char *text;
} outbox_flaw_t;

typedef struct outbox_flaws {
    outbox_flaw_t *items;
    size_t n;
} outbox_flaws_t;

/*  Pending changes after request->after, whole local transactions, without those that
    depend on a failed one. At least one transaction, however large. Those that cannot be sent
    are added to flaws, and are in nobody's way.  */
CHECKED err_t outbox_read(const outbox_reader_t *self, const outbox_fetch_t *request,
                          outbox_batch_t *batch, outbox_flaws_t *flaws, fault_t *fault);

/*  Failed changes, without their data: those without a plan first, then by their plan; at most
    500.  */
CHECKED err_t outbox_failed(const outbox_reader_t *self, failed_batch_t *batch, fault_t *fault);

/*  As many as asked for, or fewer where they are large, and then more is set. ERR_USAGE for an
    unknown filter.  */
CHECKED err_t outbox_list(const outbox_reader_t *self, const changes_list_t *request,
                          changes_page_t *page, fault_t *fault);
/*  One change and every error it had.  */
CHECKED err_t outbox_find(const outbox_reader_t *self, const char *id, change_found_t *found,
                          fault_t *fault);
/*  What became of a change; *decided false: nothing yet. ERR_NOT_FOUND: there is no such
    change.  */
CHECKED err_t outbox_result(const outbox_reader_t *self, const char *id, processed_t *result,
                            bool *decided, fault_t *fault);
