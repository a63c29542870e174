/*  compare - are these databases equal, row by row?  */

#include "actors/common/catalog.h"
#include "tools/compare_postgres.h"
#include "tools/measure.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20 };

/*  One database, and where we are in the table being compared.  */
typedef struct side {
    const char *path;
    compare_copy_t copy; /* of a PostgreSQL database */
    db_t *db;
    catalog_t *catalog;
    sqlite3_stmt *rows;
    bool at_row;
} side_t;

typedef struct comparison {
    side_t *left, *right;
    table_schema_t table;
    size_t n_key;
    const texts_t *except;
    uint64_t differences;
    err_t err;
    fault_t fault;
} comparison_t;

static err_t
open_side(side_t *self, const char *path, fault_t *fault)
{
    err_t err = OK;
    const bool postgres = compare_is_postgres(path);
    if (postgres)
        err = compare_copy_postgres(path, &self->copy, fault);
    self->path = postgres ? self->copy.name : path;
    if (err == OK)
        err = db_open_reader(postgres ? self->copy.path : path, &self->db, fault);
    return err == OK ? catalog_open(self->db, &self->catalog, fault) : err;
}

static void
close_side(side_t *self)
{
    catalog_close(&self->catalog);
    db_close(&self->db);
    compare_forget_copy(&self->copy);
}

/*  ---------------------------------------------------------------- one table's rows  */

/*  TABLE.COLUMN, as the command line has it.  */
static bool
is_left_out(const comparison_t *self, const column_t *column)
{
    const size_t size = strlen(self->table.name);
    for (size_t i = 0; i < self->except->n; i++) {
        const char *item = self->except->items[i];
        if (strncmp(item, self->table.name, size) == 0 && item[size] == '.'
            && strcmp(item + size + 1, column->name) == 0)
            return true;
    }
    return false;
}

static void
leave_out_columns(comparison_t *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->table.n_columns; i++)
        if (!is_left_out(self, &self->table.columns[i]))
            self->table.columns[n++] = self->table.columns[i];
    self->table.n_columns = n;
}

/*  The key first, then the other columns, both in the left one's order.  */
static void
sort_columns(comparison_t *self)
{
    column_t *columns = self->table.columns;
    size_t n_key = 0;
    for (size_t i = 0; i < self->table.n_columns; i++) {
        if (columns[i].key == 0)
            continue;
        column_t key = columns[i];
        memmove(&columns[n_key + 1], &columns[n_key], (i - n_key) * sizeof key);
        columns[n_key++] = key;
    }
    self->n_key = n_key;
}

static void
add_names(const comparison_t *self, size_t n, buffer_t *sql)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buffer_add_text(sql, ", ");
        sql_name(sql, self->table.columns[i].name);
    }
}

static bool
advance(comparison_t *self, side_t *side)
{
    side->at_row = db_step(side->db, side->rows, &self->err, &self->fault);
    return side->at_row;
}

static bool
begin_rows(comparison_t *self, side_t *side)
{
    buffer_t sql = {0};
    buffer_add_text(&sql, "SELECT ");
    add_names(self, self->table.n_columns, &sql);
    buffer_add_text(&sql, " FROM ");
    sql_name(&sql, self->table.name);
    for (size_t i = 0; i < self->n_key; i++) {
        buffer_add_text(&sql, i == 0 ? " ORDER BY " : ", ");
        sql_name(&sql, self->table.columns[i].name);
        buffer_add_text(&sql, " COLLATE BINARY");
    }
    side->rows = db_query(side->db, buffer_text(&sql), &self->fault, "");
    buffer_release(&sql);
    if (!side->rows)
        self->err = self->fault.err;
    return side->rows && (advance(self, side), self->err == OK);
}

/*  As SQLite orders them: NULL, numbers, texts, blobs.  */
static int
compare_values(const value_t *a, const value_t *b)
{
    static const int classes[] = {[VALUE_NULL] = 0,
                                  [VALUE_INTEGER] = 1,
                                  [VALUE_REAL] = 1,
                                  [VALUE_TEXT] = 2,
                                  [VALUE_BLOB] = 3};
    if (classes[a->kind] != classes[b->kind])
        return classes[a->kind] - classes[b->kind];
    if (a->kind == VALUE_NULL)
        return 0;
    if (a->kind == VALUE_INTEGER && b->kind == VALUE_INTEGER)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (classes[a->kind] == 1) {
        double x = a->kind == VALUE_REAL ? a->real : (double) a->integer;
        double y = b->kind == VALUE_REAL ? b->real : (double) b->integer;
        return (x > y) - (x < y);
    }
    size_t n = a->bytes.size < b->bytes.size ? a->bytes.size : b->bytes.size;
    int order = n > 0 ? memcmp(a->bytes.data, b->bytes.data, n) : 0;
    return order != 0 ? order
                      : (a->bytes.size > b->bytes.size) - (a->bytes.size < b->bytes.size);
}

static int
compare_column(const comparison_t *self, size_t column)
{
    value_t left = column_value(self->left->rows, (int) column);
    value_t right = column_value(self->right->rows, (int) column);
    return compare_values(&left, &right);
}

