#include "actors/server/postgres/judge_model.h"

#include "actors/server/postgres/judge_rule.h"

#include <stdlib.h>
#include <string.h>

struct model {
    pg_tables_t *tables;
    db_t *shapes;
    catalog_t *catalog;
    model_table_t *known;
    size_t n;
    arena_t arena;
};

/*  ------------------------------------------------------------------------------ rules  */

static const struct {
    const char *key;
    const char *format; /* makes a value of the condition */
} rules[] = {
    {"read", "(%s\n) IS TRUE"}, {"write", "(%s\n) IS TRUE"}, {"check", "(%s\n)::text"}};

static const char *
condition_of(const table_settings_t *settings, size_t rule)
{
    const char *conditions[] = {settings->tables_read, settings->tables_write,
                                settings->tables_check};
    return conditions[rule];
}

static void
add_rule(buffer_t *sql, const table_settings_t *settings, size_t rule)
{
    buffer_t condition = {0};
    judge_rule_write(&condition, condition_of(settings, rule), "waybill_asked.waybill_user");
    buffer_add_text(sql, "(");
    buffer_add_text(sql, buffer_text(&condition));
    buffer_add_text(sql, rules[rule].format + strlen("(%s"));
    buffer_release(&condition);
}

static err_t
check_rule(pg_t *pg, const model_table_t *table, size_t rule, fault_t *fault)
{
    buffer_t sql = {0};
    fault_t cause = {0};
    buffer_add_text(&sql, "SELECT ");
    add_rule(&sql, table->settings, rule);
    buffer_add_text(&sql,
                    " FROM unnest($1::text[]) AS waybill_asked (waybill_user) LEFT JOIN ");
    pg_name(&sql, table->pg->name);
    buffer_add_text(&sql, " ON false");
    pg_array_t users = {0};
    err_t err = pg_run(pg, buffer_text(&sql), NULL, &cause, "a", &users);
    pg_array_release(&users);
    buffer_release(&sql);
    if (err == OK)
        return OK;
    if (err == ERR_CONFIG || !err_is_transient(err))
        return fault_set(fault, ERR_CONFIG, "tables.%s.%s: %.300s; correct the setting",
                         table->pg->name, rules[rule].key, cause.text);
    return fault_set(fault, err, "%s", cause.text);
}

static err_t
check_rules(pg_t *pg, const model_table_t *table, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(rules); i++)
        if (condition_of(table->settings, i)[0] != '\0')
            err = check_rule(pg, table, i, fault);
    return err;
}

/*  ----------------------------------------------------------------------- SQL of a table  */

static void
add_names(buffer_t *sql, const model_table_t *table)
{
    const char *before = "";
    for (size_t i = 0; i < table->pg->n_columns; i++) {
        if (table->pg->columns[i].generated)
            continue;
        buffer_add_text(sql, before);
        pg_name(sql, table->pg->name);
        buffer_add_text(sql, ".");
        pg_name(sql, table->pg->columns[i].name);
        before = ", ";
    }
}

/*  No column has a name that a rule may mean another one by.  */
static void
add_asked(buffer_t *sql, const model_table_t *table)
{
    buffer_add_text(sql, " FROM unnest($1::integer[], $2::text[], $3::text[]");
    for (size_t i = 0; i < table->pg->n_keys; i++)
        buffer_add_format(sql, ", $%zu::%s[]", i + 4, table->keys[i]->type);
    buffer_add_text(sql, ") AS waybill_asked (waybill_number, waybill_key, waybill_user");
    for (size_t i = 0; i < table->pg->n_keys; i++)
        buffer_add_format(sql, ", waybill_k%zu", i + 1);
    buffer_add_text(sql, ") LEFT JOIN ");
    pg_name(sql, table->pg->name);
    for (size_t i = 0; i < table->pg->n_keys; i++) {
        buffer_add_text(sql, i > 0 ? " AND " : " ON ");
        pg_name(sql, table->pg->name);
        buffer_add_text(sql, ".");
        pg_name(sql, table->keys[i]->name);
        buffer_add_format(sql, " = waybill_asked.waybill_k%zu", i + 1);
    }
    buffer_add_text(sql, " LEFT JOIN (SELECT key AS waybill_row, updated_at AS waybill_time,"
                         " client_id AS waybill_client, lsn AS waybill_lsn, xid AS waybill_xid,"
                         " deleted AS waybill_deleted FROM waybill.versions WHERE tbl = ");
    pg_literal(sql, table->pg->name);
    buffer_add_text(sql, ") AS waybill_version ON waybill_row = waybill_key"
                         " LEFT JOIN (SELECT xid AS waybill_written, updated_at AS waybill_at,"
                         " lsn AS waybill_before FROM waybill.rounds) AS waybill_round"
                         " ON waybill_written = ");
    pg_name(sql, table->pg->name);
    buffer_add_text(sql, ".xmin::text::bigint");
}

