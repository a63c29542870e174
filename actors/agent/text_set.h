/*  text_set - a set of texts, copied in.  */

#pragma once

#include "schemas/base.h"

/*  Zero is empty.  */
typedef struct text_set {
    char **places; /* a power of two of them, at most half of them in use */
    size_t n_places;
    size_t n;
} text_set_t;

void text_set_add(text_set_t *self, const char *text);
bool text_set_has(const text_set_t *self, const char *text);
/*  False if it was not there.  */
bool text_set_remove(text_set_t *self, const char *text);
void text_set_release(text_set_t *self);
