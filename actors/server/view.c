#include "actors/server/view.h"

#include "schemas/codec.h"

#include <string.h>

/*  Where the row before was not kept, it may have been seen.  */
static err_t
was_seen(const view_t *self, rule_t *rule, const log_row_t *row, bool *seen, fault_t *fault)
{
    buffer_t old = {0};
    *seen = strcmp(row->operation, "insert") != 0;
    if (!rule_asks(rule, RIGHT_READ) || row->old.size == 0)
        return OK;
    err_t err = stored_json_to_msgpack(row->old, &old, fault);
    if (err == OK)
        err = rule_holds(rule, RIGHT_READ, (asking_t){self->user, buffer_bytes(&old)}, seen,
                         fault);
    buffer_release(&old);
    return err;
}

err_t
view_row(const view_t *self, const log_row_t *row, bytes_t data, seen_t *seen, fault_t *fault)
{
    bool before = false;
    bool after = false;
    rule_t *rule = rights_of(self->rights, row->table);
    *seen = (seen_t){0};
    if (rights_are_lost(self->rights, row->table))
        return OK;
    *seen = (seen_t){.operation = row->operation, .data = data};
    if (rule == NULL)
        return OK;
    err_t err = was_seen(self, rule, row, &before, fault);
    if (err == OK && strcmp(row->operation, "delete") != 0)
        err = rule_holds(rule, RIGHT_READ, (asking_t){self->user, data}, &after, fault);
    if (after)
        *seen = (seen_t){.operation = before ? row->operation : "insert",
                         .data = rule_visible(rule, data, self->arena)};
    else if (before)
        *seen = (seen_t){.operation = "delete", .data = rule_key(rule, data, self->arena)};
    else
        *seen = (seen_t){0};
    return err;
}
