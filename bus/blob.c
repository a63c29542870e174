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

void
blob_begin(buffer_t *buffer)
{
    static const blob_t header;
    buffer_clear(buffer);
    buffer_add(buffer, &header, sizeof header);
}

blob_t *
blob_lend(buffer_t *buffer)
{
    blob_t *self = (blob_t *) (void *) buffer->data;
    atomic_init(&self->refs, 1);
    self->size = buffer->size - sizeof *self;
    return self;
}

void
blob_take_back(buffer_t *buffer)
{
    blob_t *self = (blob_t *) (void *) buffer->data;
    if (atomic_load_explicit(&self->refs, memory_order_acquire) == 1)
        return;
    blob_unref(&self);
    *buffer = (buffer_t){0};
}
