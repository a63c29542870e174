/*  statement_cache - prepared statements of one connection, found again by their text.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>

typedef struct cached {
    char *sql; /* NULL: a free place */
    uint64_t hash;
    sqlite3_stmt *statement;
} cached_t;

enum { CACHE_RECENT = 64 };

/*  Zero is empty.  */
typedef struct statement_cache {
    cached_t recent[CACHE_RECENT]; /* borrowed, by the address of the caller's text */
    cached_t *places;              /* a power of two of them, at most half in use */
    size_t n_places;
    size_t n_used;
} statement_cache_t;

/*  NULL if it was never put there.  */
sqlite3_stmt *statement_cache_find(statement_cache_t *self, const char *sql);
/*  Takes the statement; it is finalised by statement_cache_release().  */
void statement_cache_put(statement_cache_t *self, const char *sql, sqlite3_stmt *statement);
void statement_cache_release(statement_cache_t *self);
