/*  table - what catalog.c, table.c and capture.c share about one table; nobody else's.  */

#pragma once

#include "actors/common/catalog.h"

/*  How SQLite converts what is put into a column, by its declared type.  */
typedef enum affinity {
    AFFINITY_NUMBER,
    AFFINITY_TEXT,
    AFFINITY_NONE,
    AFFINITY_REAL
} affinity_t;

typedef struct table_column {
    const char *name;
    size_t size; /* of name */
    const char *type;
    unsigned key; /* place in the primary key, from 1; 0 if outside */
    bool not_null;
    bool folds; /* takes texts of different bytes for the same one: NOCASE, for instance */
    affinity_t affinity;
} table_column_t;

/*  What can be done to rows; each is one statement per set of columns.  */
typedef enum operation {
    OPERATION_INSERT,
    OPERATION_UPSERT,
    OPERATION_UPDATE,
    OPERATION_EXISTS,
    OPERATION_DELETE,
    OPERATION_READ,
    OPERATION_SCAN, /* by key: after < key <= up to, where the bounds are set */
    OPERATION_KEYS,
    OPERATION_KEY_TEXT, /* of the values of the key, stored nowhere */
    OPERATION_COUNT
} operation_t;

enum { BOUND_AFTER = 1 << 0, BOUND_UP_TO = 1 << 1 };

/*  A prepared statement for an operation on these columns, in this order.  */
typedef struct plan {
    sqlite3_stmt *statement; /* NULL: a free place */
    operation_t operation;
    unsigned bounds; /* SCAN and KEYS */
    uint16_t *columns;
    size_t n_columns;
    uint64_t used; /* for finding the one that rested longest */
} plan_t;

/*  A client may send any subset of columns, so the statements kept must have a limit.  */
enum { TABLE_PLANS = 64 };

/*  Texts live in the catalog's arena.  */
struct table {
    db_t *db;
    const char *name;
    table_column_t *columns;
    size_t n_columns;
    bool strict;
    uint16_t *keys; /* columns of the primary key, in its order */
    size_t n_keys;
    const char *key_names; /* "a, b" */
    bool folds;            /* one of them does */
    const char **parents;  /* names in foreign keys */
    size_t n_parents;
    bool placed; /* in the order of the catalog */

    plan_t plans[TABLE_PLANS];
    uint64_t clock;  /* of plan_t.used */
    uint16_t *shape; /* columns of the row at hand */
    value_t *values; /* and their values */
    size_t n_shape;
    buffer_t row; /* scan's */
};

/*  True for SQLite's and our own tables: no part of the catalog.  */
bool name_is_reserved(const char *name);

/*  Given by name and columns: finds the key.  */
void table_find_key(table_t *self, arena_t *arena);
/*  ERR_INVALID_CHANGE if the table has none, and cannot be synchronised.  */
CHECKED err_t table_need_key(const table_t *self, fault_t *fault);
/*  Can the value be in that column of the key?  */
CHECKED err_t table_check_key(const table_t *self, const table_column_t *column,
                              const value_t *value, fault_t *fault);
/*  Finalises statements and frees what is not in the catalog's arena.  */
void table_forget(table_t *self);

/*  The shape of the key alone, with the values it has in the row.  */
CHECKED err_t table_take_key(table_t *self, bytes_t row, fault_t *fault);
/*  The statement of an operation on columns of the shape, prepared once. NULL and fault if
    SQLite refuses it.  */
sqlite3_stmt *table_plan(table_t *self, operation_t operation, unsigned bounds, fault_t *fault);
/*  Adds the row that a statement is at, as a msgpack map of those columns; all if columns is
    NULL.  */
void table_add_row(const table_t *self, sqlite3_stmt *statement, const uint16_t *columns,
                   size_t n_columns, buffer_t *out);
