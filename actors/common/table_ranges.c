/*  Rows from one key to another, declared in catalog.h.  */

#include "actors/common/table.h"

#include <stdlib.h>
#include <string.h>

/*  A SCAN or KEYS statement between two keys, of which either may be empty. NULL and fault if
    SQLite refuses it. What is bound lives in the keys.  */
static sqlite3_stmt *
query_range(table_t *self, operation_t operation, const bytes_t bounds[static 2],
            fault_t *fault)
{
    const unsigned given = (bounds[0].size > 0 ? (unsigned) BOUND_AFTER : 0)
                           | (bounds[1].size > 0 ? (unsigned) BOUND_UP_TO : 0);
    self->n_shape = 0;
    sqlite3_stmt *statement = table_plan(self, operation, given, fault);
    for (size_t i = 0; i < 2 && statement != NULL; i++) {
        if (bounds[i].size == 0)
            continue;
        if (table_take_key(self, bounds[i], fault) != OK)
            return NULL;
        for (size_t j = 0; j < self->n_keys; j++)
            if (bind_value(statement, (int) (i * self->n_keys + j) + 1, &self->values[j])
                != SQLITE_OK) {
                (void) db_error(self->db, fault, self->name);
                return NULL;
            }
    }
    return statement;
}

err_t
table_scan(table_t *self, bytes_t after, bool (*take)(void *arg, bytes_t row), void *arg,
           fault_t *fault)
{
    err_t err = OK;
    const bytes_t bounds[] = {after, {0}};
    sqlite3_stmt *statement = query_range(self, OPERATION_SCAN, bounds, fault);
    bool more = true;
    while (more && db_step(self->db, statement, &err, fault)) {
        buffer_clear(&self->row);
        table_add_row(self, statement, NULL, self->n_columns, &self->row);
        more = take(arg, buffer_bytes(&self->row));
    }
    sqlite3_reset(statement);
    return err;
}

/*  ----------------------------------------------------------------------------- pruning  */

/*  Keys as texts, the smallest form in which the server's and ours are alike.  */
typedef struct pruning {
    arena_t arena;
    const char **keep; /* sorted */
    size_t n_keep;
    buffer_t doomed; /* of bytes_t */
} pruning_t;

static int
compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *) left, *(const char *const *) right);
}

static err_t
sort_kept(pruning_t *self, table_t *table, const server_change_t *keep, fault_t *fault)
{
    err_t err = OK;
    const char **texts = arena_new(&self->arena, (self->n_keep + 1) * sizeof *texts);
    for (size_t i = 0; i < self->n_keep && err == OK; i++)
        err = table_key_text(table, keep[i].data, &self->arena, &texts[i], fault);
    if (err == OK)
        qsort(texts, self->n_keep, sizeof *texts, compare_texts);
    self->keep = texts;
    return err;
}

static bool
is_kept(const pruning_t *self, const char *key)
{
    return self->n_keep > 0
           && bsearch(&key, self->keep, self->n_keep, sizeof key, compare_texts) != NULL;
}

/*  Kept until the statement that reads the keys is done: rows are not removed under it.  */
static void
doom(pruning_t *self, bytes_t key)
{
    const bytes_t copy = arena_bytes(&self->arena, key);
    buffer_add(&self->doomed, &copy, sizeof copy);
}

static err_t
remove_doomed(const pruning_t *self, table_t *table, fault_t *fault)
{
    err_t err = OK;
    for (size_t at = 0; at < self->doomed.size && err == OK; at += sizeof(bytes_t)) {
        bool changed = false;
        bytes_t key;
        memcpy(&key, self->doomed.data + at, sizeof key);
        err = table_delete(table, key, &changed, fault);
    }
    return err;
}

err_t /* NOLINTNEXTLINE(readability-function-size): the header says what they all are */
table_prune(table_t *self, bytes_t after, bytes_t up_to, const server_change_t *keep,
            size_t n_keep, bool (*spare)(void *arg, const char *key), void *arg, fault_t *fault)
{
    err_t err = OK;
    const char *text = NULL;
    pruning_t pruning = {.n_keep = n_keep};
    const bytes_t bounds[] = {after, up_to};
    sqlite3_stmt *statement = query_range(self, OPERATION_KEYS, bounds, fault);
    while (err == OK && db_step(self->db, statement, &err, fault)) {
        buffer_clear(&self->row);
        table_add_row(self, statement, self->keys, self->n_keys, &self->row);
        const bytes_t key = buffer_bytes(&self->row);
        if (pruning.keep == NULL)
            err = sort_kept(&pruning, self, keep, fault);
        if (err == OK)
            err = table_key_text(self, key, &pruning.arena, &text, fault);
        if (err == OK && !is_kept(&pruning, text) && (spare == NULL || !spare(arg, text)))
            doom(&pruning, key);
    }
    sqlite3_reset(statement);
    if (err == OK)
        err = remove_doomed(&pruning, self, fault);
    buffer_release(&pruning.doomed);
    arena_release(&pruning.arena);
    return err;
}
