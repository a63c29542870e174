/*  blob - bytes shared by reference count, so that one payload serves every subscriber.  */

#pragma once

#include "schemas/base.h"

#include <stdatomic.h>

typedef struct blob {
    atomic_int refs;
    size_t size;
    uint8_t data[];
} blob_t;

blob_t *blob_new(bytes_t bytes);
blob_t *blob_ref(blob_t *self);
void blob_unref(blob_t **self);
/*  For C libraries that free with (data, hint): hint is the blob.  */
void blob_free(void *data, void *hint);

/*  A blob written in place, in memory that is used again: begin, add to the buffer, lend it
    to whoever sends it, and take it back. Whoever still holds a reference then keeps the
    memory, and the buffer gets new one.  */
void blob_begin(buffer_t *buffer);
blob_t *blob_lend(buffer_t *buffer);
void blob_take_back(buffer_t *buffer);
