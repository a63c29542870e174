#include "bus/envelope.h"

#include "schemas/plausible.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/*  Fields of the array, in order: version, kind, type, hash, from, to, id, corr, cause,
    trace, epoch, seq, sent_ns, deadline_ns, key, flags, attempt, hop, extensions. The last
    is a map; a key in it that begins with `!` must be understood, and we know none.  */
enum { FIELDS = 19, UUID = 16 };

static const struct {
    const char *name;
    lane_t lane;
} kinds[] = {
#define X(kind, lane, text) [ENVELOPE_##kind] = {#kind, LANE_##lane},
    ENVELOPE_KIND_MAP(X)
#undef X
};

lane_t
envelope_lane(envelope_kind_t kind)
{
    return kinds[kind].lane;
}

const char *
envelope_kind_name(envelope_kind_t kind)
{
    return kinds[kind].name;
}

/*  ---------------------------------------------------------------------- packing  */

/*  The last so many bytes of the number as the wire has it, the highest first.  */
static uint8_t *
put_big_endian(uint8_t *at, uint64_t value, size_t bytes)
{
    uint64_t wire = htobe64(value << (64 - bytes * 8));
    memcpy(at, &wire, bytes);
    return at + bytes;
}

static uint8_t *
put_uint(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at++ = (uint8_t) value;
        return at;
    }
    size_t bytes = value <= UINT8_MAX    ? 1
                   : value <= UINT16_MAX ? 2
                   : value <= UINT32_MAX ? 4
                                         : 8;
    *at++ = (uint8_t) (bytes == 1 ? 0xcc : bytes == 2 ? 0xcd : bytes == 4 ? 0xce : 0xcf);
    return put_big_endian(at, value, bytes);
}

static uint8_t *
put_text(uint8_t *at, const char *text)
{
    if (text == NULL) {
        *at++ = 0xc0;
        return at;
    }
    size_t size = strlen(text);
    assert(size <= NAME_ROOM);
    if (size < 0x20) {
        *at++ = (uint8_t) (0xa0 | size);
    } else {
        *at++ = 0xd9;
        *at++ = (uint8_t) size;
    }
    memcpy(at, text, size); /* NOLINT(bugprone-not-null-terminated-result): its size leads */
    return at + size;
}

static uint8_t *
put_uuid(uint8_t *at, const uint8_t uuid[16])
{
    if (uuid_is_zero(uuid)) {
        *at++ = 0xc0;
        return at;
    }
    *at++ = 0xc4;
    *at++ = UUID;
    memcpy(at, uuid, UUID);
    return at + UUID;
}

size_t
envelope_pack(const envelope_t *self, uint8_t out[ENVELOPE_ROOM])
{
    uint8_t *at = out;
    *at++ = 0xdc;
    at = put_big_endian(at, FIELDS, 2);
    *at++ = ENVELOPE_VERSION;
    *at++ = (uint8_t) self->kind;
    at = put_text(at, self->type);
    at = put_uint(at, self->hash);
    at = put_text(at, self->from);
    at = put_text(at, self->to);
    at = put_uuid(at, self->id);
    at = put_uuid(at, self->corr);
    at = put_uuid(at, self->cause);
    at = put_uuid(at, self->trace);
    at = put_uint(at, self->epoch);
    at = put_uint(at, self->seq);
    at = put_uint(at, self->sent_ns);
    at = put_uint(at, self->deadline_ns);
    at = put_text(at, self->key);
    at = put_uint(at, self->flags);
    *at++ = self->attempt & 0x7f;
    *at++ = self->hop & 0x7f;
    *at++ = 0x80;
    return (size_t) (at - out);
}

/*  -------------------------------------------------------------------- unpacking  */

/*  Reads fields off a frame, looking before each step whether there is room; once one does
    not fit, bad stays set and whatever follows reads as zero.  */
typedef struct cursor {
    const uint8_t *at, *end;
    bool bad;
} cursor_t;

static uint8_t
take_tag(cursor_t *self)
{
    if (self->bad || self->at == self->end) {
        self->bad = true;
        return 0xc0;
    }
    return *self->at++;
}

static bool
has(cursor_t *self, size_t size)
{
    if ((size_t) (self->end - self->at) < size)
        self->bad = true;
    return !self->bad;
}

/*  Of a big-endian number.  */
static uint64_t
take_bytes(cursor_t *self, size_t bytes)
{
    uint64_t value = 0;
    if (!has(self, bytes))
        return 0;
    memcpy(&value, self->at, bytes);
    self->at += bytes;
    return be64toh(value) >> (64 - bytes * 8);
}

