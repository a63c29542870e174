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
    [KIND_ONE] = "ONE",
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
#define ONE(record, c_name, wire, since, flags, text)                                          \
    {SHARED(c_name, wire, ONE, since, flags, text), .element = MSG_##record},
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
#undef ONE
#undef END

#define CALLED(name, wire, class, summary) [MSG_##name] = name##_schema,
#define NAMED(...)
#define TEXTS(...)
#define LIST(...)
#define ONE(...)
#define END(name)
static const schema_t *(*const schemas[MSG_COUNT])(void) = {
#include "schemas/messages.def"
};
#undef CALLED
#undef NAMED
#undef TEXTS
#undef LIST
#undef ONE
#undef END
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

const schema_t *
schema_of(message_id_t id)
{
    return schemas[id]();
}

/*  ------------------------------------------------------------------- names  */

/*  A hash table with open places, at most a quarter full: every message that arrives is
    looked up here. A slot holds an id + 1; 0 is an open place.  */
enum { NAME_SLOTS = 1024 };
_Static_assert(MSG_COUNT * 4 <= NAME_SLOTS, "the table of names must grow");

static struct {
    pthread_once_t once;
    uint16_t slots[NAME_SLOTS];
} by_name = {.once = PTHREAD_ONCE_INIT};

static uint32_t
slot_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t) *name) * 16777619u;
    return (hash ^ hash >> 16) % NAME_SLOTS;
}

static void
enter_names(void)
{
    for (message_id_t id = 0; id < MSG_COUNT; id++) {
        uint32_t slot = slot_of(schema_of(id)->name);
        while (by_name.slots[slot] != 0)
            slot = (slot + 1) % NAME_SLOTS;
        by_name.slots[slot] = (uint16_t) (id + 1);
    }
}

message_id_t
message_named(const char *name)
{
    pthread_once(&by_name.once, enter_names);
    for (uint32_t slot = slot_of(name); by_name.slots[slot]; slot = (slot + 1) % NAME_SLOTS) {
        const message_id_t id = by_name.slots[slot] - 1U;
        if (strcmp(schema_of(id)->name, name) == 0)
            return id;
    }
    return MSG_COUNT;
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
        if (field->kind == KIND_LIST || field->kind == KIND_ONE)
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
