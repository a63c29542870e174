/*  codec_world - what the tests of the codec carry about: a message packed, as JSON, and what
    was read of it.  */

#pragma once

#include "schemas/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(...) ((bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

typedef struct carrier {
    buffer_t packed, json;
    arena_t arena;
    fault_t fault;
} carrier_t;

static inline int
set_up(void **state)
{
    *state = mem_new(sizeof(carrier_t));
    return 0;
}

static inline int
tear_down(void **state)
{
    carrier_t *self = *state;
    buffer_release(&self->packed);
    buffer_release(&self->json);
    arena_release(&self->arena);
    free(self);
    return 0;
}

static inline err_t
read_packed(carrier_t *self, message_id_t id, void *got)
{
    return message_unpack(id, buffer_bytes(&self->packed), &self->arena, got, &self->fault);
}

static inline err_t
read_bytes(carrier_t *self, message_id_t id, bytes_t bytes, void *got)
{
    return message_unpack(id, bytes, &self->arena, got, &self->fault);
}
