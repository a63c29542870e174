/*  snapshot - the whole database as it was at one position, page by page.

    It holds a read transaction on a connection of its own, which keeps the write-ahead log
    from being emptied: whoever opens one sees to it that it ends.  */

#pragma once

#include "actors/server/rights.h"

typedef struct snapshot snapshot_t;

/*  Of what that user may read. *self is NULL, and that is OK, while rows of another program are
    there that belong to no finished position yet: they would be ahead of it.  */
CHECKED err_t snapshot_open(const char *database, const settings_t *settings, const char *user,
                            snapshot_t **self, fault_t *fault);
void snapshot_destroy(snapshot_t **self);
uint64_t snapshot_lsn(const snapshot_t *self);
/*  Of the history that the position belongs to.  */
const char *snapshot_epoch(const snapshot_t *self);
/*  The newest version of any row in it, ms; reads them all.  */
int64_t snapshot_clock(snapshot_t *self);

/*  How large a page may be; with a limit of rows, pages are counted beforehand.  */
typedef struct page_size {
    size_t bytes; /* about */
    size_t rows;  /* 0: any number */
} page_size_t;

/*  Fills table, after, final, chunk, total and changes with the next page; no table: there is
    no further page. Every table has at least one; some are empty, where many rows that may
    not be read follow each other. It lives in arena.  */
CHECKED err_t snapshot_page(snapshot_t *self, page_size_t size, arena_t *arena,
                            stream_chunk_t *chunk, fault_t *fault);
