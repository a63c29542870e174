/*  Writing rows, one prepared statement for each set of columns, and what came of it.  */

#include "actors/server/postgres/judge_parts.h"

#include <string.h>

/*  A statement and its parameters.  */
typedef struct statement {
    buffer_t sql;
    pg_parameter_t *parameters;
    size_t n;
} statement_t;

static void
add_parameter(statement_t *self, const pg_parameter_t *parameter)
{
    self->parameters[self->n++] = *parameter;
    buffer_add_format(&self->sql, "$%zu", self->n);
}

/*  The values that are to be written.  */
typedef struct values {
    size_t n;
    const pg_column_t **columns;
    pg_parameter_t *parameters;
} values_t;

static err_t
read_values(judge_batch_t *self, const judge_case_t *one, values_t *values, fault_t *fault)
{
    bytes_t name;
    value_t value;
    err_t err = OK;
    row_reader_t reader = row_read(one->sent);
    values->columns = arena_new(self->arena, (reader.left + 1) * sizeof *values->columns);
    values->parameters = arena_new(self->arena, (reader.left + 1) * sizeof *values->parameters);
    while (err == OK && row_next(&reader, &name, &value)) {
        const pg_column_t *column =
            pg_table_column(one->table->pg, (const char *) name.data, name.size);
        if (column == NULL)
            continue;
        values->columns[values->n] = column;
        err = pg_value_write(column->shape, &value, self->arena,
                             &values->parameters[values->n++], fault);
    }
    return err;
}

static void
add_where(statement_t *statement, const judge_case_t *one)
{
    for (size_t i = 0; i < one->table->pg->n_keys; i++) {
        buffer_add_text(&statement->sql, i > 0 ? " AND " : " WHERE ");
        pg_name(&statement->sql, one->table->keys[i]->name);
        buffer_add_text(&statement->sql, " = ");
        add_parameter(statement, &one->key_values[i]);
    }
}

static void
add_returning(statement_t *statement, const judge_case_t *one)
{
    buffer_add_text(&statement->sql, " RETURNING ");
    buffer_add_text(&statement->sql, one->table->names);
}

static size_t
count_beside_key(const values_t *values)
{
    size_t n = 0;
    for (size_t i = 0; i < values->n; i++)
        n += values->columns[i]->key == 0;
    return n;
}

static void
write_update(statement_t *statement, const judge_case_t *one, const values_t *values)
{
    const char *before = " SET ";
    buffer_add_text(&statement->sql, "UPDATE ");
    pg_name(&statement->sql, one->table->pg->name);
    for (size_t i = 0; i < values->n; i++) {
        if (values->columns[i]->key > 0)
            continue;
        buffer_add_text(&statement->sql, before);
        pg_name(&statement->sql, values->columns[i]->name);
        buffer_add_text(&statement->sql, " = ");
        add_parameter(statement, &values->parameters[i]);
        before = ", ";
    }
    add_where(statement, one);
    add_returning(statement, one);
}

static void
add_conflict(statement_t *statement, const judge_case_t *one, const values_t *values)
{
    const char *before = ") DO UPDATE SET ";
    for (size_t i = 0; i < one->table->pg->n_keys; i++) {
        buffer_add_text(&statement->sql, i > 0 ? ", " : ") ON CONFLICT (");
        pg_name(&statement->sql, one->table->keys[i]->name);
    }
    if (count_beside_key(values) == 0)
        buffer_add_text(&statement->sql, ") DO NOTHING");
    for (size_t i = 0; i < values->n; i++) {
        if (values->columns[i]->key > 0)
            continue;
        buffer_add_text(&statement->sql, before);
        pg_name(&statement->sql, values->columns[i]->name);
        buffer_add_text(&statement->sql, " = excluded.");
        pg_name(&statement->sql, values->columns[i]->name);
        before = ", ";
    }
}

