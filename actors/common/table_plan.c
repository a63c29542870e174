/*  The statements of a table, made from names that the schema itself gave.  */

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
    return &shape.table->columns[shape.plan->columns[index]] == shape.table->key;
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
    sql_name(sql, shape.table->key->name);
    if (shape.plan->n_columns == 1) {
        buffer_add_text(sql, ") DO NOTHING");
        return;
    }
    buffer_add_text(sql, ") DO UPDATE ");
    add_settings(sql, shape);
}

static void
add_where_key(buffer_t *sql, shape_t shape)
{
    size_t parameter = 1;
    for (size_t i = 0; i < shape.plan->n_columns; i++)
        if (is_key(shape, i))
            parameter = i + 1;
    buffer_add_text(sql, " WHERE ");
    sql_name(sql, shape.table->key->name);
    buffer_add_format(sql, " = ?%zu", parameter);
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

/*  Rows whose key is NULL, a real or a blob are not synchronised. The order is that of the
    bytes: a page must mean the same range on both sides, and the client's table does not
    collate as the server's may.  */
static void
add_range(buffer_t *sql, shape_t shape)
{
    static const struct {
        unsigned bound;
        const char *condition;
    } bounds[] = {{BOUND_AFTER, " COLLATE BINARY > ?1"},
                  {BOUND_UP_TO, " COLLATE BINARY <= ?2"}};

    buffer_add_text(sql, " WHERE typeof(");
    sql_name(sql, shape.table->key->name);
    buffer_add_text(sql, ") IN ('integer', 'text')");
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        if (!(shape.plan->bounds & bounds[i].bound))
            continue;
        buffer_add_text(sql, " AND ");
        sql_name(sql, shape.table->key->name);
        buffer_add_text(sql, bounds[i].condition);
    }
    buffer_add_text(sql, " ORDER BY ");
    sql_name(sql, shape.table->key->name);
    buffer_add_text(sql, " COLLATE BINARY");
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
    sql_name(sql, shape.table->key->name);
    buffer_add_text(sql, " FROM ");
    sql_name(sql, shape.table->name);
    add_range(sql, shape);
}

static void (*const writers[OPERATION_COUNT])(buffer_t *sql, shape_t shape) = {
    [OPERATION_INSERT] = write_insert, [OPERATION_UPSERT] = write_upsert,
    [OPERATION_UPDATE] = write_update, [OPERATION_EXISTS] = write_exists,
    [OPERATION_DELETE] = write_delete, [OPERATION_READ] = write_read,
    [OPERATION_SCAN] = write_scan,     [OPERATION_KEYS] = write_keys,
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
