#include "actors/agent/writes.h"

#include "actors/agent/capturing.h"
#include "actors/agent/journal.h"
#include "actors/agent/written.h"

#include <string.h>

/*  An entry, looked up and checked.  */
typedef struct prepared {
    const write_t *write;
    size_t index; /* of the entry in it */
    table_t *table;
    const char *key; /* of the row, as text */
    bytes_t row;     /* with the key; of a delete, the key alone */
} prepared_t;

bool
writes_is_refusal(err_t err)
{
    return err == ERR_INVALID_CHANGE || err == ERR_ENTITY_NOT_FOUND
           || err == ERR_RULE_VIOLATION;
}

/*  ------------------------------------------------------------------------- repeating  */

/*  Whatever came from the server has ids of others: not to be had.  */
static err_t
find_change(const writes_t *self, const entry_t *entry, bool *found, fault_t *fault)
{
    static const char sql[] = "SELECT from_server = 0 AND entity_type = ?2 COLLATE NOCASE"
                              " FROM local_changes WHERE id = ?1";
    *found = false;
    if (entry->change == NULL || entry->change[0] == '\0')
        return OK;
    sqlite3_stmt *statement = db_statement(self->db, sql, fault);
    if (statement == NULL)
        return fault->err;
    const err_t err = db_run(self->db, sql, found, fault, "tt", entry->change, entry->table);
    if (err != OK || !*found)
        return err;
    const bool same = sqlite3_column_int(statement, 0) != 0;
    sqlite3_reset(statement);
    if (same)
        return OK;
    return fault_set(fault, ERR_INVALID_CHANGE, "%s is the id of another change; choose a new",
                     entry->change);
}

err_t
writes_find_earlier(const writes_t *self, const write_t *write, bool *repeated, fault_t *fault)
{
    fault_t cause = {0};
    *repeated = false;
    for (size_t i = 0; i < write->n_changes; i++) {
        bool found;
        if (find_change(self, &write->changes[i], &found, &cause) != OK)
            return fault_set(fault, cause.err, "changes[%zu].change: %s", i, cause.text);
        if (i > 0 && found != *repeated)
            return fault_set(
                fault, ERR_INVALID_CHANGE,
                "changes[%zu].change: some of these changes are recorded already and"
                " others not; repeat all of a write, or none",
                i);
        *repeated = found;
    }
    return OK;
}

/*  ------------------------------------------------------------------------- checking  */

/*  Puts the columns of the key that the data leaves out in front of it.  */
static bytes_t
add_key(const writes_t *self, bytes_t key, bytes_t data)
{
    bytes_t name;
    value_t value;
    value_t given;
    size_t n_missing = 0;
    buffer_t missing = {0};
    buffer_t row = {0};
    row_reader_t columns = row_read(key);
    while (row_next(&columns, &name, &value)) {
        const char *column = arena_text_of(self->arena, name.data, name.size);
        if (row_find(data, column, &given))
            continue;
        row_add_name(&missing, column);
        row_add(&missing, &value);
        n_missing++;
    }
    const row_reader_t rest = row_read(data);
    row_begin(&row, rest.left + n_missing);
    buffer_add(&row, missing.data, missing.size);
    buffer_add(&row, rest.at, (size_t) (rest.end - rest.at));
    const bytes_t kept = n_missing > 0 ? arena_bytes(self->arena, buffer_bytes(&row)) : data;
    buffer_release(&missing);
    buffer_release(&row);
    return kept;
}

/*  The data may leave the key out: the entry's id says it.  */
static err_t
complete_row(const writes_t *self, const entry_t *entry, bytes_t key, prepared_t *prepared,
             fault_t *fault)
{
    fault_t cause = {0};
    prepared->row = key;
    if (entry->data.size == 0)
        return OK;
    if (row_check(entry->data, &cause) != OK)
        return fault_set(fault, ERR_INVALID_CHANGE, "%s", cause.text);
    prepared->row = add_key(self, key, entry->data);
    return OK;
}

/*  The id may be written otherwise than we would.  */
static err_t
check_id(const writes_t *self, const entry_t *entry, bytes_t key, const prepared_t *prepared,
         fault_t *fault)
{
    const char *text = NULL;
    if (strcmp(prepared->key, entry->id) == 0)
        return OK;
    const err_t err = table_check(prepared->table, key, self->arena, &text, fault);
    if (err != OK || strcmp(prepared->key, text) == 0)
        return err;
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "column %s is \"%.64s\", but the id is \"%.64s\"; make them the same",
                     table_key(prepared->table), prepared->key, entry->id);
}

static err_t
check_row(const writes_t *self, const entry_t *entry, prepared_t *prepared, fault_t *fault)
{
    bytes_t key = {0};
    err_t err = table_key_named(prepared->table, entry->id, self->arena, &key, fault);
    if (err == OK)
        err = complete_row(self, entry, key, prepared, fault);
    if (err == OK)
        err = table_check(prepared->table, prepared->row, self->arena, &prepared->key, fault);
    return err == OK ? check_id(self, entry, key, prepared, fault) : err;
}