/*  Nobody saw such a row; if another transaction inserts it meanwhile, this one is tried again,
    which a plain INSERT would not tell from a broken rule.  */
static void
write_insert(statement_t *statement, const judge_case_t *one, const values_t *values)
{
    buffer_add_text(&statement->sql, "INSERT INTO ");
    pg_name(&statement->sql, one->table->pg->name);
    for (size_t i = 0; i < values->n; i++) {
        buffer_add_text(&statement->sql, i > 0 ? ", " : " (");
        pg_name(&statement->sql, values->columns[i]->name);
    }
    buffer_add_text(&statement->sql, ") OVERRIDING SYSTEM VALUE VALUES (");
    for (size_t i = 0; i < values->n; i++) {
        buffer_add_text(&statement->sql, i > 0 ? ", " : "");
        add_parameter(statement, &values->parameters[i]);
    }
    add_conflict(statement, one, values);
    add_returning(statement, one);
}

static void
write_delete(statement_t *statement, const judge_case_t *one)
{
    buffer_add_text(&statement->sql, "DELETE FROM ");
    pg_name(&statement->sql, one->table->pg->name);
    add_where(statement, one);
    buffer_add_text(&statement->sql, " RETURNING 1");
}

/*  ------------------------------------------------------------------------------- answers  */

static err_t
take_written(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    judge_case_t *one = &self->cases[about];
    one->written = PQntuples(result) > 0;
    if (!one->written || one->operation == OPERATION_DELETE)
        return OK;
    const model_look_t look = {result, 0, 0};
    const err_t err = model_row(one->table, &look, self->arena, &one->after, fault);
    if (err == OK && !judge_has_key(one, one->after))
        return fault_set(fault, ERR_RULE_VIOLATION, ALIKE_TEXT, one->change->table, one->key);
    return err;
}

static err_t
send_statement(judge_batch_t *self, size_t number, const values_t *values, fault_t *fault)
{
    judge_case_t *one = &self->cases[number];
    statement_t statement = {0};
    statement.parameters = arena_new(self->arena, (values->n + one->table->pg->n_keys + 1)
                                                      * sizeof *statement.parameters);
    if (one->operation == OPERATION_DELETE)
        write_delete(&statement, one);
    else if (one->found)
        write_update(&statement, one, values);
    else
        write_insert(&statement, one, values);
    const err_t err = pg_send_values(self->pg, buffer_text(&statement.sql),
                                     statement.parameters, statement.n, fault);
    buffer_release(&statement.sql);
    if (err == OK)
        judge_expect(self, take_written, number);
    return err;
}

/*  Where only the key is named, a row that is there is as it should be.  */
static err_t
write_one(judge_batch_t *self, size_t number, fault_t *fault)
{
    judge_case_t *one = &self->cases[number];
    values_t values = {0};
    err_t err = OK;
    one->after_readable = one->after_writable = true;
    if (one->operation != OPERATION_DELETE)
        err = read_values(self, one, &values, fault);
    if (err != OK) {
        self->blamed = number;
        return err;
    }
    if (one->operation != OPERATION_DELETE && one->found && count_beside_key(&values) == 0) {
        one->written = true;
        one->after = one->row;
        return OK;
    }
    one->tried = true;
    self->locals[one->local].written = true;
    return send_statement(self, number, &values, fault);
}

/*  ------------------------------------------------------------------------------- sending  */

/*  Nobody tells which change owes something: most probably the last that can.  */
static size_t
suspect(const judge_batch_t *self, const judge_local_t *local)
{
    size_t number = local->first + local->n - 1;
    for (size_t i = local->first; i < local->first + local->n; i++)
        if (self->cases[i].tried && self->cases[i].table->pg->deferrable)
            number = i;
    return number;
}

/*  Constraints that wait for the end of a transaction are looked at when the local one is
    complete, so that it is known whose they are.  */
