#include "actors/server/postgres/labels.h"

#include "schemas/pack.h"
#include "schemas/text.h"

#include <string.h>

/*  [[table, key, client, change, time], ...]; a later version may add to the end of each.  */
enum { FIELDS = 5 };

void
labels_pack(const label_t *labels, size_t n, buffer_t *out)
{
    pack_list(out, n);
    for (size_t i = 0; i < n; i++) {
        const char *texts[] = {labels[i].table, labels[i].key, labels[i].client_id,
                               labels[i].change_id};
        pack_list(out, FIELDS);
        for (size_t text = 0; text < COUNT_OF(texts); text++)
            pack_text(out, texts[text], strlen(texts[text]));
        pack_int(out, labels[i].updated_at);
    }
}

static bool
read_text(cursor_t *cursor, arena_t *arena, const char **text)
{
    token_t token;
    if (!cursor_next(cursor, &token) || token.kind != TOKEN_TEXT || !text_is_clean(token.bytes))
        return false;
    *text = arena_text_of(arena, token.bytes.data, token.bytes.size);
    return true;
}

static bool
read_texts(cursor_t *cursor, arena_t *arena, label_t *label)
{
    return read_text(cursor, arena, &label->table) && read_text(cursor, arena, &label->key)
           && read_text(cursor, arena, &label->client_id)
           && read_text(cursor, arena, &label->change_id);
}

static bool
read_label(cursor_t *cursor, arena_t *arena, label_t *label)
{
    token_t list;
    token_t time;
    if (!cursor_next(cursor, &list) || list.kind != TOKEN_LIST || list.number < FIELDS
        || !read_texts(cursor, arena, label) || !cursor_next(cursor, &time)
        || time.kind != TOKEN_INT)
        return false;
    label->updated_at = time.integer;
    for (uint64_t i = FIELDS; i < list.number; i++)
        if (!cursor_skip(cursor, 2))
            return false;
    return true;
}

/*  So many that memory may be taken for them: each is a byte at least for its head and for each
    field.  */
static bool
read_count(cursor_t *cursor, size_t *n)
{
    token_t list;
    if (!cursor_next(cursor, &list) || list.kind != TOKEN_LIST
        || list.number > cursor_left(cursor) / (1 + FIELDS))
        return false;
    *n = (size_t) list.number;
    return true;
}

static err_t
refuse(fault_t *fault, const char *what)
{
    return fault_set(fault, ERR_PROTOCOL,
                     "a logical message \"%s\" in the log of the database %s: only servers of"
                     " waybill may write such messages",
                     LABELS_PREFIX, what);
}

err_t
labels_unpack(bytes_t bytes, arena_t *arena, label_t **labels, size_t *n, fault_t *fault)
{
    cursor_t cursor = cursor_of(bytes);
    if (!read_count(&cursor, n))
        return refuse(fault, "is no list of labels");
    *labels = arena_new(arena, *n * sizeof(**labels));
    for (size_t i = 0; i < *n; i++)
        if (!read_label(&cursor, arena, &(*labels)[i]))
            return refuse(fault, "has a broken label");
    if (cursor_left(&cursor) > 0)
        return refuse(fault, "goes on behind its labels");
    return OK;
}