/*  Where nothing is asked, nothing is refused. Else, without the rules: what cannot be
   evaluated does not hold.  */
static void
add_rules(buffer_t *sql, const model_table_t *table, bool evaluated)
{
    static const char *const open[] = {"true", "true", "NULL::text"};
    static const char *const closed[] = {"false", "false", "'its rule cannot be evaluated'"};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        buffer_add_text(sql, ", ");
        if (condition_of(table->settings, i)[0] == '\0')
            buffer_add_text(sql, open[i]);
        else if (evaluated)
            add_rule(sql, table->settings, i);
        else
            buffer_add_text(sql, closed[i]);
    }
}

static void
write_look(buffer_t *sql, const model_table_t *table, bool evaluated)
{
    buffer_add_text(sql, "SELECT waybill_asked.waybill_number, ");
    pg_name(sql, table->pg->name);
    buffer_add_text(sql, ".xmin, waybill_time, waybill_client, waybill_lsn, waybill_xid,"
                         " waybill_deleted");
    add_rules(sql, table, evaluated);
    buffer_add_format(sql,
                      ", EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = %u"
                      " AND NOT tgisinternal AND tgenabled <> 'D')",
                      table->pg->id);
    buffer_add_text(sql, ", waybill_at, waybill_before");
    for (size_t i = 0; i < table->pg->n_keys; i++)
        buffer_add_format(sql, ", waybill_asked.waybill_k%zu", i + 1);
    buffer_add_text(sql, ", ");
    add_names(sql, table);
    add_asked(sql, table);
}

static void
add_look(buffer_t *sql, const model_table_t *table)
{
    write_look(sql, table, true);
}

static void
add_plain(buffer_t *sql, const model_table_t *table)
{
    write_look(sql, table, false);
}

/*  ------------------------------------------------------------------------- one table  */

static policy_t
policy_of(const table_settings_t *settings)
{
    static const char *const policies[] = {
        [POLICY_ROW] = "row", [POLICY_COLUMN] = "column", [POLICY_STALE] = "stale"};
    size_t i = 0;
    while (i + 1 < COUNT_OF(policies) && strcmp(policies[i], settings->tables_policy) != 0)
        i++;
    return (policy_t) i;
}

static bool
is_named(const char *names, const char *name)
{
    static const char separators[] = ", \t";
    while (*(names += strspn(names, separators)) != '\0') {
        const size_t size = strcspn(names, separators);
        if (strlen(name) == size && memcmp(names, name, size) == 0)
            return true;
        names += size;
    }
    return false;
}

static void
describe(model_t *self, model_table_t *table)
{
    const pg_table_t *pg = table->pg;
    const table_settings_t *settings = table->settings;
    table->policy = policy_of(settings);
    table->ruled = settings->tables_read[0] != '\0' || settings->tables_write[0] != '\0'
                   || settings->tables_check[0] != '\0';
    table->keys = arena_new(&self->arena, (pg->n_keys + 1) * sizeof *table->keys);
    table->hidden = arena_new(&self->arena, (pg->n_columns + 1) * sizeof *table->hidden);
    for (size_t i = 0; i < pg->n_columns; i++) {
        if (pg->columns[i].key > 0)
            table->keys[pg->columns[i].key - 1] = &pg->columns[i];
        table->hidden[i] = is_named(settings->tables_server_only, pg->columns[i].name);
    }
}

static const char *
keep(model_t *self, void (*write)(buffer_t *, const model_table_t *),
     const model_table_t *table)
{
    buffer_t sql = {0};
    write(&sql, table);
    const char *kept = arena_text(&self->arena, buffer_text(&sql));
    buffer_release(&sql);
    return kept;
}

static err_t
add_table(model_t *self, pg_t *pg, const settings_t *settings, const pg_table_t *found,
          fault_t *fault)
{
    model_table_t *table = &self->known[self->n];
    const table_schema_t schema = pg_table_describe(found, &self->arena);
    *table = (model_table_t){.pg = found, .settings = settings_of_table(settings, found->name)};
    if (!pg_table_is_synchronised(found))
        return OK;
    err_t err = table_create(self->shapes, &schema, fault);
    if (err == ERR_INVALID_CHANGE)
        return OK; /* its name is one of ours */
    describe(self, table);
    if (err == OK)
        err = check_rules(pg, table, fault);
    table->look = keep(self, add_look, table);
    table->plain = keep(self, add_plain, table);
    table->names = keep(self, add_names, table);
    self->n += err == OK;
    return err;
}

