#include "actors/server/postgres/replica_private.h"

#include "schemas/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*  ------------------------------------------------------------------- what it is  */

static void
find_keys(replica_t *self)
{
    self->keys = arena_new(&self->arena, (self->n + 1) * sizeof *self->keys);
    for (uint64_t place = 1; place <= self->n; place++)
        for (size_t i = 0; i < self->n; i++)
            if (self->columns[i].key == place)
                self->keys[self->n_keys++] = i;
}

/*  The names of the types are those of pg_shape_column().  */
static pg_shape_t
shape_named(const char *type)
{
    static const pg_shape_t shapes[] = {SHAPE_INTEGER, SHAPE_BOOLEAN, SHAPE_REAL, SHAPE_BLOB};
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (type != NULL && strcasecmp(pg_shape_column(shapes[i]), type) == 0)
            return shapes[i];
    return SHAPE_TEXT;
}

static const char *
member_of(replica_t *self, const char *name)
{
    buffer_clear(&self->data);
    text_to_json((bytes_t){(const uint8_t *) name, strlen(name)}, &self->data);
    buffer_add_text(&self->data, ":");
    return arena_text(&self->arena, buffer_text(&self->data));
}

static void
describe_columns(replica_t *self)
{
    self->shapes = arena_new(&self->arena, (self->n + 1) * sizeof *self->shapes);
    self->members = arena_new(&self->arena, (self->n + 1) * sizeof *self->members);
    for (size_t i = 0; i < self->n; i++) {
        self->shapes[i] = shape_named(self->columns[i].type);
        self->members[i] = member_of(self, self->columns[i].name);
    }
}

/*  --------------------------------------------------------------------- its SQL  */

static void
add_where_key(const replica_t *self, buffer_t *sql)
{
    for (size_t i = 0; i < self->n_keys; i++) {
        buffer_add_text(sql, i == 0 ? " WHERE " : " AND ");
        sql_name(sql, self->columns[self->keys[i]].name);
        buffer_add_format(sql, " = ?%zu", i + 1);
    }
}

static void
add_names(const replica_t *self, buffer_t *sql)
{
    for (size_t i = 0; i < self->n; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, self->columns[i].name);
    }
}

static void
add_settings(const replica_t *self, buffer_t *sql)
{
    const char *before = " DO UPDATE SET ";
    for (size_t i = 0; i < self->n; i++) {
        if (self->columns[i].key != 0)
            continue;
        buffer_add_text(sql, before);
        sql_name(sql, self->columns[i].name);
        buffer_add_text(sql, " = excluded.");
        sql_name(sql, self->columns[i].name);
        before = ", ";
    }
    if (self->n == self->n_keys)
        buffer_add_text(sql, " DO NOTHING");
}

static void
add_places(const replica_t *self, buffer_t *sql)
{
    for (size_t i = 0; i < self->n; i++)
        buffer_add_text(sql, i == 0 ? "(?" : ", ?");
    buffer_add_text(sql, ")");
}

static void
add_puts(const replica_t *self, size_t n, buffer_t *sql)
{
    buffer_add_text(sql, "INSERT INTO ");
    sql_name(sql, table_name(self->table));
    buffer_add_text(sql, " (");
    add_names(self, sql);
    for (size_t i = 0; i < n; i++) {
        buffer_add_text(sql, i == 0 ? ") VALUES " : ", ");
        add_places(self, sql);
    }
    buffer_add_text(sql, " ON CONFLICT (");
    for (size_t i = 0; i < self->n_keys; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, self->columns[self->keys[i]].name);
    }
    buffer_add_text(sql, ")");
    add_settings(self, sql);
}

static void
write_put(const replica_t *self, buffer_t *sql)
{
    add_puts(self, 1, sql);
}

static void
write_put_many(const replica_t *self, buffer_t *sql)
{
    add_puts(self, PUTS_AT_ONCE, sql);
}

static void
write_select(const replica_t *self, buffer_t *sql)
{
    buffer_add_text(sql, "SELECT ");
    add_names(self, sql);
    buffer_add_text(sql, " FROM ");
    sql_name(sql, table_name(self->table));
}

static void
write_read(const replica_t *self, buffer_t *sql)
{
    write_select(self, sql);
    add_where_key(self, sql);
}

static void
write_some(const replica_t *self, buffer_t *sql)
{
    write_select(self, sql);
    buffer_add_text(sql, " LIMIT ?1");
}

static void
write_delete(const replica_t *self, buffer_t *sql)
{
    buffer_add_text(sql, "DELETE FROM ");
    sql_name(sql, table_name(self->table));
    add_where_key(self, sql);
}

static const char *
keep_sql(replica_t *self, void (*write)(const replica_t *, buffer_t *))
{
    buffer_t sql = {0};
    write(self, &sql);
    const char *kept = arena_text(&self->arena, buffer_text(&sql));
    buffer_release(&sql);
    return kept;
}

replica_t *
replica_new(db_t *db, table_t *table, puts_t *puts, journal_t *journal,
            const settings_t *settings)
{
    replica_t *self = mem_new(sizeof *self);
    const table_settings_t *wanted = settings_of_table(settings, table_name(table));
    const table_schema_t schema = table_describe(table, &self->arena);
    self->db = db;
    self->table = table;
    self->puts = puts;
    self->journal = journal;
    self->columns = schema.columns;
    self->n = schema.n_columns;
    self->keeps_old = wanted->tables_read[0] != '\0';
    self->by_column = strcmp(wanted->tables_policy, "column") == 0;
    find_keys(self);
    describe_columns(self);
    self->put_sql = keep_sql(self, write_put);
    self->put_many_sql = keep_sql(self, write_put_many);
    self->read_sql = keep_sql(self, write_read);
    self->delete_sql = keep_sql(self, write_delete);
    self->some_sql = keep_sql(self, write_some);
    return self;
}

