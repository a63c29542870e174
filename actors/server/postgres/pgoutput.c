#include "actors/server/postgres/pgoutput.h"

#include <string.h>

/*  Walks the bytes. What is wrong with them is kept from the first time, and then nothing is
   left to walk, so that a decoder needs to look once, at its end.  */
typedef struct walk {
    const uint8_t *at, *end;
    const char *what; /* inside of which the bytes end, or which cannot be so */
    bool impossible;
} walk_t;

typedef struct layout {
    pgoutput_kind_t kind;
    const char *name;
    void (*read)(walk_t *walk, arena_t *arena, pgoutput_message_t *message);
} layout_t;

/*  -------------------------------------------------------------- elements  */

static size_t
left_of(const walk_t *walk)
{
    return (size_t) (walk->end - walk->at);
}

static void
give_up(walk_t *walk, const char *what, bool impossible)
{
    if (walk->what == NULL) {
        walk->what = what;
        walk->impossible = impossible;
    }
    walk->at = walk->end;
}

static bool
has(walk_t *walk, size_t size, const char *what)
{
    if (walk->what == NULL && left_of(walk) >= size)
        return true;
    give_up(walk, what, false);
    return false;
}

static uint64_t
read_number(walk_t *walk, size_t size, const char *what)
{
    uint64_t number = 0;
    if (has(walk, size, what))
        for (const uint8_t *end = walk->at + size; walk->at < end; walk->at++)
            number = number << 8 | *walk->at;
    return number;
}

/*  One of those letters; 0 if not.  */
static char
read_letter(walk_t *walk, const char *letters, const char *what)
{
    const char letter = (char) read_number(walk, 1, what);
    if (letter != '\0' && strchr(letters, letter) != NULL)
        return letter;
    give_up(walk, what, true);
    return '\0';
}

/*  Bits of which no others than those of mask may be set.  */
static uint8_t
read_flags(walk_t *walk, uint8_t mask, const char *what)
{
    const uint8_t flags = (uint8_t) read_number(walk, 1, what);
    if ((flags | mask) != mask)
        give_up(walk, what, true);
    return flags;
}

/*  A count of things that take at least so many bytes each: what cannot be there is refused
    before memory is taken for it.  */
static size_t
read_count(walk_t *walk, size_t width, size_t at_least, const char *what)
{
    const size_t count = (size_t) read_number(walk, width, what);
    return has(walk, count * at_least, what) ? count : 0;
}

static size_t
read_column_count(walk_t *walk, size_t at_least, const char *what)
{
    const size_t count = read_count(walk, 2, at_least, what);
    if (count <= PGOUTPUT_COLUMNS)
        return count;
    give_up(walk, what, true);
    return 0;
}

static const char *
read_text(walk_t *walk, const char *what)
{
    const uint8_t *end = walk->what == NULL ? memchr(walk->at, '\0', left_of(walk)) : NULL;
    if (end == NULL) {
        give_up(walk, what, false);
        return "";
    }
    const char *text = (const char *) walk->at;
    walk->at = end + 1;
    return text;
}

static const char *
read_name(walk_t *walk, const char *what)
{
    const char *name = read_text(walk, what);
    if (name[0] == '\0')
        give_up(walk, what, true);
    return name;
}

static bytes_t
read_bytes(walk_t *walk, const char *what)
{
    const size_t size = read_count(walk, 4, 1, what);
    const bytes_t bytes = {walk->at, size};
    walk->at += size;
    return bytes;
}

/*  Microseconds since 2000 as milliseconds since 1970.  */
static int64_t
read_time(walk_t *walk)
{
    return (int64_t) read_number(walk, 8, "time") / 1000 + 946684800000;
}

static pgoutput_value_t
read_value(walk_t *walk, const char *what)
{
    pgoutput_value_t value = {.kind = read_letter(walk, "nut", what)};
    if (value.kind == 't')
        value.text = read_bytes(walk, what);
    return value;
}

static pgoutput_tuple_t
read_tuple(walk_t *walk, arena_t *arena, const char *what)
{
    pgoutput_tuple_t tuple = {.n = read_column_count(walk, 1, what)};
    tuple.values = arena_new(arena, tuple.n * sizeof(*tuple.values));
    for (size_t i = 0; i < tuple.n; i++)
        tuple.values[i] = read_value(walk, what);
    return tuple;
}

/*  -------------------------------------------------------------- messages  */

static void
read_begin(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    (void) arena;
    message->lsn = read_number(walk, 8, "position");
    message->time_ms = read_time(walk);
    message->xid = (uint32_t) read_number(walk, 4, "transaction id");
}

static void
read_commit(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    (void) arena;
    read_flags(walk, 0, "flags");
    message->lsn = read_number(walk, 8, "position");
    message->end = read_number(walk, 8, "end");
    message->time_ms = read_time(walk);
}

static pgoutput_column_t
read_column(walk_t *walk)
{
    pgoutput_column_t column = {.key = read_flags(walk, 1, "flags of a column") != 0};
    column.name = read_name(walk, "name of a column");
    column.type = (uint32_t) read_number(walk, 4, "type of a column");
    column.modifier = (int32_t) read_number(walk, 4, "type modifier of a column");
    return column;
}

