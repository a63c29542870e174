#include "tools/tap/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MARK = 0x1a2b3c4d,
    LINK_USER0 = 147,
    OPTION_END = 0,
    OPTION_INTERFACE_NAME = 2,
    OPTION_INTERFACE_RESOLUTION = 9,
    OPTION_FLAGS = 2,
    OPTION_DROPPED = 4,
    OPTION_APPLICATION = 4, /* of a section */
    INBOUND = 1,
    OUTBOUND = 2,
    NANOSECONDS = 9,
    MOST_INTERFACES = 1000,
};

struct pcapng {
    char *path;
    FILE *file;
    int64_t wall_offset_ns;
    char (*interfaces)[NAME_ROOM + 1];
    size_t n;
    buffer_t block, packet;
};

/*  ----------------------------------------------------------------------- blocks  */

/*  In this machine's order of bytes: the section says which that is.  */
static void
add_16(buffer_t *out, uint32_t value)
{
    uint16_t word = (uint16_t) value;
    buffer_add(out, &word, sizeof word);
}

static void
add_32(buffer_t *out, uint32_t value)
{
    buffer_add(out, &value, sizeof value);
}

static void
add_64(buffer_t *out, uint64_t value)
{
    buffer_add(out, &value, sizeof value);
}

static void
add_padded(buffer_t *out, const void *data, size_t size)
{
    static const uint8_t zero[4];
    buffer_add(out, data, size);
    buffer_add(out, zero, (4 - size % 4) % 4);
}

static void
add_option(buffer_t *out, uint32_t code, const void *data, size_t size)
{
    add_16(out, code);
    add_16(out, (uint32_t) size);
    add_padded(out, data, size);
}

static void
begin_block(pcapng_t *self, uint32_t type)
{
    buffer_clear(&self->block);
    add_32(&self->block, type);
    add_32(&self->block, 0); /* its length, when it is known */
}

static void
end_block(pcapng_t *self)
{
    add_option(&self->block, OPTION_END, NULL, 0);
    uint32_t size = (uint32_t) self->block.size + sizeof size;
    add_32(&self->block, size);
    memcpy(self->block.data + sizeof size, &size, sizeof size);
    /* What failed is told by ferror() at the end. */
    (void) fwrite(self->block.data, 1, self->block.size, self->file);
}

static void
add_section(pcapng_t *self)
{
    static const char program[] = "waybill " WAYBILL_VERSION;
    begin_block(self, BLOCK_SECTION);
    add_32(&self->block, BYTE_ORDER_MARK);
    add_16(&self->block, 1);
    add_16(&self->block, 0);
    add_64(&self->block, UINT64_MAX); /* length of the section: not known */
    add_option(&self->block, OPTION_APPLICATION, program, sizeof program - 1);
    end_block(self);
}

static void
add_interface(pcapng_t *self, const char *actor)
{
    const uint8_t resolution = NANOSECONDS;
    begin_block(self, BLOCK_INTERFACE);
    add_16(&self->block, LINK_USER0);
    add_16(&self->block, 0);
    add_32(&self->block, 0); /* packets of any length */
    add_option(&self->block, OPTION_INTERFACE_NAME, actor, strlen(actor));
    add_option(&self->block, OPTION_INTERFACE_RESOLUTION, &resolution, 1);
    end_block(self);
}

/*  ------------------------------------------------------------------------- life  */

err_t
pcapng_new(const char *path, int64_t wall_offset_ns, pcapng_t **self_p, fault_t *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        return fault_set(fault, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path,
                         strerrordesc_np(errno));
    pcapng_t *self = mem_new(sizeof *self);
    self->path = mem_text(path);
    self->file = file;
    self->wall_offset_ns = wall_offset_ns;
    add_section(self);
    *self_p = self;
    return OK;
}

err_t
pcapng_end(pcapng_t **self_p, fault_t *fault)
{
    pcapng_t *self = *self_p;
    *self_p = NULL;
    bool failed = ferror(self->file) != 0;
    failed = fclose(self->file) != 0 || failed;
    err_t err = OK;
    if (failed)
        err =
            fault_set(fault, ERR_IO, "%s is not whole: %s", self->path, strerrordesc_np(errno));
    buffer_release(&self->block);
    buffer_release(&self->packet);
    free(self->interfaces);
    free(self->path);
    free(self);
    return err;
}

/*  ----------------------------------------------------------------------- packets  */

static uint32_t
interface_of(pcapng_t *self, const char *actor)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->interfaces[i], actor) == 0)
            return (uint32_t) i;
    if (self->n == MOST_INTERFACES)
        return 0;
    self->interfaces = mem_grow(self->interfaces, (self->n + 1) * sizeof *self->interfaces);
    memcpy(self->interfaces[self->n], actor, sizeof *self->interfaces);
    add_interface(self, actor);
    return (uint32_t) self->n++;
}

void
pcapng_add(pcapng_t *self, const tap_record_t *record, uint64_t missed)
{
    uint32_t interface = interface_of(self, record->actor);
    uint64_t time = record->now_ns + (uint64_t) self->wall_offset_ns;
    const uint32_t flags = record->point == TAP_send ? OUTBOUND : INBOUND;
    size_t hidden = record->payload.data ? 0 : record->size;
    buffer_clear(&self->packet);
    tap_record_pack(record, &self->packet);
    begin_block(self, BLOCK_PACKET);
    add_32(&self->block, interface);
    add_32(&self->block, (uint32_t) (time >> 32));
    add_32(&self->block, (uint32_t) time);
    add_32(&self->block, (uint32_t) self->packet.size);
    add_32(&self->block, (uint32_t) (self->packet.size + hidden));
    add_padded(&self->block, self->packet.data, self->packet.size);
    add_option(&self->block, OPTION_FLAGS, &flags, sizeof flags);
    add_option(&self->block, OPTION_DROPPED, &missed, sizeof missed);
    end_block(self);
}
