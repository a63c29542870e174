/*  rows - rows by a text, kept in the order they came: what caches and live queries hold.  */

#pragma once

#include "schemas/base.h"

typedef struct row_entry {
    struct row_entry *next, *before; /* in order */
    struct row_entry *chain;         /* of the same bucket */
    char *key;
    bytes_t row;   /* msgpack */
    uint8_t *copy; /* that it lies in */
} row_entry_t;

/*  Zero is empty.  */
typedef struct rows {
    row_entry_t *first, *last;
    row_entry_t **buckets;
    size_t n_buckets, count;
} rows_t;

row_entry_t *rows_find(const rows_t *self, const char *key);
/*  Adds it, or replaces the row of that key. Copies both.  */
void rows_put(rows_t *self, const char *key, bytes_t row);
/*  Nothing happens if there is no such key.  */
void rows_remove(rows_t *self, const char *key);
void rows_release(rows_t *self);
