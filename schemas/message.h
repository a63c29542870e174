/*  message - the structs, ids and schemas that the .def files declare.

    records.def, bus.def, system.def and wire.def hold every shape that travels, on the bus or
   on the wire. Only data is made of them: one struct, one id and one table a message. The code
   that packs, unpacks, prints and hashes them is in codec.c, once for all.  */

#pragma once

#include "schemas/base.h"

/*  How a message behaves on the bus, and who may answer it.  */
#define CLASS_MAP(X)                                                                           \
    X(RECORD, "part of other messages, never sent alone")                                      \
    X(EVENT, "published to whoever listens; never slows the publisher")                        \
    X(COMMAND, "sent to one actor; may park the sender")                                       \
    X(REQUEST, "sent to one actor, answered by exactly one reply; may park the sender")        \
    X(REPLY, "answers a request; always admitted")                                             \
    X(HINT, "newest wins; a lost one costs latency, never data")                               \
    X(WIRE, "between agent and server, over WebSocket")

#define X(name, text) CLASS_##name,
typedef enum message_class { CLASS_MAP(X) CLASS_COUNT } message_class_t;
#undef X

const char *class_name(message_class_t class);

/*  What a field can hold, and as which C type.

    TIME    milliseconds since 1970; an integer in msgpack, ISO-8601 text in JSON (read
            in both forms)
    STAMP   the same, but a number in JSON as well
    LSN     a position; an integer in msgpack, HI/LO text in JSON (read in both forms)
    BODY    one packed msgpack map, a row, handed through; an object in JSON
    TEXTS   const char **name, size_t n_name
    LIST    element_t *name, size_t n_name
    ONE     element_t *name: one record inside of another  */
#define KIND_MAP(X)                                                                            \
    X(BOOL, bool)                                                                              \
    X(INT, int64_t)                                                                            \
    X(UINT, uint64_t)                                                                          \
    X(TIME, int64_t)                                                                           \
    X(STAMP, int64_t)                                                                          \
    X(TEXT, const char *)                                                                      \
    X(BYTES, bytes_t)                                                                          \
    X(LSN, uint64_t)                                                                           \
    X(BODY, bytes_t)

#define X(kind, ctype) KIND_##kind,
typedef enum kind { KIND_MAP(X) KIND_TEXTS, KIND_LIST, KIND_ONE, KIND_COUNT } kind_t;
#undef X

#define X(kind, ctype) typedef ctype field_##kind;
KIND_MAP(X)
#undef X

/*  OPTIONAL may be missing and then reads as zero; SECRET is masked in print and in the
    tap. They combine: OPTIONAL | SECRET.  */
enum { REQUIRED = 0, OPTIONAL = 1 << 0, SECRET = 1 << 1 };

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): what the passes are given is names and types */
/*  MESSAGE is CALLED with the C name as the message's name, and FIELD is NAMED so: the
    passes below define CALLED and NAMED only.  */
#define MESSAGE(name, class, summary) CALLED(name, #name, class, summary)
#define FIELD(kind, name, since, flags, summary) NAMED(kind, name, #name, since, flags, summary)

/*  MSG_change_recorded, ...  */
#define CALLED(name, wire, class, summary) MSG_##name,
#define NAMED(...)
#define TEXTS(...)
#define LIST(...)
#define ONE(...)
#define END(name)
typedef enum message_id {
#include "schemas/messages.def"
    MSG_COUNT
} message_id_t;
#undef CALLED
#undef NAMED
#undef TEXTS
#undef LIST
#undef ONE
#undef END

/*  change_recorded_t, ...  */
#define LATER_IS_OPTIONAL(since, flags)                                                        \
    _Static_assert((since) == 1 || ((flags) & OPTIONAL), "a later field must be OPTIONAL");
#define CALLED(name, wire, class, summary) typedef struct name {
#define NAMED(kind, name, wire, since, flags, summary)                                         \
    field_##kind name; LATER_IS_OPTIONAL(since, flags)
#define TEXTS(name, wire, since, flags, summary)                                               \
    const char **name; size_t n_##name; LATER_IS_OPTIONAL(since, flags)
#define LIST(element, name, wire, since, flags, summary)                                       \
    element##_t *name; size_t n_##name; LATER_IS_OPTIONAL(since, flags)
#define ONE(element, name, wire, since, flags, summary)                                        \
    element##_t *name; LATER_IS_OPTIONAL(since, flags)
#define END(name) } name##_t;
#include "schemas/messages.def"
#undef CALLED
#undef NAMED
#undef TEXTS
#undef LIST
#undef ONE
#undef END
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/*  "TEXT", "LIST", ...  */
const char *kind_name(kind_t kind);

typedef struct field {
    const char *name; /* on the wire */
    size_t name_size; /* strlen(name) */
    kind_t kind;
    message_id_t element; /* LIST and ONE */
    unsigned flags;
    unsigned since;
    size_t offset;
    size_t count_offset; /* TEXTS and LIST: where n_name is */
    const char *summary;
} field_t;

typedef struct schema {
    const char *name;
    message_class_t class;
    const char *summary;
    size_t size;
    const field_t *fields;
    size_t n_fields;
} schema_t;

const schema_t *schema_of(message_id_t id);

/*  Looks a message up by name; MSG_COUNT if there is none.  */
message_id_t message_named(const char *name);

/*  FNV-1a over names, kinds, flags and elements: two builds that mean the same shape
    have the same hash. Computed once, at the first call.  */
uint32_t schema_hash(message_id_t id);
