#include "actors/server/sent_changes.h"

#include "schemas/number.h"
#include "schemas/row.h"

#include <stdlib.h>
#include <string.h>

/*  ------------------------------------------------------------------------- an id  */

/*  FNV-1a, twice with different beginnings: names must differ by accident only, for a client
    that forges its own names harms nobody else.  */
typedef struct digest {
    uint64_t high, low;
} digest_t;

static void
add(digest_t *self, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        self->high = (self->high ^ bytes[i]) * 1099511628211u;
        self->low = (self->low ^ (uint8_t) (bytes[i] + 1)) * 1099511628211u;
    }
}

static void
add_text(digest_t *self, const char *text)
{
    add(self, text ? text : "", text ? strlen(text) + 1 : 1);
}

static char *
make_id(const client_change_t *change, size_t index, const sender_t *sender, arena_t *arena)
{
    digest_t digest = {14695981039346656037u, 1469598103934665603u};
    uint8_t uuid[16];
    char text[UUID_TEXT];
    add_text(&digest, sender->client_id);
    add_text(&digest, sender->message_id);
    if (sender->message_id == NULL)
        add(&digest, &sender->chance, sizeof sender->chance);
    add(&digest, &index, sizeof index);
    add_text(&digest, change->table);
    add_text(&digest, change->operation);
    add(&digest, &change->updated_at, sizeof change->updated_at);
    add(&digest, change->data.data, change->data.size);
    memcpy(uuid, &digest.high, 8);
    memcpy(uuid + 8, &digest.low, 8);
    uuid[6] = (uint8_t) (0x80 | (uuid[6] & 0x0f)); /* version 8: made by a rule of our own */
    uuid[8] = (uint8_t) (0x80 | (uuid[8] & 0x3f));
    return arena_text(arena, uuid_text(uuid, text));
}

/*  ------------------------------------------------------------------------ a time  */

int64_t
sent_changes_time(bytes_t row, int64_t otherwise)
{
    value_t value;
    int64_t unix_ms = 0;
    if (!row_find(row, "updated_at", &value))
        return otherwise;
    if (value.kind == VALUE_INTEGER)
        unix_ms = value.integer;
    else if (value.kind != VALUE_TEXT || !time_parse(value.bytes, &unix_ms))
        return otherwise;
    return unix_ms > 0 ? unix_ms : otherwise;
}

void
sent_changes_complete(client_change_t *changes, size_t n, const sender_t *sender,
                      arena_t *arena)
{
    for (size_t i = 0; i < n; i++) {
        client_change_t *change = &changes[i];
        if (change->id == NULL || change->id[0] == '\0')
            change->id = make_id(change, i, sender, arena);
        if (change->updated_at == 0)
            change->updated_at = sent_changes_time(change->data, sender->wall_ms);
        if (sender->json && change->base == 0)
            change->base = sender->position;
    }
}

/*  ------------------------------------------------------------------------- names  */

static bytes_t
key_row(const value_t *value, arena_t *arena)
{
    buffer_t row = {0};
    row_begin(&row, 1);
    row_add_name(&row, "id");
    row_add(&row, value);
    const bytes_t kept = arena_bytes(arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}

/*  Our own agents call a change by its id everywhere.  */
static void
name_change(struct sent_change *self, const client_change_t *change, bool named,
            const sender_t *sender, arena_t *arena)
{
    value_t id;
    self->id = self->row_id = self->name = arena_text(arena, change->id);
    self->table = arena_text(arena, change->table);
    self->deletes = strcmp(change->operation, "delete") == 0;
    if (!sender->json || !row_find(change->data, "id", &id))
        return;
    self->row_id = value_text(&id, arena);
    self->name = named ? self->id : self->row_id;
    self->key = key_row(&id, arena);
}

sent_t *
sent_new(const client_change_t *changes, const bool *named, size_t n, const sender_t *sender)
{
    sent_t *self = mem_new(sizeof *self);
    self->n = n;
    self->message_id = sender->message_id ? mem_text(sender->message_id) : NULL;
    self->changes = arena_new(&self->arena, (n + 1) * sizeof *self->changes);
    for (size_t i = 0; i < n; i++)
        name_change(&self->changes[i], &changes[i], named[i], sender, &self->arena);
    return self;
}

void
sent_destroy(sent_t **self)
{
    if (*self == NULL)
        return;
    free((*self)->message_id);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}
