/*  about - what a message is about: the rows, changes, clients and numbers in it, told by the
    names of its fields.  */

#pragma once

#include "schemas/codec.h"

/*  Is one of its rows in that table, with that key? id NULL: any. A row whose key nobody names
    is known by its column `id`, and if it has none by any column.  */
typedef struct about_entity {
    const char *table;
    const char *id;
} about_entity_t;
bool about_has_entity(message_id_t message, const void *body, const about_entity_t *entity);

bool about_has_change(message_id_t message, const void *body, const char *id);
bool about_has_client(message_id_t message, const void *body, const char *id);
/*  The session in it; 0 if there is none.  */
uint64_t about_session(message_id_t message, const void *body);

/*  Adds what a person wants to know of it, in a few words: notes/1 update, lsn 0/2A  */
void about_write(message_id_t message, const void *body, buffer_t *out);