static err_t
check_constraints(judge_batch_t *self, size_t number, fault_t *fault)
{
    const judge_local_t *local = &self->locals[self->cases[number].local];
    const bool last = number + 1 == local->first + local->n;
    if (!last || !local->written || !model_has_deferrable(self->model))
        return OK;
    err_t err = pg_send(self->pg, "SET CONSTRAINTS ALL IMMEDIATE", fault, "");
    if (err == OK) {
        judge_expect(self, NULL, suspect(self, local));
        err = pg_send(self->pg, "SET CONSTRAINTS ALL DEFERRED", fault, "");
    }
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

err_t
judge_write_send(judge_batch_t *self, fault_t *fault)
{
    err_t err = judge_labels_send(self, fault);
    for (size_t i = self->wave; err == OK && i < self->wave_end; i++) {
        if (judge_is_to_write(self, &self->cases[i]))
            err = write_one(self, i, fault);
        if (err == OK)
            err = check_constraints(self, i, fault);
    }
    if (err == OK)
        err = judge_versions_send(self, fault);
    return err;
}

/*  ------------------------------------------------------------------------------ verdicts  */

bool
judge_needs_look(const judge_case_t *one)
{
    return one->tried && (one->table->ruled || one->triggered || !one->written);
}

static err_t
judge_after(const judge_case_t *one, fault_t *fault)
{
    const bool there = one->after.size > 0;
    if (!one->written && !there && one->operation != OPERATION_INSERT)
        return fault_set(fault, ERR_ENTITY_NOT_FOUND, NOT_FOUND_TEXT, one->change->table,
                         one->key, one->change->operation);
    if (there && !one->after_writable)
        return fault_set(fault, ERR_PERMISSION_DENIED, DENIED_TEXT, one->change->table,
                         one->key, one->change->operation);
    if (there && one->complaint != NULL)
        return fault_set(fault, ERR_RULE_VIOLATION, "%s", one->complaint);
    return OK;
}

static bool
is_named(bytes_t sent, bytes_t column)
{
    bytes_t name;
    value_t value;
    row_reader_t reader = row_read(sent);
    while (row_next(&reader, &name, &value))
        if (name.size == column.size && memcmp(name.data, column.data, name.size) == 0)
            return true;
    return false;
}

/*  Has a trigger set columns that the change did not name, as updated_at? Both rows have the
    same columns, in the same order.  */
static bool
is_changed_beside(const judge_case_t *one)
{
    bytes_t name, again;
    value_t before, after;
    row_reader_t rows[] = {row_read(one->row), row_read(one->after)};
    if (!one->found || one->after.size == 0)
        return false;
    while (row_next(&rows[0], &name, &before) && row_next(&rows[1], &again, &after))
        if (!value_equal(&before, &after) && !is_named(one->change->data, name))
            return true;
    return false;
}

/*  A rule of the database may have left the row as it was.  */
static void
give_verdict(judge_batch_t *self, judge_case_t *one)
{
    const bool deleted = one->operation == OPERATION_DELETE;
    const bool has_it = one->written && !deleted && !is_changed_beside(one);
    const bytes_t row = one->after_readable ? one->after : (bytes_t){0};
    *one->verdict = (verdict_t){
        .id = one->change->id,
        .verdict = one->written && (row.size > 0) != deleted ? "applied" : "merged",
        .lsn = one->lsn,
        .message =
            decisions_note_clock(one->change, one->updated_at, self->wall_ms, self->arena),
    };
    judge_attach(self, one, row, has_it ? &one->change->data : NULL);
}

err_t
judge_write_done(judge_batch_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = self->wave; err == OK && i < self->wave_end; i++) {
        fault_t why = {0};
        judge_case_t *one = &self->cases[i];
        if (!judge_is_to_write(self, one))
            continue;
        if (judge_after(one, &why) != OK)
            err = judge_reject(self, one, &why, fault);
        else
            give_verdict(self, one);
    }
    return err;
}
