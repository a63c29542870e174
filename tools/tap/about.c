#include "tools/tap/about.h"

#include "schemas/fields.h"
#include "schemas/row.h"
#include "tools/show.h"

#include <inttypes.h>
#include <string.h>

/*  SHOWN: elements of a list that are shown; LONGEST: letters of a text.  */
enum { SHOWN = 2, LONGEST = 48 };

typedef enum role {
    ROLE_none,
    ROLE_plain,
    ROLE_table,
    ROLE_entity,
    ROLE_row,
    ROLE_change,
    ROLE_client,
    ROLE_session
} role_t;

/*  What the fields of that name mean, in whichever message; label stands before the value, and
    of a flag alone.  */
typedef struct meaning {
    const char *field;
    role_t role;
    const char *label;
    const char *message; /* only in this one; NULL: in any */
} meaning_t;

static const meaning_t meanings[] = {
    {"id", ROLE_entity, "", "entry"},
    {"id", ROLE_plain, "", "dead_letter"},
    {"table", ROLE_table, "", NULL},
    {"entity_type", ROLE_table, "", NULL},
    {"entity_id", ROLE_entity, "", NULL},
    {"data", ROLE_row, "", NULL},
    {"row", ROLE_row, "", NULL},
    {"operation", ROLE_plain, "", NULL},
    {"id", ROLE_change, "", NULL},
    {"ids", ROLE_change, "", NULL},
    {"change", ROLE_change, "", NULL},
    {"changeIds", ROLE_change, "", NULL},
    {"appliedChanges", ROLE_change, "", NULL},
    {"subject", ROLE_change, "", NULL},
    {"held_by", ROLE_change, "held by ", NULL},
    {"folded_into", ROLE_change, "folded into ", NULL},
    {"client_id", ROLE_client, "client ", NULL},
    {"clientId", ROLE_client, "client ", NULL},
    {"origin", ROLE_client, "client ", NULL},
    {"session", ROLE_session, "session ", NULL},
    {"verdict", ROLE_plain, "", NULL},
    {"result", ROLE_plain, "", NULL},
    {"outcome", ROLE_plain, "", NULL},
    {"state", ROLE_plain, "", NULL},
    {"phase", ROLE_plain, "", NULL},
    {"act", ROLE_plain, "", NULL},
    {"filter", ROLE_plain, "", NULL},
    {"code", ROLE_plain, "", NULL},
    {"message", ROLE_plain, "", NULL},
    {"reason", ROLE_plain, "", NULL},
    {"level", ROLE_plain, "", NULL},
    {"text", ROLE_plain, "", NULL},
    {"actor", ROLE_plain, "", NULL},
    {"type", ROLE_plain, "", NULL},
    {"prev", ROLE_plain, "after ", NULL},
    {"lsn", ROLE_plain, "lsn ", NULL},
    {"server_lsn", ROLE_plain, "of ", NULL},
    {"last", ROLE_plain, "last ", NULL},
    {"after", ROLE_plain, "after ", NULL},
    {"limit", ROLE_plain, "limit ", NULL},
    {"chunk", ROLE_plain, "chunk ", NULL},
    {"count", ROLE_plain, "count ", NULL},
    {"number", ROLE_plain, "number ", NULL},
    {"pages", ROLE_plain, "pages ", NULL},
    {"pending", ROLE_plain, "pending ", NULL},
    {"in_flight", ROLE_plain, "in flight ", NULL},
    {"failed", ROLE_plain, "failed ", NULL},
    {"parked", ROLE_plain, "parked ", NULL},
    {"held", ROLE_plain, "held ", NULL},
    {"applied", ROLE_plain, "applied ", NULL},
    {"skipped", ROLE_plain, "skipped ", NULL},
    {"synced", ROLE_plain, "synced ", NULL},
    {"more", ROLE_plain, "more ", NULL},
    {"many", ROLE_plain, "many ", NULL},
    {"complete", ROLE_plain, "complete ", NULL},
    {"total", ROLE_plain, "of ", NULL},
    {"changes", ROLE_plain, "", NULL},
    {"verdicts", ROLE_plain, "", NULL},
    {"results", ROLE_plain, "", NULL},
    {"retries", ROLE_plain, "", NULL},
    {"errors", ROLE_plain, "errors: ", NULL},
    {"tables", ROLE_plain, "tables: ", NULL},
    {"name", ROLE_plain, "", NULL},
};

