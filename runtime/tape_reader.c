#include "runtime/tape_private.h"

#include "schemas/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tape_reader {
    uint8_t *data;
    size_t size;
    tape_head_t head;
    size_t *offsets; /* of the events */
    size_t n, room;
};

void
tape_reader_destroy(tape_reader_t **self_p)
{
    tape_reader_t *self = *self_p;
    if (self == NULL)
        return;
    free(self->offsets);
    free(self->data);
    free(self);
    *self_p = NULL;
}

/*  ---------------------------------------------------------------------- parts  */

static bool
take_bytes(cursor_t *cursor, bytes_t *bytes)
{
    token_t token;
    if (!cursor_next(cursor, &token) || (token.kind != TOKEN_NIL && token.kind != TOKEN_BLOB))
        return false;
    *bytes = token.kind == TOKEN_BLOB ? token.bytes : (bytes_t){0};
    return true;
}

/*  One NUL, at the end.  */
static bool
is_text(bytes_t text)
{
    return text.size > 0 && memchr(text.data, '\0', text.size) == text.data + text.size - 1;
}

static bool
take_text(cursor_t *cursor, const char **text)
{
    bytes_t bytes;
    if (!take_bytes(cursor, &bytes) || bytes.data == NULL || !is_text(bytes))
        return false;
    *text = (const char *) bytes.data;
    return true;
}

static bool
take_texts(cursor_t *cursor, const tape_about_t *about, tape_event_t *event)
{
    size_t n = 0;
    while (about->texts[n])
        n++;
    if (!cursor_take_list(cursor, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *name = about->texts[i] + (about->texts[i][0] == '?');
        if (!take_bytes(cursor, &event->texts[i]))
            return false;
        if (name[0] == '$' && event->texts[i].data && !is_text(event->texts[i]))
            return false;
    }
    return true;
}

static bool
take_event(cursor_t *cursor, tape_event_t *event)
{
    uint64_t kind;
    *event = (tape_event_t){0};
    if (!cursor_take_list(cursor, 3) || !cursor_take_number(cursor, &kind)
        || kind >= TAPE_KIND_COUNT)
        return false;
    event->kind = (tape_kind_t) kind;
    const tape_about_t *about = tape_about(event->kind);
    size_t n = 0;
    while (about->numbers[n])
        n++;
    if (!cursor_take_list(cursor, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cursor_take_number(cursor, &event->numbers[i]))
            return false;
    return take_texts(cursor, about, event);
}

/*  --------------------------------------------------------------------- the whole  */

static err_t
take_head(tape_reader_t *self, cursor_t *cursor, fault_t *fault)
{
    *cursor = cursor_of((bytes_t){0});
    uint64_t version;
    tape_head_t *head = &self->head;
    if (self->size < TAPE_MAGIC_SIZE || memcmp(self->data, TAPE_MAGIC, TAPE_MAGIC_SIZE) != 0)
        return fault_set(fault, ERR_MALFORMED, "it is not a recording");
    *cursor = cursor_of((bytes_t){self->data + TAPE_MAGIC_SIZE, self->size - TAPE_MAGIC_SIZE});
    if (!cursor_take_list(cursor, TAPE_HEAD_VALUES) || !cursor_take_number(cursor, &version))
        return fault_set(fault, ERR_MALFORMED, "its head cannot be read");
    if (version != TAPE_VERSION)
        return fault_set(fault, ERR_MALFORMED, "it has version %llu, this program reads %d",
                         (unsigned long long) version, TAPE_VERSION);
    if (!take_text(cursor, &head->actor) || !take_text(cursor, &head->program)
        || !cursor_take_number(cursor, &head->schemas) || !take_text(cursor, &head->settings)
        || !take_bytes(cursor, &head->state))
        return fault_set(fault, ERR_MALFORMED, "its head cannot be read");
    if (head->schemas != tape_schemas())
        return fault_set(fault, ERR_MALFORMED,
                         "it was made by waybill %s, whose messages differ from those of this "
                         "program; replay it with that one",
                         head->program);
    return OK;
}

static void
note_offset(tape_reader_t *self, size_t offset)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 1024;
        self->offsets = mem_grow(self->offsets, self->room * sizeof *self->offsets);
    }
    self->offsets[self->n++] = offset;
}

static err_t
take_events(tape_reader_t *self, cursor_t cursor, fault_t *fault)
{
    for (;;) {
        tape_event_t event;
        size_t offset = (size_t) (cursor.at - self->data);
        if (cursor_left(&cursor) == 0)
            return fault_set(fault, ERR_MALFORMED,
                             "it has no end: its recording was cut off after event %zu",
                             self->n);
        if (!take_event(&cursor, &event))
            return fault_set(fault, ERR_MALFORMED, "event %zu cannot be read", self->n + 1);
        if (event.kind != TAPE_end) {
            note_offset(self, offset);
            continue;
        }
        uint64_t sum = tape_sum(TAPE_SUM_BEGIN, (bytes_t){self->data, offset});
        if (event.numbers[0] != self->n || event.numbers[1] != sum || cursor_left(&cursor) > 0)
            return fault_set(fault, ERR_MALFORMED, "it was changed: its sum is wrong");
        return OK;
    }
}

err_t
tape_open_bytes(uint8_t *data, size_t size, tape_reader_t **self_p, fault_t *fault)
{
    cursor_t cursor;
    tape_reader_t *self = mem_new(sizeof *self);
    self->data = data;
    self->size = size;
    err_t err = take_head(self, &cursor, fault);
    if (err == OK)
        err = take_events(self, cursor, fault);
    if (err == OK && (self->n == 0 || tape_at(self, 1).kind != TAPE_start))
        err = fault_set(fault, ERR_MALFORMED, "it does not begin with a start");
    if (err != OK)
        tape_reader_destroy(&self);
    else
        *self_p = self;
    return err;
}

static err_t
read_file(int fd, uint8_t **data, size_t *size, fault_t *fault)
{
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0)
        return fault_set(fault, ERR_IO, "%s", strerrordesc_np(errno));
    if (!S_ISREG(about.st_mode) || (size_t) about.st_size > TAPE_MOST)
        return fault_set(fault, ERR_MALFORMED, "it is not a recording");
    *data = mem_new((size_t) about.st_size + 1);
    for (*size = 0; *size < (size_t) about.st_size;) {
        ssize_t got = read(fd, *data + *size, (size_t) about.st_size - *size);
        if (got <= 0)
            break; /* shorter than it was: its end will be missed */
        *size += (size_t) got;
    }
    return OK;
}

err_t
tape_open(const char *path, tape_reader_t **self, fault_t *fault)
{
    uint8_t *data = NULL;
    size_t size = 0;
    fault_t cause = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    err_t err = read_file(fd, &data, &size, &cause);
    if (fd >= 0)
        close(fd);
    if (err == OK)
        err = tape_open_bytes(data, size, self, &cause);
    return err == OK ? OK : fault_set(fault, err, "%s: %s", path, cause.text);
}

const tape_head_t *
tape_head(const tape_reader_t *self)
{
    return &self->head;
}

size_t
tape_size(const tape_reader_t *self)
{
    return self->n;
}

tape_event_t
tape_at(const tape_reader_t *self, size_t n)
{
    tape_event_t event;
    size_t offset = self->offsets[n - 1];
    cursor_t cursor = cursor_of((bytes_t){self->data + offset, self->size - offset});
    bool good = take_event(&cursor, &event);
    return good ? event : (tape_event_t){.kind = TAPE_end}; /* it was looked at before */
}
