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
