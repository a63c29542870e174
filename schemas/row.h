/*  row - reading and writing rows as msgpack maps, value by value.

    A row travels as a msgpack map from column name to nil, integer, real, text or blob:
    the five storage classes of SQLite, which survive it unchanged. The reader walks the
    bytes in place and copies nothing.  */

#pragma once

#include "schemas/base.h"

typedef enum value_kind {
    VALUE_NULL,
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_TEXT,
    VALUE_BLOB
} value_kind_t;

typedef struct value {
    value_kind_t kind;
    int64_t integer; /* booleans read as 0 and 1 */
    double real;
    bytes_t bytes; /* TEXT and BLOB, not terminated */
} value_t;

typedef struct row_reader {
    const uint8_t *at, *end;
    size_t left; /* columns still to come */
} row_reader_t;

/*  ERR_MALFORMED if the bytes are not one plausible map with unique text keys and values of
    the five classes (a boolean counts as an integer; an integer over INT64_MAX, a list or a
    map inside is refused). fault names the column.  */
CHECKED err_t row_check(bytes_t row, fault_t *fault);

/*  For rows that row_check() has passed.  */
row_reader_t row_read(bytes_t row);
/*  False at the end. name is not terminated.  */
bool row_next(row_reader_t *self, bytes_t *name, value_t *value);
/*  False, and value untouched, if the row has no such column.  */
bool row_find(bytes_t row, const char *name, value_t *value);

void row_begin(buffer_t *out, size_t n_columns);
void row_add_name(buffer_t *out, const char *name);
void row_add(buffer_t *out, const value_t *value);
/*  A column with its name.  */
void row_add_text(buffer_t *out, const char *name, const char *text);
/*  The same kind, and the same in it.  */
bool value_equal(const value_t *a, const value_t *b);
/*  A value as text, for keys: integers in decimal, texts as they are. Lives in arena.  */
const char *value_text(const value_t *value, arena_t *arena);
