/*  types - PostgreSQL's types on the way to SQLite and back, without loss.

    | PostgreSQL                     | column of the replica | value                         |
    |--------------------------------|-----------------------|-------------------------------|
    | smallint, integer, bigint, oid | BIGINT                | integer                       |
    | boolean                        | BOOLEAN               | integer 0 or 1                |
    | real, double precision         | REAL                  | real; NaN as the text NaN     |
    | bytea                          | BLOB                  | blob                          |
    | any other: numeric, uuid,      | TEXT                  | its text, as PostgreSQL       |
    | times, json, arrays, enums ... |                       | writes it in UTC              |

    Going back, a value is written as the text that the type reads; what does not fit is refused
    by PostgreSQL, and the change with it.  */

#pragma once

#include "actors/server/postgres/pg.h"
#include "schemas/row.h"

typedef enum pg_shape {
    SHAPE_INTEGER,
    SHAPE_BOOLEAN,
    SHAPE_REAL,
    SHAPE_BLOB,
    SHAPE_TEXT
} pg_shape_t;

/*  By the oid of the type; of a domain, of its base type.  */
pg_shape_t pg_shape_of(uint32_t type);
/*  "BIGINT", as the replica's column is declared.  */
const char *pg_shape_column(pg_shape_t shape);

/*  A text from PostgreSQL as a value. A blob's bytes live in arena, a text's are text's own.
    ERR_CORRUPT for what PostgreSQL cannot have written.  */
CHECKED err_t pg_value_read(pg_shape_t shape, bytes_t text, arena_t *arena, value_t *value,
                            fault_t *fault);
/*  A value of a client as a parameter of that type: its text, or a blob's bytes, in arena or
    value's own. ERR_INVALID_CHANGE for a value that the shape cannot take.  */
CHECKED err_t pg_value_write(pg_shape_t shape, const value_t *value, arena_t *arena,
                             pg_parameter_t *parameter, fault_t *fault);
