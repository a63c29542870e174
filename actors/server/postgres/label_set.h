/*  label_set - the labels of a transaction that no row has got yet, by table and key.  */

#pragma once

#include "actors/server/postgres/labels.h"

/*  Zero is empty.  */
typedef struct label_set {
    arena_t arena;   /* for the labels of a transaction */
    label_t *places; /* table NULL: free */
    size_t n_places, n;
} label_set_t;

/*  Labels live in self->arena. A second one for the same row takes the place of the first.  */
void label_set_add(label_set_t *self, const label_t *labels, size_t n);
/*  The row's label, once; false if there is none. Its texts live until label_set_clear().  */
bool label_set_take(label_set_t *self, const char *table, const char *key, label_t *label);
void label_set_clear(label_set_t *self);
void label_set_release(label_set_t *self);
