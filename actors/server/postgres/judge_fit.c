/*  What a change names: its operation, its table, its key.  */

#include "actors/server/postgres/judge_parts.h"

#include <string.h>

static err_t
find_table(judge_batch_t *self, judge_case_t *one, model_table_t **found, fault_t *fault)
{
    const client_change_t *change = one->change;
    *found = model_find(self->model, change->table);
    if (*found == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE, NO_TABLE_TEXT, change->table);
    return table_check((*found)->shape, change->data, self->arena, &one->key, fault);
}

static err_t
write_key(judge_batch_t *self, judge_case_t *one, const model_table_t *table, fault_t *fault)
{
    const size_t n = table->pg->n_keys;
    err_t err = OK;
    one->key_values = arena_new(self->arena, (n + 1) * sizeof *one->key_values);
    for (size_t i = 0; err == OK && i < n; i++) {
        value_t value = {0};
        (void) row_find(one->change->data, table->keys[i]->name, &value);
        err = pg_value_write(table->keys[i]->shape, &value, self->arena, &one->key_values[i],
                             fault);
    }
    return err;
}

static err_t
refuse_hidden(const judge_case_t *one, const model_table_t *table, fault_t *fault)
{
    bytes_t name;
    value_t value;
    row_reader_t reader = row_read(one->change->data);
    while (row_next(&reader, &name, &value))
        if (model_hides(table, name))
            return fault_set(fault, ERR_INVALID_CHANGE, HIDDEN_TEXT, one->change->table,
                             (int) (name.size < 64 ? name.size : 64), (const char *) name.data);
    return OK;
}

bool
judge_has_key(const judge_case_t *one, bytes_t row)
{
    for (size_t i = 0; i < one->table->pg->n_keys; i++) {
        value_t value = {0};
        const char *key = one->key_values[i].text;
        if (one->table->keys[i]->shape == SHAPE_TEXT
            && (!row_find(row, one->table->keys[i]->name, &value)
                || strlen(key) != value.bytes.size
                || memcmp(key, value.bytes.data, value.bytes.size) != 0))
            return false;
    }
    return true;
}

/*  Whatever else is wrong, a change with a key names a row.  */
void
judge_fit(judge_batch_t *self, judge_case_t *one)
{
    fault_t fault = {0};
    model_table_t *table = NULL;
    err_t err = decisions_find_operation(one->change, &one->operation, &fault);
    if (err == OK)
        err = find_table(self, one, &table, &fault);
    if (err == OK)
        err = write_key(self, one, table, &fault);
    one->table = err == OK ? table : NULL;
    if (err == OK)
        err = refuse_hidden(one, table, &fault);
    fault_t fields = {0};
    if (decisions_check_fields(one->change, &fields) != OK) {
        err = fields.err;
        fault = fields;
    }
    one->misfit = err;
    one->misfit_text = err == OK ? NULL : arena_text(self->arena, fault.text);
}