void
replica_destroy(replica_t **self)
{
    if (*self == NULL)
        return;
    buffer_release(&(*self)->data);
    buffer_release(&(*self)->old);
    buffer_release(&(*self)->key);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

const char *
replica_name(const replica_t *self)
{
    return table_name(self->table);
}

size_t
replica_columns(const replica_t *self)
{
    return self->n;
}

size_t
replica_place(const replica_t *self, const char *name)
{
    size_t i = 0;
    while (i < self->n && strcmp(self->columns[i].name, name) != 0)
        i++;
    return i;
}

pg_shape_t
replica_shape(const replica_t *self, size_t index)
{
    return self->shapes[index];
}

bool
replica_needs_old(const replica_t *self)
{
    return self->keeps_old || self->by_column;
}

/*  ------------------------------------------------------------------------- keys  */

err_t
replica_key(replica_t *self, const value_t *values, arena_t *arena, const char **key,
            fault_t *fault)
{
    buffer_clear(&self->key);
    row_begin(&self->key, self->n_keys);
    for (size_t i = 0; i < self->n_keys; i++) {
        if (values[self->keys[i]].kind == VALUE_NULL)
            return fault_set(
                fault, ERR_GAP,
                "the log has a row of table %s without its key: set REPLICA IDENTITY "
                "DEFAULT, of its partitions as well",
                table_name(self->table));
        row_add_name(&self->key, self->columns[self->keys[i]].name);
        row_add(&self->key, &values[self->keys[i]]);
    }
    return table_key_text(self->table, buffer_bytes(&self->key), arena, key, fault);
}

bool
replica_same_key(const replica_t *self, const value_t *a, const value_t *b)
{
    for (size_t i = 0; i < self->n_keys; i++)
        if (!value_equal(&a[self->keys[i]], &b[self->keys[i]]))
            return false;
    return true;
}

/*  ------------------------------------------------------------------------- rows  */

static sqlite3_stmt *
bind_key(const replica_t *self, const char *sql, const value_t *values, fault_t *fault)
{
    sqlite3_stmt *statement = db_statement(self->db, sql, fault);
    for (size_t i = 0; statement != NULL && i < self->n_keys; i++)
        if (bind_value(statement, (int) i + 1, &values[self->keys[i]]) != SQLITE_OK)
            return NULL;
    return statement;
}

static value_t
keep_value(value_t value, arena_t *arena)
{
    if (value.kind == VALUE_TEXT || value.kind == VALUE_BLOB)
        value.bytes = arena_bytes(arena, value.bytes);
    return value;
}

static value_t *
keep_row(const replica_t *self, sqlite3_stmt *statement, arena_t *arena)
{
    value_t *values = arena_new(arena, (self->n + 1) * sizeof *values);
    for (size_t i = 0; i < self->n; i++)
        values[i] = keep_value(column_value(statement, (int) i), arena);
    return values;
}

err_t
replica_read(const replica_t *self, const value_t *key, arena_t *arena, value_t **values,
             fault_t *fault)
{
    err_t err = puts_write(self->puts, fault);
    *values = NULL;
    if (err != OK)
        return err;
    sqlite3_stmt *statement = bind_key(self, self->read_sql, key, fault);
    if (!db_step(self->db, statement, &err, fault))
        return err;
    *values = keep_row(self, statement, arena);
    sqlite3_reset(statement);
    return OK;
}

err_t
replica_some(const replica_t *self, arena_t *arena, value_t **rows, size_t *n, fault_t *fault)
{
    err_t err = puts_write(self->puts, fault);
    if (err != OK)
        return err;
    sqlite3_stmt *statement = db_query(self->db, self->some_sql, fault, "u", (uint64_t) *n);
    for (*n = 0; db_step(self->db, statement, &err, fault); (*n)++)
        rows[*n] = keep_row(self, statement, arena);
    return err;
}

static err_t
make_plan(replica_t *self, fault_t *fault)
{
    const bool few = self->n * PUTS_AT_ONCE <= PUTS_MOST_VALUES;
    put_plan_t plan = {.n = self->n, .one = db_statement(self->db, self->put_sql, fault)};
    if (plan.one != NULL && few)
        plan.many = db_statement(self->db, self->put_many_sql, fault);
    if (plan.one == NULL || (few && plan.many == NULL))
        return fault->err;
    self->plan = plan;
    return OK;
}

err_t
replica_put(replica_t *self, const value_t *values, fault_t *fault)
{
    const err_t err = self->plan.one == NULL ? make_plan(self, fault) : OK;
    return err == OK ? puts_add(self->puts, &self->plan, values, fault) : err;
}

err_t
replica_remove(const replica_t *self, const value_t *values, bool *gone, fault_t *fault)
{
    err_t err = puts_write(self->puts, fault);
    if (err != OK)
        return err;
    (void) db_step(self->db, bind_key(self, self->delete_sql, values, fault), &err, fault);
    *gone = err == OK && db_changes(self->db) > 0;
    return err;
}
