#include "bus/blob.h"

#include <stdlib.h>
#include <string.h>

blob_t *
blob_new(bytes_t bytes)
{
    blob_t *self = mem_grow(NULL, sizeof *self + bytes.size);
    atomic_init(&self->refs, 1);
    self->size = bytes.size;
    if (bytes.size > 0)
        memcpy(self->data, bytes.data, bytes.size);
    return self;
}

blob_t *
blob_ref(blob_t *self)
{
    atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
    return self;
}

void
blob_unref(blob_t **self_p)
{
    blob_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) == 1)
        free(self);
}

void
blob_free(void *data, void *hint)
{
    (void) data;
    blob_t *self = hint;
    blob_unref(&self);
}
