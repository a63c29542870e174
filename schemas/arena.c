#include "schemas/base.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 256 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t room, used;
    max_align_t data[];
};

static size_t
aligned(size_t size)
{
    const size_t step = _Alignof(max_align_t);
    return (size + step - 1) / step * step;
}

/*  Blocks double, so that a large message costs few of them.  */
static struct arena_block *
add_block(arena_t *self, size_t size)
{
    size_t room = self->block ? self->block->room * 2 : FIRST_BLOCK;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    if (room < size)
        room = size;
    struct arena_block *block = mem_grow(NULL, sizeof(*block) + room);
    *block = (struct arena_block){.older = self->block, .room = room};
    self->block = block;
    return block;
}

static void *
take(arena_t *self, size_t size)
{
    size = aligned(size > 0 ? size : 1);
    struct arena_block *block = self->block;
    if (block == NULL || block->room - block->used < size)
        block = add_block(self, size);
    void *piece = (char *) block->data + block->used;
    block->used += size;
    return piece;
}

void *
arena_new(arena_t *self, size_t size)
{
    return memset(take(self, size), 0, size);
}

char *
arena_text(arena_t *self, const char *text)
{
    return arena_text_of(self, text, strlen(text));
}

char *
arena_text_of(arena_t *self, const void *data, size_t size)
{
    char *text = take(self, size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

bytes_t
arena_bytes(arena_t *self, bytes_t bytes)
{
    return (bytes_t){(const uint8_t *) arena_text_of(self, bytes.data, bytes.size), bytes.size};
}

static void
free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void
arena_clear(arena_t *self)
{
    if (self->block == NULL)
        return;
    free_blocks(self->block->older);
    self->block->older = NULL;
    self->block->used = 0;
}

void
arena_release(arena_t *self)
{
    free_blocks(self->block);
    self->block = NULL;
}

size_t
arena_room(const arena_t *self)
{
    size_t room = 0;
    for (const struct arena_block *block = self->block; block != NULL; block = block->older)
        room += sizeof(*block) + block->room;
    return room;
}
