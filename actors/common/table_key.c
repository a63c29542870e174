/*  Which columns are the key, and which values can be in them.  */

#include "actors/common/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*  SQLite's own rules, in its order.  */
static const struct {
    const char *part;
    affinity_t affinity;
} rules[] = {
    {"INT", AFFINITY_NUMBER}, {"CHAR", AFFINITY_TEXT}, {"CLOB", AFFINITY_TEXT},
    {"TEXT", AFFINITY_TEXT},  {"BLOB", AFFINITY_NONE}, {"REAL", AFFINITY_REAL},
    {"FLOA", AFFINITY_REAL},  {"DOUB", AFFINITY_REAL},
};

/*  ANY is a type of its own in strict tables, and no known one in others.  */
static affinity_t
affinity_of(const table_t *self, const char *type)
{
    if (type[0] == '\0' || (self->strict && strcasecmp(type, "ANY") == 0))
        return AFFINITY_NONE;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcasestr(type, rules[i].part) != NULL)
            return rules[i].affinity;
    return AFFINITY_NUMBER;
}

static bool
column_folds(const table_t *self, const table_column_t *column)
{
    const char *collation = NULL;
    return sqlite3_table_column_metadata(db_handle(self->db), "main", self->name, column->name,
                                         NULL, &collation, NULL, NULL, NULL)
               == SQLITE_OK
           && strcasecmp(collation, "BINARY") != 0;
}

static void
add_key(table_t *self, size_t index, buffer_t *names)
{
    table_column_t *column = &self->columns[index];
    column->folds = column_folds(self, column);
    self->folds |= column->folds;
    buffer_add_format(names, "%s%s", self->n_keys > 0 ? ", " : "", column->name);
    self->keys[self->n_keys++] = (uint16_t) index;
}

void
table_find_key(table_t *self, arena_t *arena)
{
    buffer_t names = {0};
    self->keys = arena_new(arena, (self->n_columns + 1) * sizeof *self->keys);
    for (size_t i = 0; i < self->n_columns; i++)
        self->columns[i].affinity = affinity_of(self, self->columns[i].type);
    for (unsigned place = 1; place <= self->n_columns; place++)
        for (size_t i = 0; i < self->n_columns; i++)
            if (self->columns[i].key == place)
                add_key(self, i, &names);
    if (self->n_keys > 0)
        self->key_names = arena_text(arena, buffer_text(&names));
    buffer_release(&names);
}

err_t
table_need_key(const table_t *self, fault_t *fault)
{
    if (self->n_keys > 0)
        return OK;
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "table %s: it cannot be synchronised: it has no primary key; give it a"
                     " PRIMARY KEY",
                     self->name);
}

err_t
table_take_key(table_t *self, bytes_t row, fault_t *fault)
{
    self->n_shape = self->n_keys;
    for (size_t i = 0; i < self->n_keys; i++) {
        const char *name = self->columns[self->keys[i]].name;
        self->shape[i] = self->keys[i];
        if (!row_find(row, name, &self->values[i]))
            return fault_set(fault, ERR_INVALID_CHANGE,
                             "table %s: column %s is missing, and it is %sthe key; give it",
                             self->name, name, self->n_keys > 1 ? "part of " : "");
    }
    return OK;
}

bytes_t
table_key_row(const table_t *self, bytes_t row, arena_t *arena)
{
    buffer_t key = {0};
    row_begin(&key, self->n_keys);
    for (size_t i = 0; i < self->n_keys; i++) {
        value_t value = {0};
        const char *name = self->columns[self->keys[i]].name;
        (void) row_find(row, name, &value);
        row_add_name(&key, name);
        row_add(&key, &value);
    }
    const bytes_t kept = arena_bytes(arena, buffer_bytes(&key));
    buffer_release(&key);
    return kept;
}

/*  ----------------------------------------------------------------------------- values  */

/*  Would SQLite take the text for a number?  */
static bool
reads_as_number(const char *text)
{
    static const char blank[] = " \t\n\v\f\r";
    if (text[strspn(text, "0123456789+-.eE \t\n\v\f\r")] != '\0')
        return false;
    char *end = NULL;
    (void) strtod(text, &end);
    return end != text && end[strspn(end, blank)] == '\0';
}

/*  A column of numbers stores '07' as 7. The row would then not be found under its text.  */
static bool
is_stored_otherwise(const char *text)
{
    char number[24];
    if (!reads_as_number(text))
        return false;
    (void) snprintf(number, sizeof number, "%lld", strtoll(text, NULL, 10));
    return strcmp(number, text) != 0;
}

static const char *
problem_of_text(affinity_t affinity, bytes_t text)
{
    char copy[65] = "";
    if ((affinity != AFFINITY_NUMBER && affinity != AFFINITY_REAL) || text.size > 64)
        return NULL;
    memcpy(copy, text.data, text.size);
    return is_stored_otherwise(copy) ? "it is a number written as text" : NULL;
}

static const char *
problem_of(affinity_t affinity, const value_t *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return "it is NULL";
    case VALUE_TEXT:
        return problem_of_text(affinity, value->bytes);
    case VALUE_REAL:
        if (isnan(value->real))
            return "it is not a number";
        return affinity == AFFINITY_TEXT ? "it is a real number where texts are" : NULL;
    case VALUE_INTEGER:
    case VALUE_BLOB:
        return NULL;
    }
    return "it has no kind";
}

err_t
table_check_key(const table_t *self, const table_column_t *column, const value_t *value,
                fault_t *fault)
{
    const char *problem = problem_of(column->affinity, value);
    if (problem == NULL)
        return OK;
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "table %s: column %s is %sthe key, but %s; give a value of the column's"
                     " type",
                     self->name, column->name, self->n_keys > 1 ? "part of " : "", problem);
}
