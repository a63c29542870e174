#include "schemas/codec.h"

#include "schemas/pack.h"

#include <string.h>

static const char mask[] = "***";

static bool
holds_records(const field_t *field)
{
    return field->kind == KIND_LIST || field->kind == KIND_ONE;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations */
static bool
has_secret(const schema_t *schema)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        if (field->flags & SECRET)
            return true;
        if (holds_records(field) && has_secret(schema_of(field->element)))
            return true;
    }
    return false;
}
/* NOLINTEND(misc-no-recursion) */

/*  A field that we do not know may be a secret of a newer version; a list of records with
    secrets in them is masked whole.  */
static bool
may_be_shown(const schema_t *schema, bytes_t name)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        if (field->name_size != name.size || memcmp(field->name, name.data, name.size) != 0)
            continue;
        return !(field->flags & SECRET)
               && !(holds_records(field) && has_secret(schema_of(field->element)));
    }
    return false;
}

static bool
pair_redact(const schema_t *schema, cursor_t *cursor, buffer_t *out)
{
    token_t key;
    if (!cursor_next(cursor, &key) || key.kind != TOKEN_TEXT)
        return false;
    const uint8_t *begin = cursor->at;
    if (!cursor_skip(cursor, 1))
        return false;
    pack_text(out, key.bytes.data, key.bytes.size);
    if (may_be_shown(schema, key.bytes))
        buffer_add(out, begin, (size_t) (cursor->at - begin));
    else
        pack_text(out, mask, sizeof(mask) - 1);
    return true;
}

static bool
map_redact(const schema_t *schema, cursor_t cursor, buffer_t *out)
{
    token_t map;
    if (!cursor_next(&cursor, &map) || map.kind != TOKEN_MAP)
        return false;
    pack_map(out, (size_t) map.number);
    for (uint64_t i = 0; i < map.number; i++)
        if (!pair_redact(schema, &cursor, out))
            return false;
    return cursor_left(&cursor) == 0;
}

bool
message_redact(message_id_t id, bytes_t packed, buffer_t *out)
{
    const schema_t *schema = schema_of(id);
    size_t before = out->size;
    if (!has_secret(schema))
        return false;
    if (!map_redact(schema, cursor_of(packed), out)) {
        out->size = before; /* a damaged one: nothing of it is safe to show */
        pack_map(out, 0);
    }
    return true;
}