static err_t
prepare(const writes_t *self, const write_t *write, size_t i, prepared_t *prepared,
        fault_t *fault)
{
    fault_t cause = {0};
    const entry_t *entry = &write->changes[i];
    prepared->table = catalog_table(self->catalog, entry->table);
    if (prepared->table == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "changes[%zu].table: there is no table \"%.64s\"; the first connection"
                         " to the server makes its tables",
                         i, entry->table);
    if (table_key(prepared->table) == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "changes[%zu].table: table %s has no primary key and cannot be"
                         " synchronised",
                         i, entry->table);
    if (write->written && capturing_has(self->settings, entry->table))
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "changes[%zu].table: table %s is captured by triggers; what is written"
                         " there is recorded already",
                         i, entry->table);
    if (check_row(self, entry, prepared, &cause) == OK)
        return OK;
    return fault_set(fault, cause.err, "changes[%zu].%s: %s", i,
                     entry->data.size > 0 ? "data" : "id", cause.text);
}

/*  --------------------------------------------------------------------------- writing  */

typedef struct operation {
    const char *name;
    /*  *recorded: what it came to.  */
    err_t (*run)(const prepared_t *prepared, const char **recorded, fault_t *fault);
    const char *recorded; /* of a row that the application wrote itself */
} operation_t;

static err_t
missing(const prepared_t *prepared, fault_t *fault)
{
    return fault_set(fault, ERR_ENTITY_NOT_FOUND,
                     "table %s has no row \"%.64s\"; insert it first, or look at the key",
                     table_name(prepared->table), prepared->key);
}

static err_t
run_insert(const prepared_t *prepared, const char **recorded, fault_t *fault)
{
    bool found = false;
    buffer_t row = {0};
    fault_t none = {0};
    *recorded = "insert";
    const err_t err = table_insert(prepared->table, prepared->row, fault);
    if (err != ERR_RULE_VIOLATION)
        return err;
    const err_t looked = table_read(prepared->table, prepared->row, &row, &found, &none);
    buffer_release(&row);
    if (looked != OK || !found)
        return err;
    return fault_set(fault, ERR_RULE_VIOLATION,
                     "table %s has a row \"%.64s\" already; update or upsert it",
                     table_name(prepared->table), prepared->key);
}

static err_t
run_update(const prepared_t *prepared, const char **recorded, fault_t *fault)
{
    bool changed = false;
    *recorded = "update";
    const err_t err = table_update(prepared->table, prepared->row, &changed, fault);
    return err != OK || changed ? err : missing(prepared, fault);
}

static err_t
run_upsert(const prepared_t *prepared, const char **recorded, fault_t *fault)
{
    bool changed = false;
    *recorded = "update";
    const err_t err = table_update(prepared->table, prepared->row, &changed, fault);
    return err != OK || changed ? err : run_insert(prepared, recorded, fault);
}

static err_t
run_delete(const prepared_t *prepared, const char **recorded, fault_t *fault)
{
    bool changed = false;
    *recorded = "delete";
    const err_t err = table_delete(prepared->table, prepared->row, &changed, fault);
    return err != OK || changed ? err : missing(prepared, fault);
}

/*  Whether a row that is already written was there before cannot be known any more; the
    server takes an insert of a row that it has for an upsert.  */
static const operation_t operations[] = {
    {"insert", run_insert, "insert"},
    {"update", run_update, "update"},
    {"delete", run_delete, "delete"},
    {"upsert", run_upsert, "insert"},
};

static const operation_t *
operation_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    return NULL;
}

/*  Whether an update or a delete has done something is looked at where it is done.  */
static err_t
run_and_look(const writes_t *self, const operation_t *operation, const prepared_t *prepared,
             const char **recorded, fault_t *fault)
{
    const err_t err = operation->run(prepared, recorded, fault);
    if (err != OK || strcmp(*recorded, "insert") != 0)
        return err;
    return written_check(self->db, prepared->table, prepared->row, fault);
}

static err_t
operate(const writes_t *self, const prepared_t *prepared, const char **recorded, fault_t *fault)
{
    fault_t cause = {0};
    const char *name = prepared->write->changes[prepared->index].operation;
    const operation_t *operation = operation_named(name);
    if (operation == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE, "changes[%zu].operation: \"%.40s\" is none",
                         prepared->index, name);
    *recorded = operation->recorded;
    if (prepared->write->written
        || run_and_look(self, operation, prepared, recorded, &cause) == OK)
        return OK;
    return fault_set(fault, cause.err, "changes[%zu]: %s", prepared->index, cause.text);
}

static err_t
record_one(const writes_t *self, const write_t *write, size_t i, recorded_t *recorded,
           fault_t *fault)
{
    fault_t cause = {0};
    prepared_t prepared = {.write = write, .index = i};
    const char *operation = "";
    err_t err = prepare(self, write, i, &prepared, fault);
    if (err == OK)
        err = operate(self, &prepared, &operation, fault);
    if (err != OK)
        return err;
    recorded[i] = (recorded_t){
        .id = recorded[i].id,
        .entity_type = table_name(prepared.table),
        .entity_id = prepared.key,
        .operation = operation,
        .timestamp = self->timestamp,
    };
    const bool deletes = strcmp(operation, "delete") == 0;
    const journal_row_t row = {
        .id = recorded[i].id,
        .table = recorded[i].entity_type,
        .key = prepared.key,
        .operation = operation,
        .row = deletes ? (bytes_t){0} : prepared.row,
        .timestamp = self->timestamp,
        .txn = recorded[0].id,
        .metadata = write->changes[i].metadata,
    };
    if (journal_add_local(self->db, &row, &cause) == OK)
        return OK;
    return fault_set(fault, cause.err, "changes[%zu].%s", i, cause.text);
}

err_t
writes_record(const writes_t *self, const write_t *write, recorded_t *recorded, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < write->n_changes; i++)
        err = record_one(self, write, i, recorded, fault);
    return err;
}
