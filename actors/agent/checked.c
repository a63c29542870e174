#include "actors/agent/checked.h"

#include <string.h>

static bool
is_operation(const char *operation)
{
    return strcmp(operation, "insert") == 0 || strcmp(operation, "update") == 0
           || strcmp(operation, "delete") == 0;
}

err_t
checked_one(const overlay_t *overlay, const server_change_t *change, checked_t *checked,
            fault_t *fault)
{
    *checked = (checked_t){.change = change,
                           .lsn = change->lsn,
                           .table = catalog_table(overlay->catalog, change->table),
                           .deletes = strcmp(change->operation, "delete") == 0};
    if (checked->table == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE, "there is no table \"%.64s\"",
                         change->table);
    if (!is_operation(change->operation))
        return fault_set(fault, ERR_INVALID_CHANGE, "table %s: operation \"%.40s\" is none",
                         change->table, change->operation);
    return table_check(checked->table, change->data, overlay->arena, &checked->key, fault);
}

err_t
checked_read(const overlay_t *overlay, const server_changes_t *stretch, checked_t **checked,
             fault_t *fault)
{
    fault_t cause = {0};
    *checked = arena_new(overlay->arena, (stretch->n_changes + 1) * sizeof **checked);
    for (size_t i = 0; i < stretch->n_changes; i++) {
        const err_t err = checked_one(overlay, &stretch->changes[i], &(*checked)[i], &cause);
        if (err != OK)
            return fault_set(fault, err, "change %zu: %s", i, cause.text);
    }
    return OK;
}