/*  ------------------------------------------------------------------------- all tables  */

static void
forget(model_t *self)
{
    catalog_close(&self->catalog);
    db_close(&self->shapes);
    pg_tables_destroy(&self->tables);
    arena_release(&self->arena);
    *self = (model_t){0};
}

static err_t
read_tables(pg_t *pg, const settings_t *settings, model_t *self, fault_t *fault)
{
    err_t err = pg_tables_read(pg, settings, &self->tables, fault);
    if (err != OK)
        return err;
    const size_t n = pg_tables_count(self->tables);
    self->known = arena_new(&self->arena, (n + 1) * sizeof *self->known);
    err = db_open_memory(&self->shapes, fault);
    for (size_t i = 0; err == OK && i < n; i++)
        err = add_table(self, pg, settings, pg_tables_at(self->tables, i), fault);
    if (err == OK)
        err = catalog_open(self->shapes, &self->catalog, fault);
    for (size_t i = 0; err == OK && i < self->n; i++)
        self->known[i].shape = catalog_table(self->catalog, self->known[i].pg->name);
    return err;
}

err_t
model_read(pg_t *pg, const settings_t *settings, model_t **self, fault_t *fault)
{
    if (*self == NULL)
        *self = mem_new(sizeof **self);
    forget(*self);
    const err_t err = read_tables(pg, settings, *self, fault);
    if (err != OK)
        forget(*self);
    return err;
}

void
model_destroy(model_t **self)
{
    if (*self == NULL)
        return;
    forget(*self);
    free(*self);
    *self = NULL;
}

model_table_t *
model_find(model_t *self, const char *name)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->known[i].pg->name, name) == 0)
            return &self->known[i];
    return NULL;
}

bool
model_has_deferrable(const model_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->known[i].pg->deferrable)
            return true;
    return false;
}

/*  ------------------------------------------------------------------------------- rows  */

int
model_look_columns(const model_table_t *table)
{
    return LOOK_KEYS + (int) table->pg->n_keys;
}

static err_t
read_value(pg_shape_t shape, const model_look_t *look, arena_t *arena, value_t *value,
           fault_t *fault)
{
    const PGresult *result = look->result;
    const bytes_t text = {(const uint8_t *) PQgetvalue(result, look->row, look->place),
                          (size_t) PQgetlength(result, look->row, look->place)};
    *value = (value_t){0};
    if (PQgetisnull(result, look->row, look->place))
        return OK;
    return pg_value_read(shape, text, arena, value, fault);
}

err_t
model_row(const model_table_t *table, const model_look_t *look, arena_t *arena, bytes_t *packed,
          fault_t *fault)
{
    buffer_t buffer = {0};
    model_look_t at = *look;
    err_t err = OK;
    size_t n = 0;
    for (size_t i = 0; i < table->pg->n_columns; i++)
        n += !table->pg->columns[i].generated;
    row_begin(&buffer, n);
    for (size_t i = 0; err == OK && i < table->pg->n_columns; i++) {
        value_t value;
        if (table->pg->columns[i].generated)
            continue;
        err = read_value(table->pg->columns[i].shape, &at, arena, &value, fault);
        at.place++;
        row_add_name(&buffer, table->pg->columns[i].name);
        row_add(&buffer, &value);
    }
    *packed = arena_bytes(arena, buffer_bytes(&buffer));
    buffer_release(&buffer);
    return err;
}

bool
model_hides(const model_table_t *table, bytes_t column)
{
    const pg_column_t *found =
        pg_table_column(table->pg, (const char *) column.data, column.size);
    return found != NULL && table->hidden[found - table->pg->columns];
}

bytes_t
model_visible(const model_table_t *table, bytes_t row, arena_t *arena)
{
    buffer_t columns = {0};
    buffer_t shown = {0};
    bytes_t name;
    value_t value;
    size_t n = 0;
    if (table->settings->tables_server_only[0] == '\0')
        return row;
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &name, &value)) {
        if (model_hides(table, name))
            continue;
        row_add_name(&columns, arena_text_of(arena, name.data, name.size));
        row_add(&columns, &value);
        n++;
    }
    row_begin(&shown, n);
    buffer_add(&shown, columns.data, columns.size);
    const bytes_t visible = arena_bytes(arena, buffer_bytes(&shown));
    buffer_release(&columns);
    buffer_release(&shown);
    return visible;
}
