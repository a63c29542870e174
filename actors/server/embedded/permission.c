#include "actors/server/embedded/permission.h"

#include "actors/server/rights.h"

/*  In words of those that table_check() has for a column that is not there.  */
static err_t
refuse_hidden(const rule_t *rule, const client_change_t *change, fault_t *fault)
{
    bytes_t name;
    value_t value;
    row_reader_t reader = row_read(change->data);
    while (row_next(&reader, &name, &value))
        if (rule_hides(rule, name))
            return fault_set(fault, ERR_INVALID_CHANGE, HIDDEN_TEXT, change->table,
                             (int) (name.size < 64 ? name.size : 64), (const char *) name.data);
    return OK;
}

static err_t
deny(const client_change_t *change, const validated_t *validated, fault_t *fault)
{
    return fault_set(fault, ERR_PERMISSION_DENIED, DENIED_TEXT, change->table,
                     validated->key_text, change->operation);
}

/*  The row as it stands before the change.  */
static err_t
judge_standing(const work_t *work, const client_change_t *change, const validated_t *validated,
               bytes_t row, fault_t *fault)
{
    rule_t *rule = rights_of(work->rights, table_name(validated->table));
    bool readable = false;
    bool writable = false;
    err_t err = rule_holds(rule, RIGHT_READ, (asking_t){work->user, row}, &readable, fault);
    if (err == OK)
        err = rule_holds(rule, RIGHT_WRITE, (asking_t){work->user, row}, &writable, fault);
    if (err != OK || (readable && writable))
        return err;
    if (!readable && validated->operation != OPERATION_INSERT)
        return fault_set(fault, ERR_ENTITY_NOT_FOUND, NOT_FOUND_TEXT, change->table,
                         validated->key_text, change->operation);
    return deny(change, validated, fault);
}

err_t
permission_before(const work_t *work, const client_change_t *change, fault_t *fault)
{
    bool found = false;
    buffer_t row = {0};
    validated_t validated = {0};
    rule_t *rule = rights_of(work->rights, change->table);
    if (rule == NULL)
        return OK;
    err_t err = validator_find(work, change, &validated, fault);
    if (err == OK)
        err = refuse_hidden(rule, change, fault);
    if (err == OK)
        err = table_read(validated.table, validated.key, &row, &found, fault);
    if (err == OK && found)
        err = judge_standing(work, change, &validated, buffer_bytes(&row), fault);
    buffer_release(&row);
    return err;
}

/*  The row as the change has left it.  */
static err_t
judge_written(const work_t *work, const client_change_t *change, const validated_t *validated,
              bytes_t row, fault_t *fault)
{
    rule_t *rule = rights_of(work->rights, table_name(validated->table));
    bool writable = false;
    const char *message = NULL;
    err_t err = rule_holds(rule, RIGHT_WRITE, (asking_t){work->user, row}, &writable, fault);
    if (err == OK && !writable)
        return deny(change, validated, fault);
    if (err == OK)
        err = rule_check(rule, (asking_t){work->user, row}, work->arena, &message, fault);
    if (err == OK && message != NULL)
        return fault_set(fault, ERR_RULE_VIOLATION, "%s", message);
    return err;
}

err_t
permission_after(const work_t *work, const client_change_t *change,
                 const validated_t *validated, fault_t *fault)
{
    bool found = false;
    buffer_t row = {0};
    if (rights_of(work->rights, table_name(validated->table)) == NULL)
        return OK;
    err_t err = table_read(validated->table, validated->key, &row, &found, fault);
    if (err == OK && found)
        err = judge_written(work, change, validated, buffer_bytes(&row), fault);
    buffer_release(&row);
    return err;
}

err_t
permission_show(const work_t *work, const table_t *table, bytes_t row, bytes_t *shown,
                fault_t *fault)
{
    bool readable = true;
    rule_t *rule = rights_of(work->rights, table_name(table));
    *shown = (bytes_t){0};
    const err_t err =
        rule ? rule_holds(rule, RIGHT_READ, (asking_t){work->user, row}, &readable, fault) : OK;
    if (err == OK && readable)
        *shown = rule ? rule_visible(rule, row, work->arena) : row;
    return err;
}
