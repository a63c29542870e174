/*  The statements of a table, made from names that the schema itself gave.  */

#include "actors/common/capture_sql.h"
#include "actors/common/table.h"

#include <stdlib.h>
#include <string.h>

typedef struct shape {
    const table_t *table;
    const plan_t *plan;
} shape_t;

static const char *
column_at(shape_t shape, size_t index)
{
    return shape.table->columns[shape.plan->columns[index]].name;
}

static bool
is_key(shape_t shape, size_t index)
{
    return shape.table->columns[shape.plan->columns[index]].key != 0;
}

static void
add_names(buffer_t *sql, shape_t shape)
{
    for (size_t i = 0; i < shape.plan->n_columns; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, column_at(shape, i));
    }
}

static void
write_insert(buffer_t *sql, shape_t shape)
{
    buffer_add_text(sql, "INSERT INTO ");
    sql_name(sql, shape.table->name);
    buffer_add_text(sql, " (");
    add_names(sql, shape);
    buffer_add_text(sql, ") VALUES (");
    for (size_t i = 0; i < shape.plan->n_columns; i++)
        buffer_add_format(sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
    buffer_add_text(sql, ")");
}

/*  a, b: with a collation, if given, for the columns that would take another.  */
static void
add_keys(buffer_t *sql, const table_t *table, const char *collation)
{
    for (size_t i = 0; i < table->n_keys; i++) {
        const table_column_t *column = &table->columns[table->keys[i]];
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, column->name);
        buffer_add_text(sql, column->folds ? collation : "");
    }
}

/*  "SET a = ?2, b = ?3" for every column but the key; nothing if there is only the key.  */
static void
add_settings(buffer_t *sql, shape_t shape)
{
    const char *before = "SET ";
    for (size_t i = 0; i < shape.plan->n_columns; i++) {
        if (is_key(shape, i))
            continue;
        buffer_add_text(sql, before);
        sql_name(sql, column_at(shape, i));
        buffer_add_format(sql, " = ?%zu", i + 1);
        before = ", ";
    }
}

static void
write_upsert(buffer_t *sql, shape_t shape)
{
    write_insert(sql, shape);
    buffer_add_text(sql, " ON CONFLICT (");
    add_keys(sql, shape.table, "");
    if (shape.plan->n_columns == shape.table->n_keys) {
        buffer_add_text(sql, ") DO NOTHING");
        return;
    }
    buffer_add_text(sql, ") DO UPDATE ");
    add_settings(sql, shape);
}

/*  A key is the one of the same bytes. SQLite finds it with the column's own collation.  */
static void
add_where_key(buffer_t *sql, shape_t shape)
{
    const char *before = " WHERE ";
    for (size_t i = 0; i < shape.plan->n_columns; i++) {
        if (!is_key(shape, i))
            continue;
        buffer_add_text(sql, before);
        sql_name(sql, column_at(shape, i));
        buffer_add_format(sql, " = ?%zu", i + 1);
        before = " AND ";
        if (!shape.table->columns[shape.plan->columns[i]].folds)
            continue;
        buffer_add_text(sql, before);
        sql_name(sql, column_at(shape, i));
        buffer_add_format(sql, " COLLATE BINARY = ?%zu", i + 1);
    }
}

static void
write_update(buffer_t *sql, shape_t shape)
{
    buffer_add_text(sql, "UPDATE ");
    sql_name(sql, shape.table->name);
    buffer_add_text(sql, " ");
    add_settings(sql, shape);
    add_where_key(sql, shape);
}

static void
write_exists(buffer_t *sql, shape_t shape)
{
    buffer_add_text(sql, "SELECT 1 FROM ");
    sql_name(sql, shape.table->name);
    add_where_key(sql, shape);
}

static void
write_delete(buffer_t *sql, shape_t shape)
{
    buffer_add_text(sql, "DELETE FROM ");
    sql_name(sql, shape.table->name);
    add_where_key(sql, shape);
}

static void
add_whole_rows(buffer_t *sql, const table_t *table)
{
    buffer_add_text(sql, "SELECT ");
    for (size_t i = 0; i < table->n_columns; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, table->columns[i].name);
    }
    buffer_add_text(sql, " FROM ");
    sql_name(sql, table->name);
}

static void
write_read(buffer_t *sql, shape_t shape)
{
    add_whole_rows(sql, shape.table);
    add_where_key(sql, shape);
}

static const char by_bytes[] = " COLLATE BINARY";

/*  (a, b) > (?1, ?2)  */
static void
add_bound(buffer_t *sql, const table_t *table, const char *relation, size_t first)
{
    buffer_add_text(sql, " AND (");
    add_keys(sql, table, by_bytes);
    buffer_add_format(sql, ") %s (", relation);
    for (size_t i = 0; i < table->n_keys; i++)
        buffer_add_format(sql, "%s?%zu", i > 0 ? ", " : "", first + i);
    buffer_add_text(sql, ")");
}

/*  Rows with NULL in the key are not synchronised. The order is that of the bytes: a page
    must mean the same range on both sides, and the client's table does not collate as the
    server's may. Columns that collate so anyway are left bare, for SQLite to find the bounds in
    the index.  */
