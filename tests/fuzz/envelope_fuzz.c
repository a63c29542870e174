/*  envelope_fuzz - everything a peer can put into frames must be refused or understood.
    The first byte picks the decoder.  */

#include "bus/intake.h"
#include "bus/ipc_frame.h"

#include <assert.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*  Whatever unpacks must pack again to something that unpacks to the same.  */
static void
look_at_envelope(bytes_t frame)
{
    envelope_t envelope;
    envelope_t again;
    envelope_names_t names;
    envelope_names_t names_again;
    if (envelope_unpack(frame, &envelope, &names) != OK)
        return;
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    err_t err = envelope_unpack((bytes_t){header, size}, &again, &names_again);
    assert(err == OK && again.seq == envelope.seq && strcmp(again.to, envelope.to) == 0);
}

/*  The frame is cut in two at its second byte: envelope, then payload.  */
static void
look_at_message(bytes_t bytes)
{
    if (bytes.size < 1)
        return;
    size_t cut = bytes.data[0] < bytes.size - 1 ? bytes.data[0] : bytes.size - 1;
    envelope_t envelope;
    envelope_t draft;
    envelope_names_t names;
    fault_t fault;
    if (envelope_unpack((bytes_t){bytes.data + 1, cut}, &envelope, &names) != OK)
        return;
    bytes_t payload = {bytes.data + 1 + cut, bytes.size - 1 - cut};
    const target_t target = {.name = "echo", .offers = true};
    if (intake_check(&envelope, payload, &target, &draft, &fault) == OK)
        assert(draft.to == target.name && draft.from == NULL);
    if (intake_check_answer(&envelope, payload, &draft, &fault) == OK)
        assert(draft.to == NULL && draft.from == NULL);
    if (intake_check_event(&envelope, payload, true, &draft, &fault) == OK)
        assert(draft.to == NULL && draft.from == NULL);
}

static void
look_at_payload(bytes_t bytes)
{
    uint8_t byte = bytes.size > 0 ? bytes.data[0] : 0;
    static const char *const types[] = {"ping", "write", "server_changes", "connect"};
    const char *type = types[byte % COUNT_OF(types)];
    message_id_t id = message_named(type);
    envelope_t draft;
    fault_t fault;
    const envelope_t envelope = {
        .kind = schema_of(id)->class == CLASS_REQUEST ? ENVELOPE_REQ : ENVELOPE_CAST,
        .type = type,
        .from = "x",
        .to = "echo",
        .id = {1},
    };
    const target_t target = {.name = "echo", .offers = true};
    if (bytes.size > 0
        && intake_check(&envelope, (bytes_t){bytes.data + 1, bytes.size - 1}, &target, &draft,
                        &fault)
               == OK)
        assert(strcmp(draft.to, envelope.to) == 0);
}

static void
look_at_frames(bytes_t bytes)
{
    hello_t hello;
    fault_t fault;
    uint64_t number;
    char text[NAME_ROOM + 1];
    if (hello_unpack(bytes, &hello, &fault) == OK)
        assert(peer_name_valid(hello.name, strlen(hello.name)));
    if (text_unpack(bytes, text, sizeof text) == OK)
        assert(strlen(text) <= NAME_ROOM);
    if (number_unpack(bytes, &number) == OK)
        assert(bytes.size <= 9);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(bytes_t) = {look_at_envelope, look_at_message,
                                                look_at_payload, look_at_frames};
    if (size > 0)
        decoders[data[0] % COUNT_OF(decoders)]((bytes_t){data + 1, size - 1});
    return 0;
}
