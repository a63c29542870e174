#include "actors/server/arrange.h"

#include "schemas/row.h"

#include <stdlib.h>
#include <string.h>

/*  ---------------------------------------------------------------------- the tables  */

static const char **
keys_of(family_t *self, const table_schema_t *table)
{
    const char **keys = arena_new(&self->arena, (table->n_columns + 1) * sizeof *keys);
    for (size_t i = 0; i < table->n_columns; i++) {
        const column_t *column = &table->columns[i];
        if (column->key > 0 && column->key <= table->n_columns)
            keys[column->key - 1] = arena_text(&self->arena, column->name);
    }
    return keys;
}

void
family_learn(family_t *self, const table_schema_t *tables, size_t n)
{
    arena_clear(&self->arena);
    self->names = arena_new(&self->arena, (n + 1) * sizeof *self->names);
    self->keys = arena_new(&self->arena, (n + 1) * sizeof *self->keys);
    self->n = n;
    for (size_t i = 0; i < n; i++) {
        self->names[i] = arena_text(&self->arena, tables[i].name);
        self->keys[i] = keys_of(self, &tables[i]);
    }
}

void
family_release(family_t *self)
{
    arena_release(&self->arena);
    *self = (family_t){0};
}

/*  A table that came since is a child of nobody we know.  */
static size_t
rank_of(const family_t *self, const char *table)
{
    size_t i = 0;
    while (i < self->n && strcmp(self->names[i], table) != 0)
        i++;
    return i;
}

/*  ------------------------------------------------------------------- two become one  */

typedef struct item {
    server_change_t change;
    size_t rank;
    size_t place;  /* in the transaction */
    uint64_t hash; /* of its key: most rows are told apart by that */
    bool deletes;
} item_t;

/*  FNV-1a over what value_equal() looks at.  */
static uint64_t
hash_value(uint64_t hash, const value_t *value)
{
    const int64_t number = value->kind == VALUE_INTEGER ? value->integer : value->kind;
    const bool has_bytes = value->kind == VALUE_TEXT || value->kind == VALUE_BLOB;
    hash = (hash ^ (uint64_t) number) * 1099511628211u;
    for (size_t i = 0; has_bytes && i < value->bytes.size; i++)
        hash = (hash ^ value->bytes.data[i]) * 1099511628211u;
    return hash;
}

static uint64_t
hash_key(const family_t *family, size_t rank, bytes_t row)
{
    uint64_t hash = 14695981039346656037u;
    value_t value;
    if (rank == family->n)
        return hash;
    for (const char **key = family->keys[rank]; *key; key++)
        if (row_find(row, *key, &value))
            hash = hash_value(hash, &value);
    return hash;
}

static bool
is_same_row(const family_t *family, const item_t *a, const item_t *b)
{
    if (a->hash != b->hash || a->rank != b->rank || a->rank == family->n)
        return false;
    const char **key = family->keys[a->rank];
    for (; *key; key++) {
        value_t left;
        value_t right;
        if (!row_find(a->change.data, *key, &left) || !row_find(b->change.data, *key, &right)
            || !value_equal(&left, &right))
            return false;
    }
    return key != family->keys[a->rank];
}

/*  A row that began in this transaction is inserted, one that was there before is updated,
    whatever happened to it in between; one that is gone at the end is deleted.  */
static void
join(item_t *first, const item_t *second)
{
    const bool began = strcmp(first->change.operation, "insert") == 0;
    const char *operation = second->deletes ? "delete" : began ? "insert" : "update";
    first->change = second->change;
    first->change.operation = operation;
    first->deletes = second->deletes;
}

static size_t
join_same(const family_t *family, item_t *items, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t earlier = 0;
        while (earlier < kept && !is_same_row(family, &items[earlier], &items[i]))
            earlier++;
        if (earlier < kept)
            join(&items[earlier], &items[i]);
        else
            items[kept++] = items[i];
    }
    return kept;
}

/*  -------------------------------------------------------------------------- the order  */

static int
compare(const void *a, const void *b)
{
    const item_t *left = a;
    const item_t *right = b;
    if (left->deletes != right->deletes)
        return left->deletes ? 1 : -1;
    if (left->rank != right->rank)
        return (left->rank < right->rank) == left->deletes ? 1 : -1;
    return left->place < right->place ? -1 : 1;
}

static size_t
arrange_one(const family_t *family, server_change_t *changes, size_t n, arena_t *arena)
{
    item_t *items = arena_new(arena, n * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        const size_t rank = rank_of(family, changes[i].table);
        items[i] = (item_t){
            .change = changes[i],
            .rank = rank,
            .place = i,
            .hash = hash_key(family, rank, changes[i].data),
            .deletes = strcmp(changes[i].operation, "delete") == 0,
        };
    }
    const size_t kept = join_same(family, items, n);
    qsort(items, kept, sizeof *items, compare);
    for (size_t i = 0; i < kept; i++)
        changes[i] = items[i].change;
    return kept;
}

size_t
arrange(const family_t *family, server_change_t *changes, size_t n, arena_t *arena)
{
    size_t kept = 0;
    size_t size = 0;
    for (size_t i = 0; i < n; i += size) {
        for (size = 1; i + size < n && changes[i + size].lsn == changes[i].lsn;)
            size++;
        const size_t left = size > 1 ? arrange_one(family, &changes[i], size, arena) : 1;
        memmove(&changes[kept], &changes[i], left * sizeof *changes);
        kept += left;
    }
    return kept;
}
