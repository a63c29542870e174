/*  pack - msgpack, one value at a time, to and from bytes, with no tree in between.

    The writer adds to a buffer in the shortest form. The cursor reads tokens out of bytes
    that it does not trust: it never looks past their end.  */

#pragma once

#include "schemas/base.h"

void pack_nil(buffer_t *out);
void pack_bool(buffer_t *out, bool value);
void pack_int(buffer_t *out, int64_t value);
void pack_uint(buffer_t *out, uint64_t value);
void pack_real(buffer_t *out, double value);
void pack_text(buffer_t *out, const void *data, size_t size);
void pack_blob(buffer_t *out, bytes_t blob);
/*  So many values follow, or pairs of key and value.  */
void pack_list(buffer_t *out, size_t count);
void pack_map(buffer_t *out, size_t count);

typedef enum token_kind {
    TOKEN_NIL,
    TOKEN_BOOL,
    TOKEN_INT,  /* whatever fits in int64_t */
    TOKEN_HUGE, /* an integer over INT64_MAX */
    TOKEN_REAL,
    TOKEN_TEXT,
    TOKEN_BLOB,
    TOKEN_EXTENSION,
    TOKEN_LIST,
    TOKEN_MAP
} token_kind_t;

typedef struct token {
    token_kind_t kind;
    int64_t integer; /* INT, and BOOL as 0 and 1 */
    uint64_t number; /* HUGE; INT, if it is not negative; LIST and MAP: how many follow */
    double real;
    bytes_t bytes; /* TEXT, BLOB and EXTENSION */
} token_t;

typedef struct cursor {
    const uint8_t *at, *end;
} cursor_t;

cursor_t cursor_of(bytes_t bytes);
size_t cursor_left(const cursor_t *self);
/*  The next token; of a list or a map only its head. False if the bytes end before it
    does, or are not msgpack.  */
bool cursor_next(cursor_t *self, token_t *token);
/*  Passes over one whole value that lies inside of so many containers. False if it is not
    complete, claims more elements than there are bytes, or is nested too deeply.  */
bool cursor_skip(cursor_t *self, unsigned level);
/*  The next token, if it is the head of a list of that many.  */
bool cursor_take_list(cursor_t *self, uint64_t n);
/*  The next token, if it is an integer that is not negative; *number is 0 if not.  */
bool cursor_take_number(cursor_t *self, uint64_t *number);
