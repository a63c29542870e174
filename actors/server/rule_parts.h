/*  rule_parts - what rule.c and rule_row.c share; nobody else's.  */

#pragma once

#include "actors/server/rule.h"

typedef struct condition {
    const char *key; /* of the settings, for faults */
    const char *sql; /* empty: none */
    sqlite3_stmt *statement;
    int user; /* its parameter; 0: it has none */
} condition_t;

struct rule {
    db_t *db;
    const table_settings_t *settings;
    arena_t arena;
    table_schema_t schema;
    bool *hidden;        /* one a column */
    buffer_t needs;      /* names of the tables that reading looks into, each with its NUL */
    const char *refused; /* what compiling ran into that no expression may do */
    condition_t conditions[RIGHT_COUNT];
};
