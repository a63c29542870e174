/*  rule - the conditions that the settings give one table: who may read a row, who may write
    it, whether it may stand at all, and which columns never leave the server.

    A condition is SQL on one row, compiled once. The row is put beside the table's own columns
    (WITH ... UNION ALL), so that it compares as it would in the table, by affinity and
    collation, whether it still stands there or not. Where a condition cannot be evaluated, as
    on a text that is no JSON, it does not hold.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/settings.h"

typedef enum right { RIGHT_READ, RIGHT_WRITE, RIGHT_CHECK, RIGHT_COUNT } right_t;

typedef struct rule rule_t;

/*  False: the settings restrict nothing.  */
bool rule_is_needed(const table_settings_t *settings);

/*  settings are kept. ERR_CONFIG names the key: a column that is not there, SQL that is
    wrong, is more than an expression or writes, a condition for reading that needs a table
    which catalog does not have.  */
CHECKED err_t rule_compile(db_t *db, catalog_t *catalog, const table_settings_t *settings,
                           rule_t **self, fault_t *fault);
void rule_destroy(rule_t **self);

const char *rule_table(const rule_t *self);
bool rule_asks(const rule_t *self, right_t right);
/*  True if its condition for reading looks into that table.  */
bool rule_depends_on(const rule_t *self, const char *table);

/*  Who is asking, and about which row: a whole one, as a msgpack map.  */
typedef struct asking {
    const char *user;
    bytes_t row;
} asking_t;

/*  May the user read, or write, that row? True where nothing is asked.  */
CHECKED err_t rule_holds(rule_t *self, right_t right, asking_t asking, bool *holds,
                         fault_t *fault);
/*  *message is NULL if the row may stand; else it lives in arena.  */
CHECKED err_t rule_check(rule_t *self, asking_t asking, arena_t *arena, const char **message,
                         fault_t *fault);

/*  True for a column that never leaves the server.  */
bool rule_hides(const rule_t *self, bytes_t column);
/*  The row without those; its key alone. They live in arena.  */
bytes_t rule_visible(const rule_t *self, bytes_t row, arena_t *arena);
bytes_t rule_key(const rule_t *self, bytes_t row, arena_t *arena);
/*  Takes them out of the table's description.  */
void rule_describe(const rule_t *self, table_schema_t *schema);
