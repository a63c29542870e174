/*  codec_fuzz - whatever message_unpack() accepts must survive being packed, shown and read.
    The first byte picks the message.  */

#include "schemas/codec.h"

#include <assert.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*  The JSON form must be JSON, unless a body holds what JSON cannot say.  */
static void
show(message_id_t id, const void *body)
{
    buffer_t json = {0};
    buffer_t read = {0};
    message_to_json(id, body, false, &json);
    if (json_to_msgpack((const char *) json.data, json.size, &read, NULL) == OK)
        assert(read.size > 0);
    buffer_release(&read);
    buffer_release(&json);
}

static void
carry(message_id_t id, bytes_t bytes, arena_t *arena)
{
    fault_t fault;
    buffer_t packed = {0};
    buffer_t again = {0};
    void *body = arena_new(arena, schema_of(id)->size);
    if (message_unpack(id, bytes, arena, body, &fault) == OK) {
        show(id, body);
        message_pack(id, body, &packed);
        void *got = arena_new(arena, schema_of(id)->size);
        err_t err = message_unpack(id, buffer_bytes(&packed), arena, got, &fault);
        assert(err == OK);
        message_pack(id, got, &again);
        assert(again.size == packed.size);
    }
    buffer_release(&again);
    buffer_release(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    message_id_t id = (message_id_t) (data[0] % MSG_COUNT);
    bytes_t bytes = {data + 1, size - 1};
    arena_t arena = {0};
    buffer_t out = {0};
    carry(id, bytes, &arena);
    message_redact(id, bytes, &out);
    buffer_release(&out);
    arena_release(&arena);
    return 0;
}