/*  Below zero: the left row comes first, or the right side is at its end.  */
static int
compare_keys(const comparison_t *self)
{
    if (!self->left->at_row || !self->right->at_row)
        return self->left->at_row ? -1 : 1;
    int order = 0;
    for (size_t i = 0; i < self->n_key && order == 0; i++)
        order = compare_column(self, i);
    return order;
}

static void
show(comparison_t *self, const side_t *holder, const char *what, const char *about)
{
    if (++self->differences > SHOWN)
        return;
    printf("%s %s: %s%s\n", self->table.name, column_text(holder->rows, 0), what, about);
}

static void
compare_row(comparison_t *self)
{
    for (size_t i = self->n_key; i < self->table.n_columns; i++) {
        if (compare_column(self, i) == 0)
            continue;
        AUTO(text)
        about = mem_format("%s is '%s' in %s, '%s' in %s", self->table.columns[i].name,
                           column_text(self->left->rows, (int) i), self->left->path,
                           column_text(self->right->rows, (int) i), self->right->path);
        show(self, self->left, "", about);
    }
}

/*  Two sorted lists, walked together. Gives the number of rows on the left.  */
static uint64_t
compare_rows(comparison_t *self)
{
    uint64_t rows = 0;
    while (self->err == OK && (self->left->at_row || self->right->at_row)) {
        int order = compare_keys(self);
        if (order < 0)
            show(self, self->left, "only in ", self->left->path);
        else if (order > 0)
            show(self, self->right, "only in ", self->right->path);
        else
            compare_row(self);
        rows += order <= 0;
        if (order <= 0)
            advance(self, self->left);
        if (order >= 0)
            advance(self, self->right);
    }
    return rows;
}

/*  ------------------------------------------------------------------ whole databases  */

static void
show_table(comparison_t *self, const char *name, const side_t *holder, const side_t *other)
{
    self->differences++;
    printf("%s: a table of %s, not of %s\n", name, holder->path, other->path);
}

static void
compare_table(comparison_t *self, const table_t *table, uint64_t *rows)
{
    arena_t arena = {0};
    self->table = table_describe(table, &arena);
    leave_out_columns(self);
    sort_columns(self);
    if (self->n_key == 0)
        self->n_key = self->table.n_columns;
    if (!catalog_table(self->right->catalog, self->table.name))
        show_table(self, self->table.name, self->left, self->right);
    else if (begin_rows(self, self->left) && begin_rows(self, self->right))
        *rows += compare_rows(self);
    arena_release(&arena);
}

static void
compare_pair(comparison_t *self, uint64_t *rows)
{
    catalog_t *left = self->left->catalog, *right = self->right->catalog;
    for (size_t i = 0; i < catalog_count(left) && self->err == OK; i++)
        compare_table(self, catalog_at(left, i), rows);
    for (size_t i = 0; i < catalog_count(right); i++) {
        const char *name = table_name(catalog_at(right, i));
        if (!catalog_table(left, name))
            show_table(self, name, self->right, self->left);
    }
    if (self->differences > SHOWN)
        printf("... %" PRIu64 " differences in all between %s and %s\n", self->differences,
               self->left->path, self->right->path);
}

/*  All against the first. Gives the exit status.  */
static int
compare_all(side_t *sides, size_t n, const texts_t *except)
{
    uint64_t differences = 0, rows = 0;
    for (size_t i = 1; i < n; i++) {
        comparison_t pair = {.left = &sides[0], .right = &sides[i], .except = except};
        rows = 0;
        compare_pair(&pair, &rows);
        if (pair.err != OK)
            return complain("%s", pair.fault.text), STATUS_USAGE;
        differences += pair.differences;
    }
    char number[NUMBER_TEXT];
    if (differences == 0)
        printf("all equal: %zu databases, %s rows each\n", n, number_text(rows, number));
    else
        printf("different: %s differences\n", number_text(differences, number));
    return differences == 0 ? STATUS_DONE : STATUS_NO;
}

static int
compare(args_t *args)
{
    int status;
    texts_t except = {0};
    const option_rule_t rules[] = {{"except", OPTION_TEXTS, &except, 0, 0}, {0}};
    if (!options_read(args, rules, 2, 100, &status))
        return status;
    size_t n = (size_t) args->count;
    side_t *sides = mem_new(n * sizeof *sides);
    fault_t fault = {0};
    err_t err = OK;
    for (size_t i = 0; i < n && err == OK; i++)
        err = open_side(&sides[i], args->values[i], &fault);
    if (err == OK)
        status = compare_all(sides, n, &except);
    else
        complain("%s", fault.text), status = STATUS_USAGE;
    for (size_t i = 0; i < n; i++)
        close_side(&sides[i]);
    free(sides);
    return status;
}

const verb_t verb_compare = {
    .name = "compare",
    .summary = "tell whether databases hold the same rows",
    .usage =
        "usage: waybill compare [--except TABLE.COLUMN]... DB DB...\n\n"
        "Reads the application's tables of each SQLite file (not the engine's own) and\n"
        "compares them row by row with the first one's. Programs may go on using the files.\n"
        "postgres://USER@HOST/DATABASE stands for the published tables of that database, with\n"
        "values as a server on it sends them. Prints `all equal`, or the differences.\n\n"
        "  --except TABLE.COLUMN   leave that column out, as one that never leaves the "
        "server\n\n"
        "Exit status 0: all equal. 1: different. 2: a file cannot be read.\n",
    .run = compare,
};
