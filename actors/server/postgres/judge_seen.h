/*  judge_seen - what the server's cache knows of rows that somebody wrote with plain SQL.

    The judge's own tables in PostgreSQL know only what clients wrote. While the cache shows a
   row as it is, it knows its version, too; if it does not, the row was written just now.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/settings.h"

/*  The newest version of a row.  */
typedef struct version {
    bool known; /* else nobody knows when it was written, or it never was */
    int64_t updated_at;
    const char *client_id;
    uint64_t lsn;
    bool deleted;
    bool exact; /* lsn is that of its commit */
} version_t;

typedef struct column_version {
    const char *name;
    int64_t updated_at;
    const char *client_id;
} column_version_t;

typedef struct judge_seen judge_seen_t;

judge_seen_t *judge_seen_new(const settings_t *settings);
void judge_seen_destroy(judge_seen_t **self);

/*  Everything asked until the end is of one moment. The cache may be missing yet.  */
void judge_seen_begin(judge_seen_t *self);
void judge_seen_end(judge_seen_t *self);
/*  Counts up when the cache's tables have changed.  */
int64_t judge_seen_schema(judge_seen_t *self);

typedef struct seen_row {
    const char *table;
    const char *key; /* its text */
    bytes_t named;   /* a row that has the key */
    bytes_t row;     /* as it is; empty: there is none */
} seen_row_t;

/*  Its version by the cache. False: the cache does not show the row like that, or there is no
    cache. Texts live in arena.  */
bool judge_seen_version(judge_seen_t *self, const seen_row_t *row, arena_t *arena,
                        version_t *version);
/*  The version of the row's newest capture, whatever it looks like; known is false if there is
    none.  */
void judge_seen_captured(judge_seen_t *self, const seen_row_t *row, arena_t *arena,
                         version_t *version);
/*  Versions of its columns, in arena; *n of them.  */
column_version_t *judge_seen_columns(judge_seen_t *self, const seen_row_t *row, arena_t *arena,
                                     size_t *n);
/*  Does the cache show that value in that column?  */
bool judge_seen_shows(judge_seen_t *self, const seen_row_t *row, const char *column);
bool judge_seen_is_there(const judge_seen_t *self);
