/*  What a tape tells a person.  */

#include "bus/envelope.h"
#include "runtime/tape.h"
#include "schemas/codec.h"

#include <inttypes.h>
#include <string.h>

enum { LONGEST = 2000 };

static const char *const hidden[] = {"$authorization"};

static bool
is_hidden(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (strcmp(name, hidden[i]) == 0)
            return true;
    return false;
}

/*  The payload as JSON; of a type that we do not know only how long it is, it may hold a
    secret.  */
static void
describe_payload(const envelope_t *envelope, bytes_t payload, buffer_t *out)
{
    arena_t arena = {0};
    message_id_t id = message_named(envelope->type);
    void *body = id == MSG_COUNT ? NULL : arena_new(&arena, schema_of(id)->size);
    if (body && message_unpack(id, payload, &arena, body, NULL) == OK)
        message_to_json(id, body, true, out);
    else
        buffer_add_format(out, "%zu bytes", payload.size);
    arena_release(&arena);
}

static void
describe_message(bytes_t header, bytes_t payload, buffer_t *out)
{
    envelope_t envelope;
    envelope_names_t names;
    if (envelope_unpack(header, &envelope, &names) != OK) {
        buffer_add_text(out, " (a header that cannot be read)");
        return;
    }
    buffer_add_format(out, " %s %s %s -> %s", envelope_kind_name(envelope.kind), envelope.type,
                      envelope.from, envelope.to);
    if (envelope.kind == ENVELOPE_CREDIT) {
        buffer_add_format(out, " up to %" PRIu64, envelope.seq);
        return;
    }
    buffer_add_text(out, " ");
    describe_payload(&envelope, payload, out);
}

static void
describe_text(const char *name, bytes_t text, buffer_t *out)
{
    name += *name == '?';
    if (text.data == NULL)
        return;
    if (is_hidden(name))
        buffer_add_format(out, " %s=***", name + 1);
    else if (*name == '$')
        buffer_add_format(out, " %s=\"%s\"", name + 1, tape_text_of(text));
    else
        buffer_add_format(out, " %s of %zu bytes", name, text.size);
}

static void
describe_parts(const tape_event_t *event, buffer_t *out)
{
    const tape_about_t *about = tape_about(event->kind);
    for (size_t i = 0; about->numbers[i]; i++)
        buffer_add_format(out, " %s=%" PRIu64,
                          about->numbers[i] + (about->numbers[i][0] == '?'), event->numbers[i]);
    for (size_t i = 0; about->texts[i]; i++)
        describe_text(about->texts[i], event->texts[i], out);
}

void
tape_describe(const tape_event_t *event, buffer_t *out)
{
    size_t before = out->size;
    buffer_add_text(out, tape_about(event->kind)->name);
    if (event->kind == TAPE_letter)
        describe_message(event->texts[0], event->texts[1], out);
    else if (event->kind == TAPE_put)
        describe_message(event->texts[1], event->texts[2], out);
    else
        describe_parts(event, out);
    if (out->size - before > LONGEST) {
        out->size = before + LONGEST;
        buffer_add_text(out, "...");
    }
}

/*  ----------------------------------------------------------------------- causes  */

size_t
tape_input_of(const tape_reader_t *self, size_t n)
{
    if (n > tape_size(self))
        n = tape_size(self);
    while (n > 1 && tape_about(tape_at(self, n).kind)->class != TAPE_INPUT)
        n--;
    return n;
}

/*  The request that a reply answers, else the message that its sender was handling.  */
static bool
cause_in(bytes_t header, uint8_t cause[16])
{
    envelope_t envelope;
    envelope_names_t names;
    if (envelope_unpack(header, &envelope, &names) != OK)
        return false;
    memcpy(cause, uuid_is_zero(envelope.corr) ? envelope.cause : envelope.corr, 16);
    return !uuid_is_zero(cause);
}

static bool
has_id(bytes_t header, const uint8_t id[16])
{
    envelope_t envelope;
    envelope_names_t names;
    return envelope_unpack(header, &envelope, &names) == OK && memcmp(envelope.id, id, 16) == 0;
}

size_t
tape_cause_of(const tape_reader_t *self, size_t input)
{
    uint8_t cause[16];
    tape_event_t event = tape_at(self, input);
    if (event.kind != TAPE_letter || !cause_in(event.texts[0], cause))
        return 0;
    for (size_t n = input - 1; n > 0; n--) {
        event = tape_at(self, n);
        if (event.kind == TAPE_put && has_id(event.texts[1], cause))
            return n;
    }
    return 0;
}
