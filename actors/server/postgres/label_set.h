/*  label_set - the labels of a transaction that no row has got yet, by table and key; and who
   has written each row of it.

    One transaction may have changes of several clients, of one row as well. A client is not
   sent what it wrote itself; but what it wrote after somebody else it must be sent, or it would
   take the other's for newer. So such a row has a change, and no client.  */

#pragma once

#include "actors/server/postgres/labels.h"

typedef struct label_place {
    label_t label;      /* table NULL: the place is free; change_id NULL: no label waits */
    bool written;       /* the row, in this transaction */
    const char *writer; /* the only client who has; NULL: there are others */
} label_place_t;

/*  Zero is empty.  */
typedef struct label_set {
    arena_t arena; /* for the labels of a transaction */
    label_place_t *places;
    size_t n_places, n;
    int64_t earliest; /* time of the earliest change, if n > 0 */
} label_set_t;

/*  Labels live in self->arena. A second one for the same row takes the place of the first.  */
void label_set_add(label_set_t *self, const label_t *labels, size_t n);
/*  To be asked for every row that is written: its label, once; false if there is none. Its
   texts live until label_set_clear().  */
bool label_set_take(label_set_t *self, const char *table, const char *key, label_t *label);
void label_set_clear(label_set_t *self);
void label_set_release(label_set_t *self);