static const meaning_t *
meaning_of(message_id_t message, const field_t *field)
{
    static const meaning_t nothing = {0};
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        const meaning_t *meaning = &meanings[i];
        if (strcmp(meaning->field, field->name) == 0
            && (!meaning->message || strcmp(meaning->message, schema_of(message)->name) == 0))
            return meaning;
    }
    return &nothing;
}

/*  ----------------------------------------------------------------------- finding  */

typedef bool test_fn(message_id_t message, const void *body, const void *wanted);

/*  Is it so for the message itself, or for a record in it?  */
/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations */
static bool
any_record(message_id_t message, const void *body, test_fn *test, const void *wanted)
{
    if (test(message, body, wanted))
        return true;
    const schema_t *schema = schema_of(message);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        if (field->kind != KIND_LIST)
            continue;
        const char *elements = *(const char *const *) field_at(field, body);
        for (size_t j = 0; j < field_length(field, body); j++)
            if (any_record(field->element, elements + j * schema_of(field->element)->size, test,
                           wanted))
                return true;
    }
    return false;
}

/* NOLINTEND(misc-no-recursion) */

static bool
text_is(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

static bool
field_says(const field_t *field, const void *body, const char *wanted)
{
    if (field->kind == KIND_TEXT)
        return text_is(*(const char *const *) field_at(field, body), wanted);
    if (field->kind != KIND_TEXTS)
        return false;
    const char *const *texts = *(const char *const *const *) field_at(field, body);
    for (size_t i = 0; i < field_length(field, body); i++)
        if (text_is(texts[i], wanted))
            return true;
    return false;
}

static bool
says(message_id_t message, const void *body, role_t role, const char *wanted)
{
    const schema_t *schema = schema_of(message);
    for (size_t i = 0; i < schema->n_fields; i++)
        if (meaning_of(message, &schema->fields[i])->role == role
            && field_says(&schema->fields[i], body, wanted))
            return true;
    return false;
}

static bool
has_change(message_id_t message, const void *body, const void *wanted)
{
    return says(message, body, ROLE_change, wanted);
}

bool
about_has_change(message_id_t message, const void *body, const char *id)
{
    return any_record(message, body, has_change, id);
}

static bool
has_client(message_id_t message, const void *body, const void *wanted)
{
    return says(message, body, ROLE_client, wanted);
}

bool
about_has_client(message_id_t message, const void *body, const char *id)
{
    return any_record(message, body, has_client, id);
}

static const field_t *
field_with(message_id_t message, role_t role, kind_t kind)
{
    const schema_t *schema = schema_of(message);
    for (size_t i = 0; i < schema->n_fields; i++)
        if (schema->fields[i].kind == kind
            && meaning_of(message, &schema->fields[i])->role == role)
            return &schema->fields[i];
    return NULL;
}

uint64_t
about_session(message_id_t message, const void *body)
{
    const field_t *field = field_with(message, ROLE_session, KIND_UINT);
    return field ? *(const uint64_t *) field_at(field, body) : 0;
}

static const char *
text_with(message_id_t message, const void *body, role_t role)
{
    const field_t *field = field_with(message, role, KIND_TEXT);
    return field ? *(const char *const *) field_at(field, body) : NULL;
}

static bytes_t
row_in(message_id_t message, const void *body)
{
    const field_t *field = field_with(message, ROLE_row, KIND_BODY);
    bytes_t row = field ? *(const bytes_t *) field_at(field, body) : (bytes_t){0};
    return row.size > 0 && row_check(row, NULL) == OK ? row : (bytes_t){0};
}

static bool
row_has_key(bytes_t row, const char *id)
{
    arena_t arena = {0};
    value_t value;
    bytes_t name;
    bool found = false;
    if (row.size > 0 && row_find(row, "id", &value)) {
        found = strcmp(value_text(&value, &arena), id) == 0;
    } else if (row.size > 0) {
        row_reader_t reader = row_read(row);
        while (!found && row_next(&reader, &name, &value))
            found = text_is(value_text(&value, &arena), id);
    }
    arena_release(&arena);
    return found;
}

static bool
has_entity(message_id_t message, const void *body, const void *wanted)
{
    const about_entity_t *entity = wanted;
    if (!says(message, body, ROLE_table, entity->table))
        return false;
    if (!entity->id)
        return true;
    const char *id = text_with(message, body, ROLE_entity);
    return id ? strcmp(id, entity->id) == 0 : row_has_key(row_in(message, body), entity->id);
}

bool
about_has_entity(message_id_t message, const void *body, const about_entity_t *entity)
{
    return any_record(message, body, has_entity, entity);
}

/*  ----------------------------------------------------------------------- showing  */

static void
separate(buffer_t *out, size_t start, const char *with)
{
    if (out->size > start)
        buffer_add_text(out, with);
}

static void
short_text(const char *text, buffer_t *out)
{
    int width = show_width(text);
    show_cell(out, text, width < LONGEST ? width : LONGEST);
}

static void
entity_write(message_id_t message, const void *body, buffer_t *out)
{
    arena_t arena = {0};
    value_t value;
    bytes_t row = row_in(message, body);
    const char *id = text_with(message, body, ROLE_entity);
    short_text(text_with(message, body, ROLE_table), out);
    if (!id && row.size > 0 && row_find(row, "id", &value))
        id = value_text(&value, &arena);
    if (id) {
        buffer_add_text(out, "/");
        short_text(id, out);
    }
    arena_release(&arena);
}

static void
texts_write(const field_t *field, const void *body, buffer_t *out)
{
    const char *const *texts = *(const char *const *const *) field_at(field, body);
    size_t n = field_length(field, body);
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        separate(out, i == 0 ? out->size : 0, ", ");
        short_text(texts[i], out);
    }
    if (n > SHOWN)
        buffer_add_format(out, ", %zu more", n - SHOWN);
}

