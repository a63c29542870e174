/*  text_set - a set of texts, each with a note; both are copied in.  */

#pragma once

#include "schemas/base.h"

/*  Zero is empty.  */
typedef struct text_set {
    char **places; /* text and note, one behind the other; a power of two of them, at most
                      half of them in use */
    size_t n_places;
    size_t n;
} text_set_t;

/*  With an empty note.  */
void text_set_add(text_set_t *self, const char *text);
/*  A text that is there already keeps its note.  */
void text_set_add_note(text_set_t *self, const char *text, const char *note);
bool text_set_has(const text_set_t *self, const char *text);
/*  NULL if the text is not there; until it is removed.  */
const char *text_set_note(const text_set_t *self, const char *text);
/*  False if it was not there.  */
bool text_set_remove(text_set_t *self, const char *text);
void text_set_release(text_set_t *self);
