#include "runtime/tape_private.h"

#include "schemas/message.h"
#include "schemas/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

struct tape {
    char *path;
    int fd;
    int failed; /* errno of what could not be written */
    uint64_t events, sum;
    size_t size;
    buffer_t chunk;
};

/*  ------------------------------------------------------------------------ kinds  */

#define NAMES(...)                                                                             \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
static const tape_about_t kinds[] = {
#define X(name, class, numbers, texts) [TAPE_##name] = {#name, TAPE_##class, numbers, texts},
    TAPE_KIND_MAP(X)
#undef X
};
#undef NAMES

const tape_about_t *
tape_about(tape_kind_t kind)
{
    return &kinds[kind];
}

bytes_t
tape_text(const char *text)
{
    return (bytes_t){(const uint8_t *) text, text ? strlen(text) + 1 : 0};
}

const char *
tape_text_of(bytes_t text)
{
    return (const char *) text.data;
}

uint64_t
tape_sum(uint64_t sum, bytes_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * 0x100000001b3u;
    return sum;
}

uint64_t
tape_schemas(void)
{
    uint64_t sum = TAPE_SUM_BEGIN;
    for (message_id_t id = 0; id < MSG_COUNT; id++) {
        uint32_t hash = schema_hash(id);
        sum = tape_sum(sum, (bytes_t){(const uint8_t *) &hash, sizeof hash});
    }
    return sum;
}

/*  ---------------------------------------------------------------------- writing  */

static void
write_chunk(tape_t *self)
{
    const uint8_t *at = self->chunk.data;
    size_t left = self->chunk.size;
    while (left > 0 && self->failed == 0) {
        ssize_t wrote = write(self->fd, at, left);
        if (wrote < 0 && errno != EINTR)
            self->failed = errno;
        at += wrote > 0 ? wrote : 0;
        left -= wrote > 0 ? (size_t) wrote : 0;
    }
    buffer_clear(&self->chunk);
}

static void
keep(tape_t *self, size_t before)
{
    bytes_t added = {self->chunk.data + before, self->chunk.size - before};
    self->sum = tape_sum(self->sum, added);
    self->size += added.size;
    if (self->chunk.size >= CHUNK)
        write_chunk(self);
}

static void
pack_bytes(buffer_t *out, bytes_t bytes)
{
    if (bytes.data == NULL)
        pack_nil(out);
    else
        pack_blob(out, bytes);
}

static void
write_head(tape_t *self, const tape_head_t *head)
{
    buffer_t *out = &self->chunk;
    buffer_add(out, TAPE_MAGIC, TAPE_MAGIC_SIZE);
    pack_list(out, TAPE_HEAD_VALUES);
    pack_uint(out, TAPE_VERSION);
    pack_bytes(out, tape_text(head->actor));
    pack_bytes(out, tape_text(head->program));
    pack_uint(out, head->schemas);
    pack_bytes(out, tape_text(head->settings));
    pack_bytes(out, head->state);
    keep(self, 0);
}

err_t
tape_new(const char *path, const tape_head_t *head, tape_t **self_p, fault_t *fault)
{
    if (path[0] != '/')
        return fault_set(fault, ERR_USAGE, "%s: give an absolute path", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_set(fault, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path,
                         strerrordesc_np(errno));
    tape_t *self = mem_new(sizeof *self);
    self->path = mem_text(path);
    self->fd = fd;
    self->sum = TAPE_SUM_BEGIN;
    write_head(self, head);
    *self_p = self;
    return OK;
}

void
tape_write(tape_t *self, const tape_event_t *event)
{
    const tape_about_t *about = &kinds[event->kind];
    buffer_t *out = &self->chunk;
    size_t before = out->size, n_numbers = 0, n_texts = 0;
    while (about->numbers[n_numbers])
        n_numbers++;
    while (about->texts[n_texts])
        n_texts++;
    pack_list(out, 3);
    pack_uint(out, event->kind);
    pack_list(out, n_numbers);
    for (size_t i = 0; i < n_numbers; i++)
        pack_uint(out, event->numbers[i]);
    pack_list(out, n_texts);
    for (size_t i = 0; i < n_texts; i++)
        pack_bytes(out, event->texts[i]);
    self->events += event->kind != TAPE_end;
    keep(self, before);
}

bool
tape_is_full(const tape_t *self)
{
    return self->failed != 0 || self->size >= TAPE_MOST / 2;
}

err_t
tape_end(tape_t **self_p, uint64_t *events, fault_t *fault)
{
    tape_t *self = *self_p;
    *self_p = NULL;
    const tape_event_t end = {.kind = TAPE_end, .numbers = {self->events, self->sum}};
    tape_write(self, &end);
    write_chunk(self);
    if (close(self->fd) != 0 && self->failed == 0)
        self->failed = errno;
    if (events)
        *events = self->events;
    err_t err = OK;
    if (self->failed)
        err = fault_set(fault, self->failed == ENOSPC ? ERR_FULL : ERR_IO,
                        "%s is not whole: %s", self->path, strerrordesc_np(self->failed));
    buffer_release(&self->chunk);
    free(self->path);
    free(self);
    return err;
}
