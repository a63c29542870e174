#include "bus/tap_record.h"

#include <string.h>

enum { VERSION = 1, HEAD_VALUES = 4, RECORD_VALUES = 7 };

static const char *const point_names[] = {
#define X(name, text) [TAP_##name] = #name,
    TAP_POINT_MAP(X)
#undef X
};

const char *
tap_point_name(tap_point_t point)
{
    return point_names[point];
}

/*  ---------------------------------------------------------------------- writing  */

static void
put_text(buffer_t *out, const char *text)
{
    pack_text(out, text, strlen(text));
}

void
tap_head_pack(const tap_head_t *head, buffer_t *frame)
{
    buffer_clear(frame);
    buffer_add_text(frame, TAP_TOPIC);
    pack_list(frame, HEAD_VALUES);
    pack_uint(frame, VERSION);
    put_text(frame, head->actor);
    pack_uint(frame, head->n);
    pack_uint(frame, head->dropped);
}

void
tap_record_pack(const tap_record_t *record, buffer_t *out)
{
    uint8_t header[ENVELOPE_ROOM];
    pack_list(out, RECORD_VALUES);
    pack_uint(out, record->n);
    pack_uint(out, record->now_ns);
    put_text(out, point_names[record->point]);
    if (record->err == OK)
        pack_nil(out);
    else
        put_text(out, err_name(record->err));
    pack_uint(out, record->size);
    if (record->payload.data == NULL)
        pack_nil(out);
    else
        pack_blob(out, record->payload);
    buffer_add(out, header, envelope_pack(&record->envelope, header));
}

/*  ---------------------------------------------------------------------- reading  */

/*  A name; nil reads as an empty one.  */
static bool
take_name(cursor_t *cursor, char name[NAME_ROOM + 1])
{
    token_t token;
    name[0] = '\0';
    if (!cursor_next(cursor, &token) || token.kind == TOKEN_NIL)
        return token.kind == TOKEN_NIL;
    if (token.kind != TOKEN_TEXT || token.bytes.size > NAME_ROOM)
        return false;
    memcpy(name, token.bytes.data, token.bytes.size);
    name[token.bytes.size] = '\0';
    return true;
}

bool
tap_reader_open(tap_reader_t *self, bytes_t frame)
{
    const size_t topic = strlen(TAP_TOPIC);
    uint64_t version;
    if (frame.size < topic || memcmp(frame.data, TAP_TOPIC, topic) != 0)
        return false;
    self->cursor = cursor_of((bytes_t){frame.data + topic, frame.size - topic});
    return cursor_take_list(&self->cursor, HEAD_VALUES)
           && cursor_take_number(&self->cursor, &version) && version == VERSION
           && take_name(&self->cursor, self->head.actor)
           && cursor_take_number(&self->cursor, &self->head.n)
           && cursor_take_number(&self->cursor, &self->head.dropped);
}

static bool
take_point(cursor_t *cursor, tap_point_t *point)
{
    char name[NAME_ROOM + 1];
    if (!take_name(cursor, name))
        return false;
    for (*point = 0; *point < TAP_POINT_COUNT; ++*point)
        if (strcmp(point_names[*point], name) == 0)
            return true;
    return false;
}

/*  One that we do not know, of a newer process, is a failure all the same.  */
static bool
take_error(cursor_t *cursor, err_t *err)
{
    char name[NAME_ROOM + 1];
    if (!take_name(cursor, name))
        return false;
    *err = name[0] ? err_named(name) : OK;
    if (*err == ERR_COUNT)
        *err = ERR_FAILED;
    return true;
}

static bool
take_payload(cursor_t *cursor, bytes_t *payload)
{
    token_t token;
    if (!cursor_next(cursor, &token) || (token.kind != TOKEN_NIL && token.kind != TOKEN_BLOB))
        return false;
    *payload = token.kind == TOKEN_BLOB ? token.bytes : (bytes_t){0};
    return true;
}

static bool
take_envelope(cursor_t *cursor, tap_record_t *record)
{
    const uint8_t *begin = cursor->at;
    if (!cursor_skip(cursor, 1))
        return false;
    bytes_t packed = {begin, (size_t) (cursor->at - begin)};
    return envelope_unpack(packed, &record->envelope, &record->names) == OK;
}

bool
tap_reader_next(tap_reader_t *self, tap_record_t *record)
{
    cursor_t *cursor = &self->cursor;
    memcpy(record->actor, self->head.actor, sizeof record->actor);
    record->dropped = self->head.dropped;
    return cursor_take_list(cursor, RECORD_VALUES) && cursor_take_number(cursor, &record->n)
           && cursor_take_number(cursor, &record->now_ns) && take_point(cursor, &record->point)
           && take_error(cursor, &record->err) && cursor_take_number(cursor, &record->size)
           && take_payload(cursor, &record->payload) && take_envelope(cursor, record);
}