static void
value_write(const field_t *field, const void *body, buffer_t *out)
{
    char text[LSN_TEXT];
    const void *at = field_at(field, body);
    switch (field->kind) {
    case KIND_INT:
        buffer_add_format(out, "%" PRId64, *(const field_INT *) at);
        break;
    case KIND_UINT:
        buffer_add_format(out, "%" PRIu64, *(const field_UINT *) at);
        break;
    case KIND_LSN:
        buffer_add_text(out, lsn_text(*(const field_LSN *) at, text));
        break;
    case KIND_TEXT:
        short_text(*(const char *const *) at, out);
        break;
    case KIND_TEXTS:
        texts_write(field, body, out);
        break;
    case KIND_BODY:
        if (msgpack_to_json(*(const bytes_t *) at, out) != OK)
            buffer_add_text(out, "damaged");
        break;
    case KIND_BOOL: /* told by its label */
    case KIND_TIME:
    case KIND_STAMP:
    case KIND_BYTES:
    case KIND_LIST:
    case KIND_ONE:
    case KIND_COUNT:
        break;
    }
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations */
static void
list_write(const field_t *field, const void *body, buffer_t *out)
{
    const char *elements = *(const char *const *) field_at(field, body);
    size_t n = field_length(field, body), size = schema_of(field->element)->size;
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        separate(out, i == 0 ? out->size : 0, "; ");
        about_write(field->element, elements + i * size, out);
    }
    if (n > SHOWN)
        buffer_add_format(out, "; %zu more", n - SHOWN);
}

static void
field_write(message_id_t message, const field_t *field, const void *body, buffer_t *out)
{
    const meaning_t *meaning = meaning_of(message, field);
    size_t size = strlen(meaning->label);
    if (field->kind == KIND_BOOL)
        size--; /* the blank: no value follows */
    buffer_add(out, meaning->label, size);
    if (meaning->role == ROLE_table && field->kind == KIND_TEXT)
        entity_write(message, body, out);
    else if (field->kind == KIND_LIST)
        list_write(field, body, out);
    else
        value_write(field, body, out);
}

static bool
is_shown(message_id_t message, const field_t *field, const void *body)
{
    role_t role = meaning_of(message, field)->role;
    if (role == ROLE_none || role == ROLE_row || role == ROLE_entity)
        return false;
    return !(field->flags & SECRET) && field_is_sent(field, body)
           && !(field->kind == KIND_LIST && field_length(field, body) == 0);
}

void
about_write(message_id_t message, const void *body, buffer_t *out)
{
    const schema_t *schema = schema_of(message);
    size_t start = out->size;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (is_shown(message, &schema->fields[i], body)) {
            separate(out, start, " ");
            field_write(message, &schema->fields[i], body, out);
        }
}
/* NOLINTEND(misc-no-recursion) */