/*  Some libraries write what is not negative in a signed form.  */
static uint64_t
take_uint(cursor_t *self, uint64_t highest)
{
    uint8_t tag = take_tag(self);
    uint64_t value = tag;
    if (tag >= 0xcc && tag <= 0xcf) {
        value = take_bytes(self, (size_t) 1 << (tag - 0xcc));
    } else if (tag >= 0xd0 && tag <= 0xd3) {
        size_t bytes = (size_t) 1 << (tag - 0xd0);
        value = take_bytes(self, bytes);
        self->bad |= value >> (bytes * 8 - 1) != 0;
    } else if (tag >= 0x80) {
        self->bad = true;
    }
    if (value > highest)
        self->bad = true;
    return self->bad ? 0 : value;
}

/*  A text of at most NAME_ROOM characters without NUL, copied; NULL for nil.  */
static const char *
take_text(cursor_t *self, char room[NAME_ROOM + 1])
{
    uint8_t tag = take_tag(self);
    if (tag == 0xc0)
        return NULL;
    size_t size = tag & 0x1f;
    if (tag == 0xd9)
        size = take_tag(self);
    else if (tag < 0xa0 || tag > 0xbf)
        self->bad = true;
    if (size > NAME_ROOM)
        self->bad = true;
    if (!has(self, size) || memchr(self->at, '\0', size) != NULL) {
        self->bad = true;
        return NULL;
    }
    memcpy(room, self->at, size);
    room[size] = '\0';
    self->at += size;
    return room;
}

static void
take_uuid(cursor_t *self, uint8_t uuid[16])
{
    memset(uuid, 0, UUID);
    uint8_t tag = take_tag(self);
    if (tag == 0xc0)
        return;
    if (tag != 0xc4 || take_tag(self) != UUID)
        self->bad = true;
    if (!has(self, UUID))
        return;
    memcpy(uuid, self->at, UUID);
    self->at += UUID;
}

static void
take_header(cursor_t *self)
{
    if (take_tag(self) != 0xdc || !has(self, 2))
        self->bad = true;
    else
        self->bad = (self->at[0] << 8 | self->at[1]) < FIELDS;
    self->at += self->bad ? 0 : 2;
    if (take_uint(self, UINT8_MAX) != ENVELOPE_VERSION)
        self->bad = true;
}

/*  Extensions are for readers that know them, and we know none: a key with `!` in front is
    a demand that we cannot meet.  */
static void
take_extensions(cursor_t *self)
{
    uint8_t tag = take_tag(self);
    if ((tag & 0xf0) != 0x80)
        self->bad = true;
    for (int left = tag & 0x0f; left > 0 && !self->bad; left--) {
        char key[NAME_ROOM + 1];
        const char *name = take_text(self, key);
        size_t used = 0;
        if (name == NULL || *name == '!'
            || !plausible((bytes_t){self->at, (size_t) (self->end - self->at)}, &used))
            self->bad = true;
        self->at += used;
    }
}

err_t
envelope_unpack(bytes_t frame, envelope_t *self, envelope_names_t *names)
{
    cursor_t in = {frame.data, frame.data + frame.size, false};
    take_header(&in);
    self->kind = (envelope_kind_t) take_uint(&in, ENVELOPE_KIND_COUNT - 1);
    self->type = take_text(&in, names->text[0]);
    self->hash = (uint32_t) take_uint(&in, UINT32_MAX);
    self->from = take_text(&in, names->text[1]);
    self->to = take_text(&in, names->text[2]);
    take_uuid(&in, self->id);
    take_uuid(&in, self->corr);
    take_uuid(&in, self->cause);
    take_uuid(&in, self->trace);
    self->epoch = take_uint(&in, UINT64_MAX);
    self->seq = take_uint(&in, UINT64_MAX);
    self->sent_ns = take_uint(&in, UINT64_MAX);
    self->deadline_ns = take_uint(&in, UINT64_MAX);
    self->key = take_text(&in, names->text[3]);
    self->flags = (uint16_t) take_uint(&in, UINT16_MAX);
    self->attempt = (uint8_t) take_uint(&in, 0x7f);
    self->hop = (uint8_t) take_uint(&in, 0x7f);
    take_extensions(&in);
    if (in.bad || in.at != in.end || self->type == NULL || self->from == NULL
        || self->to == NULL)
        return ERR_MALFORMED;
    return OK;
}
