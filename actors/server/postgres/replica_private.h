/*  replica_private - what the sources of replica share; nobody else's.  */

#pragma once

#include "actors/server/postgres/replica.h"

struct replica {
    db_t *db;
    table_t *table;
    puts_t *puts;
    journal_t *journal;
    arena_t arena;
    const column_t *columns;
    size_t n;
    size_t *keys; /* columns of the key, in its order */
    size_t n_keys;
    pg_shape_t *shapes;
    const char **members; /* "name": of each column */
    const char *put_sql, *put_many_sql, *read_sql, *delete_sql, *some_sql;
    put_plan_t plan; /* empty: not made yet */
    bool keeps_old;  /* the row before is part of the history */
    bool by_column;  /* each column has a version */
    buffer_t data, old, key;
};

/*  As the triggers write a row and a key; in json, which is emptied before.  */
bytes_t replica_row_json(const replica_t *self, const value_t *values, buffer_t *json);
bytes_t replica_key_json(const replica_t *self, const value_t *values, buffer_t *json);
/*  Of values only the key is looked at; logs nothing.  */
CHECKED err_t replica_remove(const replica_t *self, const value_t *values, bool *gone,
                             fault_t *fault);
