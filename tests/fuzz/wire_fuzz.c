/*  wire_fuzz - frames from a stranger, as bytes and as JSON text; the first byte picks. A
    frame that is accepted must survive both encodings.  */

#include "schemas/wire.h"

#include <assert.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
carry(const wire_t *wire, arena_t *arena)
{
    wire_t got;
    buffer_t bytes = {0};
    buffer_t json = {0};
    buffer_t read = {0};
    wire_pack(wire->id, &wire->frame, wire->body, &bytes);
    err_t err = wire_unpack(buffer_bytes(&bytes), arena, &got, NULL);
    assert(err == OK && got.id == wire->id);
    wire_to_json(wire->id, &wire->frame, wire->body, &json);
    err = wire_from_json(buffer_bytes(&json), &read, arena, &got, NULL);
    assert(err != OK || got.id == wire->id);
    buffer_release(&read);
    buffer_release(&json);
    buffer_release(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    wire_t wire;
    fault_t fault;
    arena_t arena = {0};
    buffer_t buffer = {0};
    bytes_t bytes = {data + 1, size - 1};
    err_t err = data[0] % 2 == 0 ? wire_unpack(bytes, &arena, &wire, &fault)
                                 : wire_from_json(bytes, &buffer, &arena, &wire, &fault);
    if (err == OK)
        carry(&wire, &arena);
    buffer_release(&buffer);
    arena_release(&arena);
    return 0;
}