/*  No name is what PostgreSQL sends for pg_catalog.  */
static void
read_relation(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    enum { SMALLEST_COLUMN = 1 + 2 + 4 + 4 };
    message->relation = (uint32_t) read_number(walk, 4, "table id");
    message->schema = read_text(walk, "schema");
    message->table = read_name(walk, "table");
    message->identity = read_letter(walk, "dnfi", "replica identity");
    message->n_columns = read_column_count(walk, SMALLEST_COLUMN, "columns");
    message->columns = arena_new(arena, message->n_columns * sizeof(*message->columns));
    for (size_t i = 0; i < message->n_columns; i++)
        message->columns[i] = read_column(walk);
}

static void
read_insert(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    message->relation = (uint32_t) read_number(walk, 4, "table id");
    read_letter(walk, "N", "kind of row");
    message->fresh = read_tuple(walk, arena, "row");
}

static void
read_old(walk_t *walk, arena_t *arena, char kind, pgoutput_message_t *message)
{
    message->old_kind = kind;
    message->old = read_tuple(walk, arena, "old row");
}

static void
read_update(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    message->relation = (uint32_t) read_number(walk, 4, "table id");
    const char kind = read_letter(walk, "KON", "kind of row");
    if (kind != 'N') {
        read_old(walk, arena, kind, message);
        read_letter(walk, "N", "kind of row");
    }
    message->fresh = read_tuple(walk, arena, "row");
}

static void
read_delete(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    message->relation = (uint32_t) read_number(walk, 4, "table id");
    read_old(walk, arena, read_letter(walk, "KO", "kind of row"), message);
}

static void
read_truncate(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    message->n_relations = read_count(walk, 4, 4, "tables");
    const uint8_t options = read_flags(walk, 3, "options");
    message->cascade = (options & 1) != 0;
    message->restart_identity = (options & 2) != 0;
    message->relations = arena_new(arena, message->n_relations * sizeof(*message->relations));
    for (size_t i = 0; i < message->n_relations; i++)
        message->relations[i] = (uint32_t) read_number(walk, 4, "tables");
}

static void
read_message(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    (void) arena;
    message->transactional = read_flags(walk, 1, "flags") != 0;
    message->lsn = read_number(walk, 8, "position");
    message->prefix = read_text(walk, "prefix");
    message->content = read_bytes(walk, "content");
}

static void
read_origin(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    (void) arena;
    message->lsn = read_number(walk, 8, "position");
    read_text(walk, "name");
}

static void
read_type(walk_t *walk, arena_t *arena, pgoutput_message_t *message)
{
    (void) arena;
    (void) message;
    read_number(walk, 4, "type id");
    read_text(walk, "schema");
    read_name(walk, "name");
}

/*  By the letter that a message begins with.  */
static const layout_t layouts[UINT8_MAX + 1] = {
    ['B'] = {PGOUTPUT_BEGIN, "Begin", read_begin},
    ['C'] = {PGOUTPUT_COMMIT, "Commit", read_commit},
    ['R'] = {PGOUTPUT_RELATION, "Relation", read_relation},
    ['I'] = {PGOUTPUT_INSERT, "Insert", read_insert},
    ['U'] = {PGOUTPUT_UPDATE, "Update", read_update},
    ['D'] = {PGOUTPUT_DELETE, "Delete", read_delete},
    ['T'] = {PGOUTPUT_TRUNCATE, "Truncate", read_truncate},
    ['M'] = {PGOUTPUT_MESSAGE, "Message", read_message},
    ['O'] = {PGOUTPUT_OTHER, "Origin", read_origin},
    ['Y'] = {PGOUTPUT_OTHER, "Type", read_type},
};

static err_t
refuse(const walk_t *walk, const layout_t *layout, fault_t *fault)
{
    static const char way_out[] = "is something other than PostgreSQL 14 or newer in between?";
    if (walk->what == NULL)
        return fault_set(fault, ERR_PROTOCOL,
                         "the database sent a broken %s message with %zu bytes too many: %s",
                         layout->name, left_of(walk), way_out);
    return fault_set(fault, ERR_PROTOCOL,
                     "the database sent a broken %s message, %s its %s: %s", layout->name,
                     walk->impossible ? "impossible in" : "which ends in", walk->what, way_out);
}

err_t
pgoutput_read(bytes_t bytes, arena_t *arena, pgoutput_message_t *message, fault_t *fault)
{
    *message = (pgoutput_message_t){0};
    if (bytes.size == 0)
        return fault_set(fault, ERR_PROTOCOL, "the database sent an empty message of its log");
    const layout_t *layout = &layouts[bytes.data[0]];
    if (layout->read == NULL)
        return fault_set(
            fault, ERR_PROTOCOL,
            "the database sent a message of the unknown kind 0x%02x: only version 1"
            " of the protocol of pgoutput was asked for",
            bytes.data[0]);
    walk_t walk = {.at = bytes.data + 1, .end = bytes.data + bytes.size};
    message->kind = layout->kind;
    layout->read(&walk, arena, message);
    if (walk.what != NULL || left_of(&walk) > 0)
        return refuse(&walk, layout, fault);
    return OK;
}
