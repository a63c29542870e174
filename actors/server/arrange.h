/*  arrange - transactions put in an order that any client can apply.

    A client of the JSON encoding applies one change after the other and knows nothing of
    transactions. So in each of them two changes of one row become one, parents come before
    their children, and deletes last, children first.  */

#pragma once

#include "schemas/message.h"

/*  What is known of the tables: parents first, as the distributor describes them.  */
typedef struct family {
    const char **names;
    const char ***keys; /* of each table: names of the columns of its key, ends with NULL */
    size_t n;
    arena_t arena;
} family_t;

void family_learn(family_t *self, const table_schema_t *tables, size_t n);
void family_release(family_t *self);

/*  Arranges each transaction in changes on its own; gives how many are left.  */
size_t arrange(const family_t *family, server_change_t *changes, size_t n, arena_t *arena);
