/*  Which column is the key, and which values can be one.  */

#include "actors/common/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*  How SQLite converts what is put into a column, by its declared type.  */
typedef enum affinity {
    AFFINITY_NUMBER,
    AFFINITY_TEXT,
    AFFINITY_NONE,
    AFFINITY_REAL
} affinity_t;

/*  SQLite's own rules, in its order.  */
static const struct {
    const char *part;
    affinity_t affinity;
} rules[] = {
    {"INT", AFFINITY_NUMBER}, {"CHAR", AFFINITY_TEXT}, {"CLOB", AFFINITY_TEXT},
    {"TEXT", AFFINITY_TEXT},  {"BLOB", AFFINITY_NONE}, {"REAL", AFFINITY_REAL},
    {"FLOA", AFFINITY_REAL},  {"DOUB", AFFINITY_REAL},
};

static affinity_t
affinity_of(const char *type)
{
    if (type[0] == '\0')
        return AFFINITY_NONE;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (strcasestr(type, rules[i].part) != NULL)
            return rules[i].affinity;
    return AFFINITY_NUMBER;
}

static const char *
refusal_of(const table_column_t *key, size_t n_keys)
{
    if (n_keys == 0)
        return "it has no primary key";
    if (n_keys > 1)
        return "its primary key has several columns";
    if (affinity_of(key->type) == AFFINITY_REAL || strcasestr(key->type, "BLOB") != NULL)
        return "its primary key holds reals or blobs";
    return NULL;
}

void
table_find_key(table_t *self)
{
    size_t n_keys = 0;
    const table_column_t *key = NULL;
    for (size_t i = 0; i < self->n_columns; i++) {
        if (self->columns[i].key == 0)
            continue;
        key = &self->columns[i];
        n_keys++;
    }
    self->refusal = refusal_of(key, n_keys);
    self->key = self->refusal == NULL ? key : NULL;
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
problem_of_text(const table_t *self, bytes_t text)
{
    if (memchr(text.data, '\0', text.size) != NULL)
        return "it contains a zero byte";
    if (affinity_of(self->key->type) != AFFINITY_NUMBER || text.size > 64)
        return NULL;
    char copy[65] = "";
    memcpy(copy, text.data, text.size);
    return is_stored_otherwise(copy) ? "it is a number written as text" : NULL;
}

static const char *
problem_of(const table_t *self, const value_t *key)
{
    switch (key->kind) {
    case VALUE_INTEGER:
        return NULL;
    case VALUE_TEXT:
        return problem_of_text(self, key->bytes);
    case VALUE_NULL:
        return "it is NULL";
    case VALUE_REAL:
        return "it is a real number";
    case VALUE_BLOB:
        return "it is a blob";
    }
    return "it has no kind";
}

err_t
table_check_key(const table_t *self, const value_t *key, fault_t *fault)
{
    const char *problem = problem_of(self, key);
    if (problem == NULL)
        return OK;
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "table %s: column %s is the key, but %s; give a whole number or a text",
                     self->name, self->key->name, problem);
}
