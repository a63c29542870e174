#include "client/rows.h"

#include <stdlib.h>
#include <string.h>

/*  FNV-1a.  */
static size_t
hash(const char *key)
{
    uint64_t sum = 14695981039346656037u;
    for (; *key != '\0'; key++)
        sum = (sum ^ (uint8_t) *key) * 1099511628211u;
    return (size_t) sum;
}

static row_entry_t **
bucket_of(const rows_t *self, const char *key)
{
    return &self->buckets[hash(key) & (self->n_buckets - 1)];
}

row_entry_t *
rows_find(const rows_t *self, const char *key)
{
    if (self->n_buckets == 0)
        return NULL;
    row_entry_t *entry = *bucket_of(self, key);
    while (entry != NULL && strcmp(entry->key, key) != 0)
        entry = entry->chain;
    return entry;
}

static void
grow(rows_t *self)
{
    free(self->buckets);
    self->n_buckets = self->n_buckets == 0 ? 64 : self->n_buckets * 2;
    self->buckets = mem_new(self->n_buckets * sizeof *self->buckets);
    for (row_entry_t *entry = self->first; entry != NULL; entry = entry->next) {
        row_entry_t **bucket = bucket_of(self, entry->key);
        entry->chain = *bucket;
        *bucket = entry;
    }
}

static row_entry_t *
add(rows_t *self, const char *key)
{
    if (self->count == self->n_buckets)
        grow(self);
    row_entry_t *entry = mem_new(sizeof *entry);
    row_entry_t **bucket = bucket_of(self, key);
    entry->key = mem_text(key);
    entry->chain = *bucket;
    *bucket = entry;
    entry->before = self->last;
    if (self->last != NULL)
        self->last->next = entry;
    else
        self->first = entry;
    self->last = entry;
    self->count++;
    return entry;
}

void
rows_put(rows_t *self, const char *key, bytes_t row)
{
    row_entry_t *entry = rows_find(self, key);
    if (entry == NULL)
        entry = add(self, key);
    uint8_t *copy = mem_new(row.size + 1);
    memcpy(copy, row.data, row.size);
    free(entry->copy);
    entry->copy = copy;
    entry->row = (bytes_t){copy, row.size};
}

static void
entry_free(row_entry_t *entry)
{
    free(entry->copy);
    free(entry->key);
    free(entry);
}

void
rows_remove(rows_t *self, const char *key)
{
    row_entry_t *gone = rows_find(self, key);
    if (gone == NULL)
        return;
    row_entry_t **at = bucket_of(self, key);
    while (*at != gone)
        at = &(*at)->chain;
    *at = gone->chain;
    *(gone->before != NULL ? &gone->before->next : &self->first) = gone->next;
    *(gone->next != NULL ? &gone->next->before : &self->last) = gone->before;
    self->count--;
    entry_free(gone);
}

void
rows_release(rows_t *self)
{
    while (self->first != NULL) {
        row_entry_t *gone = self->first;
        self->first = gone->next;
        entry_free(gone);
    }
    free(self->buckets);
    *self = (rows_t){0};
}