static void
add_range(buffer_t *sql, shape_t shape)
{
    const table_t *table = shape.table;
    const char *before = " WHERE ";
    for (size_t i = 0; i < table->n_keys; i++) {
        buffer_add_text(sql, before);
        sql_name(sql, table->columns[table->keys[i]].name);
        buffer_add_text(sql, " IS NOT NULL");
        before = " AND ";
    }
    if (shape.plan->bounds & BOUND_AFTER)
        add_bound(sql, table, ">", 1);
    if (shape.plan->bounds & BOUND_UP_TO)
        add_bound(sql, table, "<=", table->n_keys + 1);
    buffer_add_text(sql, " ORDER BY ");
    add_keys(sql, table, by_bytes);
}

static void
write_scan(buffer_t *sql, shape_t shape)
{
    add_whole_rows(sql, shape.table);
    add_range(sql, shape);
}

static void
write_keys(buffer_t *sql, shape_t shape)
{
    buffer_add_text(sql, "SELECT ");
    add_keys(sql, shape.table, "");
    buffer_add_text(sql, " FROM ");
    sql_name(sql, shape.table->name);
    add_range(sql, shape);
}

/*  What each kind of column makes of a value that is put into it. ?1 stands for the value.  */
static const char *const stored_patterns[] = {
    [AFFINITY_NUMBER] = "CASE WHEN typeof(?1) = 'text'"
                        " AND CAST(CAST(?1 AS INTEGER) AS TEXT) = ?1"
                        " THEN CAST(?1 AS INTEGER) ELSE ?1 END",
    [AFFINITY_TEXT] = "CASE typeof(?1) WHEN 'integer' THEN CAST(?1 AS TEXT) ELSE ?1 END",
    [AFFINITY_NONE] = "?1",
    [AFFINITY_REAL] = "CASE typeof(?1) WHEN 'integer' THEN CAST(?1 AS REAL) ELSE ?1 END",
};

static void
add_stored(buffer_t *sql, const char *pattern, size_t parameter)
{
    for (const char *at; (at = strstr(pattern, "?1")) != NULL; pattern = at + 2) {
        buffer_add(sql, pattern, (size_t) (at - pattern));
        buffer_add_format(sql, "?%zu", parameter);
    }
    buffer_add_text(sql, pattern);
}

static void
write_key_text(buffer_t *sql, shape_t shape)
{
    const table_t *table = shape.table;
    buffer_add_text(sql, "SELECT ");
    capture_sql_key_text(sql, "given", table);
    for (size_t i = 0; i < table->n_keys; i++) {
        const table_column_t *column = &table->columns[table->keys[i]];
        buffer_add_text(sql, i == 0 ? " FROM (SELECT " : ", ");
        add_stored(sql, stored_patterns[column->affinity], i + 1);
        buffer_add_text(sql, " AS ");
        sql_name(sql, column->name);
    }
    buffer_add_text(sql, ") AS given");
}

static void (*const writers[OPERATION_COUNT])(buffer_t *sql, shape_t shape) = {
    [OPERATION_INSERT] = write_insert,     [OPERATION_UPSERT] = write_upsert,
    [OPERATION_UPDATE] = write_update,     [OPERATION_EXISTS] = write_exists,
    [OPERATION_DELETE] = write_delete,     [OPERATION_READ] = write_read,
    [OPERATION_SCAN] = write_scan,         [OPERATION_KEYS] = write_keys,
    [OPERATION_KEY_TEXT] = write_key_text,
};

/*  ------------------------------------------------------------------------------ cache  */

static void
plan_release(plan_t *self)
{
    sqlite3_finalize(self->statement);
    free(self->columns);
    *self = (plan_t){0};
}

static bool
plan_fits(const plan_t *self, const plan_t *wanted)
{
    return self->statement != NULL && self->operation == wanted->operation
           && self->bounds == wanted->bounds && self->n_columns == wanted->n_columns
           && memcmp(self->columns, wanted->columns, wanted->n_columns * sizeof(uint16_t)) == 0;
}

static err_t
plan_prepare(table_t *table, plan_t *self, const plan_t *wanted, fault_t *fault)
{
    plan_release(self);
    *self = *wanted;
    self->columns = mem_new((wanted->n_columns + 1) * sizeof(uint16_t));
    memcpy(self->columns, wanted->columns, wanted->n_columns * sizeof(uint16_t));

    buffer_t sql = {0};
    writers[self->operation](&sql, (shape_t){table, self});
    const int code = sqlite3_prepare_v3(db_handle(table->db), buffer_text(&sql), -1,
                                        SQLITE_PREPARE_PERSISTENT, &self->statement, NULL);
    buffer_release(&sql);
    if (code == SQLITE_OK)
        return OK;
    const err_t err = db_error(table->db, fault, table->name);
    plan_release(self);
    return err;
}

sqlite3_stmt *
table_plan(table_t *self, operation_t operation, unsigned bounds, fault_t *fault)
{
    const plan_t wanted = {.operation = operation,
                           .bounds = bounds,
                           .columns = self->shape,
                           .n_columns = self->n_shape,
                           .used = ++self->clock};
    plan_t *oldest = &self->plans[0];
    for (size_t i = 0; i < TABLE_PLANS; i++) {
        plan_t *plan = &self->plans[i];
        if (plan_fits(plan, &wanted)) {
            plan->used = wanted.used;
            return plan->statement;
        }
        if (plan->used < oldest->used)
            oldest = plan;
    }
    return plan_prepare(self, oldest, &wanted, fault) == OK ? oldest->statement : NULL;
}

void
table_forget(table_t *self)
{
    for (size_t i = 0; i < TABLE_PLANS; i++)
        plan_release(&self->plans[i]);
    buffer_release(&self->row);
}
