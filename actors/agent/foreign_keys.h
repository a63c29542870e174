/*  foreign_keys - which columns of the application's tables name rows of others.  */

#pragma once

#include "actors/common/db.h"

typedef struct foreign_key {
    const char *child, *parent; /* tables; names may differ in case from theirs */
    const char **from;          /* columns of the child */
    const char **to;            /* and those of the parent that they name */
    size_t n_columns;
} foreign_key_t;

typedef struct foreign_keys {
    foreign_key_t *items;
    size_t n;
} foreign_keys_t;

/*  All of the database; they live in arena.  */
CHECKED err_t foreign_keys_read(db_t *db, arena_t *arena, foreign_keys_t *keys, fault_t *fault);
