#include "actors/server/client_changes/decisions.h"

#include <stdio.h>
#include <string.h>

static const char *const operations[OPERATION_COUNT] = {
    [OPERATION_INSERT] = "insert",
    [OPERATION_UPDATE] = "update",
    [OPERATION_DELETE] = "delete",
};

/*  An insert of a row that is there is an upsert. An update of a row deleted before is an
    error, because it carries only some of the columns; a second delete is none.  */
static const decision_t decisions[OPERATION_COUNT][STANDING_COUNT] = {
    [OPERATION_INSERT] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_APPLY,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_APPLY},
    [OPERATION_UPDATE] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_NOT_FOUND,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_NOT_FOUND},
    [OPERATION_DELETE] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_MERGE,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_NOT_FOUND},
};

decision_t
decisions_decide(operation_t operation, standing_t standing)
{
    return decisions[operation][standing];
}

standing_t
decisions_seen(standing_t standing)
{
    static const standing_t seen[STANDING_COUNT] = {
        [ROW_OLDER] = ROW_OLDER,    [ROW_NEWER] = ROW_OLDER, [GONE_BEFORE] = GONE_BEFORE,
        [GONE_SINCE] = GONE_BEFORE, [ROW_NEVER] = ROW_NEVER,
    };
    return seen[standing];
}

/*  --------------------------------------------------------------------------- writers  */

bool
decisions_is_own(const writer_t *self, const char *their_client)
{
    return strcmp(their_client, self->client_id) == 0
           || (self->origin != NULL && strcmp(their_client, self->origin) == 0);
}

bool
decisions_wins(const writer_t *self, int64_t their_time, const char *their_client)
{
    if (self->updated_at != their_time)
        return self->updated_at > their_time;
    return decisions_is_own(self, their_client) || strcmp(self->client_id, their_client) > 0;
}

int64_t
decisions_time(const client_change_t *change, int64_t wall_ms, int64_t ahead_ms)
{
    return change->updated_at <= wall_ms + ahead_ms ? change->updated_at : wall_ms;
}

const char *
decisions_note_clock(const client_change_t *change, int64_t updated_at, int64_t wall_ms,
                     arena_t *arena)
{
    char text[120];
    if (updated_at == change->updated_at)
        return NULL;
    const int64_t ahead_ms = change->updated_at - wall_ms;
    (void) snprintf(text, sizeof text,
                    "its clock is %lld s ahead of the server's: taken as made now; set it",
                    (long long) (ahead_ms / 1000));
    return arena_text(arena, text);
}

/*  --------------------------------------------------------------------------- changes  */

err_t
decisions_check_fields(const client_change_t *change, fault_t *fault)
{
    if (change->id[0] == '\0')
        return fault_set(fault, ERR_INVALID_CHANGE, "field id: it must not be empty");
    if (change->updated_at <= 0)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "field updated_at: it must be milliseconds since 1970");
    return OK;
}

err_t
decisions_find_operation(const client_change_t *change, operation_t *operation, fault_t *fault)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (strcmp(operations[i], change->operation) == 0) {
            *operation = (operation_t) i;
            return OK;
        }
    }
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "field operation: \"%.40s\": it must be insert, update or delete",
                     change->operation);
}

static bool
find_named(bytes_t row, bytes_t column, value_t *value)
{
    bytes_t name;
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &name, value))
        if (name.size == column.size && memcmp(name.data, column.data, name.size) == 0)
            return true;
    return false;
}

/*  Columns that an insert did not name got the server's defaults, which need not be the
    client's; those that an update did not name are as the stream left them.  */
bool
decisions_differs(bytes_t sent, bytes_t row, bool inserted)
{
    bytes_t name;
    value_t value;
    value_t now;
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &name, &now)) {
        const bool named = find_named(sent, name, &value);
        if (named ? !value_equal(&value, &now) : inserted && now.kind != VALUE_NULL)
            return true;
    }
    return false;
}

static bool
is_same_txn(const client_change_t *first, const client_change_t *second)
{
    return first->txn && first->txn[0] && second->txn && strcmp(first->txn, second->txn) == 0;
}

size_t
decisions_transaction(const client_changes_t *request, size_t first)
{
    const client_change_t *changes = request->changes;
    size_t n = 1;
    while (first + n < request->n_changes && is_same_txn(&changes[first], &changes[first + n]))
        n++;
    return n;
}
