#include "schemas/message.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[CLASS_COUNT] = {
#define X(name, text) [CLASS_##name] = #name,
    CLASS_MAP(X)
#undef X
};

const char *
class_name(message_class_t class)
{
    return class_names[class];
}

static const char *const kind_names[KIND_COUNT] = {
#define X(kind, ctype) [KIND_##kind] = #kind,
    KIND_MAP(X)
#undef X
        [KIND_TEXTS] = "TEXTS",
    [KIND_LIST] = "LIST",
};

const char *
kind_name(kind_t kind)
{
    return kind_names[kind];
}

/*  --------------------------------------------------------------- the tables  */

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): what the passes are given is names and types */
/*  One function a message, so that self_t can mean "the struct described here".  */
#define CALLED(type, wire, type_class, text)                                                   \
    static const schema_t *type##_schema(void)                                                 \
    {                                                                                          \
        typedef type##_t self_t;                                                               \
        static const char called[] = wire, summary_text[] = text;                              \
        enum { class = CLASS_##type_class };                                                   \
        static const field_t fields[] = {
#define SHARED(c_name, wire, a_kind, a_since, some_flags, text)                                \
    .name = wire, .name_size = sizeof(wire) - 1, .kind = KIND_##a_kind, .flags = some_flags,   \
    .since = a_since, .offset = offsetof(self_t, c_name), .summary = text
#define NAMED(kind, name, wire, since, flags, text)                                            \
    {SHARED(name, wire, kind, since, flags, text)},
#define TEXTS(c_name, wire, since, flags, text)                                                \
    {SHARED(c_name, wire, TEXTS, since, flags, text),                                          \
     .count_offset = offsetof(self_t, n_##c_name)},
#define LIST(record, c_name, wire, since, flags, text)                                         \
    {SHARED(c_name, wire, LIST, since, flags, text),                                           \
     .count_offset = offsetof(self_t, n_##c_name), .element = MSG_##record},
#define END(type)                                                                              \
        };                                                                                     \
        static const schema_t schema = {called, (message_class_t) class, summary_text,         \
                                        sizeof(self_t), fields, COUNT_OF(fields)};             \
        return &schema;                                                                        \
    }
#include "schemas/messages.def"
#undef CALLED
#undef NAMED
#undef TEXTS
#undef LIST
#undef END

#define CALLED(name, wire, class, summary) [MSG_##name] = name##_schema,
#define NAMED(...)
#define TEXTS(...)
#define LIST(...)
#define END(name)
static const schema_t *(*const schemas[MSG_COUNT])(void) = {
#include "schemas/messages.def"
};
#undef CALLED
#undef NAMED
#undef TEXTS
#undef LIST
#undef END
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

const schema_t *
schema_of(message_id_t id)
{
    return schemas[id]();
}

/*  ------------------------------------------------------------------- names  */

static struct {
    pthread_once_t once;
    message_id_t ids[MSG_COUNT];
} by_name = {.once = PTHREAD_ONCE_INIT};

static int
compare_names(const void *a, const void *b)
{
    const message_id_t *left = a;
    const message_id_t *right = b;
    return strcmp(schema_of(*left)->name, schema_of(*right)->name);
}

static void
sort_names(void)
{
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        by_name.ids[id] = id;
    qsort(by_name.ids, MSG_COUNT, sizeof(by_name.ids[0]), compare_names);
}

static int
compare_with_name(const void *name, const void *id)
{
    const message_id_t *known = id;
    return strcmp(name, schema_of(*known)->name);
}

message_id_t
message_named(const char *name)
{
    pthread_once(&by_name.once, sort_names);
    const message_id_t *id =
        bsearch(name, by_name.ids, MSG_COUNT, sizeof(by_name.ids[0]), compare_with_name);
    return id ? *id : MSG_COUNT;
}

/*  ------------------------------------------------------------------ hashes  */

static struct {
    pthread_once_t once;
    uint32_t hashes[MSG_COUNT];
} known = {.once = PTHREAD_ONCE_INIT};

/*  FNV-1a, the NUL of a text included: "ab" "c" is not "a" "bc".  */
static uint32_t
hash_add(uint32_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static uint32_t
hash_add_text(uint32_t hash, const char *text)
{
    return hash_add(hash, text, strlen(text) + 1);
}

static uint32_t
hash_add_number(uint32_t hash, uint32_t number)
{
    const uint8_t bytes[] = {(uint8_t) (number >> 24), (uint8_t) (number >> 16),
                             (uint8_t) (number >> 8), (uint8_t) number};
    return hash_add(hash, bytes, sizeof(bytes));
}

static uint32_t
hash_of(const schema_t *schema)
{
    uint32_t hash = hash_add_text(2166136261u, schema->name);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        hash = hash_add_text(hash, field->name);
        hash = hash_add_text(hash, kind_name(field->kind));
        hash = hash_add_number(hash, field->flags);
        if (field->kind == KIND_LIST)
            hash = hash_add_number(hash, known.hashes[field->element]);
    }
    return hash;
}

/*  A record is declared before whatever uses it, so its hash is there in time.  */
static void
hash_all(void)
{
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        known.hashes[id] = hash_of(schema_of(id));
}

uint32_t
schema_hash(message_id_t id)
{
    pthread_once(&known.once, hash_all);
    return known.hashes[id];
}
