#include "client/entries.h"

#include "schemas/row.h"
#include "schemas/text.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

static err_t
new_change_id(char id[WAYBILL_ID_ROOM], fault_t *fault)
{
    uint8_t uuid[16];
    uint64_t random[2];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
        return fault_set(fault, ERR_IO, "the system has no random numbers");
    uuid_v7(uuid, (uint64_t) now.tv_sec * 1000u + (uint64_t) now.tv_nsec / 1000000u, random[0],
            random[1]);
    (void) uuid_text(uuid, id);
    return OK;
}

static err_t
check_text(const char *text, const char *field, fault_t *fault)
{
    if (text == NULL || text[0] == '\0')
        return fault_set(fault, ERR_USAGE, "%s: it is missing", field);
    if (!text_is_clean((bytes_t){(const uint8_t *) text, strlen(text)}))
        return fault_set(fault, ERR_USAGE, "%s: it is not UTF-8", field);
    return OK;
}

static err_t
read_json(const char *json, const char *field, arena_t *arena, bytes_t *row, fault_t *fault)
{
    fault_t cause = {0};
    buffer_t packed = {0};
    err_t err = json_to_msgpack(json, strlen(json), &packed, &cause);
    if (err == OK)
        *row = arena_bytes(arena, buffer_bytes(&packed));
    buffer_release(&packed);
    return err == OK ? OK : fault_set(fault, ERR_USAGE, "%s: %s", field, cause.text);
}

static value_t
value_in(const waybill_value_t *value)
{
    static const value_kind_t kinds[] = {
        [WAYBILL_NULL] = VALUE_NULL, [WAYBILL_INTEGER] = VALUE_INTEGER,
        [WAYBILL_REAL] = VALUE_REAL, [WAYBILL_TEXT] = VALUE_TEXT,
        [WAYBILL_BLOB] = VALUE_BLOB,
    };
    return (value_t){.kind = kinds[value->kind],
                     .integer = value->integer,
                     .real = value->real,
                     .bytes = {value->bytes, value->size}};
}

static err_t
check_columns(const waybill_change_t *change, fault_t *fault)
{
    for (size_t i = 0; i < change->n_columns; i++) {
        const waybill_column_t *column = &change->columns[i];
        const waybill_value_t *value = &column->value;
        const err_t err = check_text(column->name, "columns", fault);
        if (err != OK)
            return err;
        if ((int) value->kind < WAYBILL_NULL || value->kind > WAYBILL_BLOB)
            return fault_set(fault, ERR_USAGE, "columns: %s is of no kind that there is",
                             column->name);
        if (value->kind == WAYBILL_TEXT && !text_is_clean((bytes_t){value->bytes, value->size}))
            return fault_set(fault, ERR_USAGE, "columns: %s is not UTF-8", column->name);
    }
    return OK;
}

static bytes_t
pack_columns(const waybill_change_t *change, arena_t *arena)
{
    buffer_t packed = {0};
    row_begin(&packed, change->n_columns);
    for (size_t i = 0; i < change->n_columns; i++) {
        const value_t value = value_in(&change->columns[i].value);
        row_add_name(&packed, change->columns[i].name);
        row_add(&packed, &value);
    }
    const bytes_t row = arena_bytes(arena, buffer_bytes(&packed));
    buffer_release(&packed);
    return row;
}

static err_t
fill_data(const waybill_change_t *change, arena_t *arena, entry_t *entry, fault_t *fault)
{
    fault_t cause = {0};
    err_t err = OK;
    if (change->json != NULL)
        err = read_json(change->json, "json", arena, &entry->data, fault);
    else
        err = check_columns(change, fault);
    if (err == OK && change->json == NULL && change->n_columns > 0)
        entry->data = pack_columns(change, arena);
    if (err == OK && entry->data.size > 0 && row_check(entry->data, &cause) != OK)
        err = fault_set(fault, ERR_USAGE, "json: %s; a JSON object of columns is wanted",
                        cause.text);
    if (err == OK && change->metadata != NULL)
        err = read_json(change->metadata, "metadata", arena, &entry->metadata, fault);
    return err;
}

static err_t
fill_entry(waybill_change_t *change, arena_t *arena, entry_t *entry, fault_t *fault)
{
    err_t err = check_text(change->operation, "operation", fault);
    if (err == OK)
        err = check_text(change->table, "table", fault);
    if (err == OK)
        err = check_text(change->id, "id", fault);
    if (err == OK)
        err = fill_data(change, arena, entry, fault);
    if (err == OK && change->change_id[0] == '\0')
        err = new_change_id(change->change_id, fault);
    if (err == OK && !uuid_is_text(change->change_id))
        err = fault_set(fault, ERR_USAGE, "change_id: no UUID in small letters");
    if (err != OK)
        return err;
    entry->operation = arena_text(arena, change->operation);
    entry->table = arena_text(arena, change->table);
    entry->id = arena_text(arena, change->id);
    entry->change = arena_text(arena, change->change_id);
    return OK;
}

err_t
entries_add(batch_t *batch, waybill_change_t *changes, size_t n, fault_t *fault)
{
    write_t *write = &batch->write;
    const size_t wanted = write->n_changes + n;
    if (wanted > batch->room) {
        entry_t *moved = arena_new(&batch->arena, 2 * wanted * sizeof *moved);
        if (write->n_changes > 0)
            memcpy(moved, write->changes, write->n_changes * sizeof *moved);
        write->changes = moved;
        batch->room = 2 * wanted;
    }
    for (size_t i = 0; i < n; i++) {
        fault_t cause = {0};
        entry_t *entry = &write->changes[write->n_changes + i];
        *entry = (entry_t){0};
        if (fill_entry(&changes[i], &batch->arena, entry, &cause) != OK)
            return fault_set(fault, cause.err, "changes[%zu].%s", i, cause.text);
    }
    write->n_changes = wanted;
    return OK;
}
