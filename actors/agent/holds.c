#include "actors/agent/holds.h"

#include <string.h>
#include <strings.h>

/*  Names are lines that cannot be mistaken for each other: no transaction is called as a row,
    no row as what a foreign key names.  */
static const char *
name_row(const holds_t *self, const walk_row_t *row)
{
    buffer_t name = {0};
    buffer_add_format(&name, "row\n%s\n%s", row->change.table, row->key);
    const char *kept = arena_text(self->scratch, buffer_text(&name));
    buffer_release(&name);
    return kept;
}

/*  By the values that its columns have in a row: those of the child, or those of the parent.
    NULL if one is missing or NULL, for then it names nothing.  */
static const char *
name_reference(const holds_t *self, size_t key, const char *const *columns, bytes_t row)
{
    buffer_t name = {0};
    const char *kept = NULL;
    size_t i = 0;
    buffer_add_format(&name, "key\n%zu", key);
    for (value_t value; i < self->keys.items[key].n_columns; i++) {
        if (!row_find(row, columns[i], &value) || value.kind == VALUE_NULL)
            break;
        const char *text = value_text(&value, self->scratch);
        buffer_add_format(&name, "\n%zu:%s", strlen(text), text);
    }
    if (i == self->keys.items[key].n_columns)
        kept = arena_text(self->scratch, buffer_text(&name));
    buffer_release(&name);
    return kept;
}

static const char *
holder_of_parents(const holds_t *self, const walk_row_t *row)
{
    const char *holder = NULL;
    for (size_t i = 0; holder == NULL && i < self->keys.n; i++) {
        const foreign_key_t *key = &self->keys.items[i];
        if (strcasecmp(key->child, row->change.table) != 0)
            continue;
        const char *name = name_reference(self, i, key->from, row->change.data);
        holder = name ? text_set_note(&self->names, name) : NULL;
    }
    return holder;
}

static const char *
holder_of_row(const holds_t *self, const walk_row_t *row)
{
    if (row->waits || row->flaw)
        return row->change.id;
    if (self->put_off)
        return self->put_off;
    const char *holder = text_set_note(&self->names, row->change.txn);
    if (holder == NULL)
        holder = text_set_note(&self->names, name_row(self, row));
    return holder ? holder : holder_of_parents(self, row);
}

/*  An update or a delete is of a row that the server has or does not have anyway: nobody
    needs it for a foreign key.  */
static void
hold_children(holds_t *self, const walk_row_t *row, const char *holder)
{
    if (strcmp(row->change.operation, "insert") != 0 || row->flaw)
        return;
    for (size_t i = 0; i < self->keys.n; i++) {
        const foreign_key_t *key = &self->keys.items[i];
        if (strcasecmp(key->parent, row->change.table) != 0)
            continue;
        const char *name = name_reference(self, i, key->to, row->change.data);
        if (name)
            text_set_add_note(&self->names, name, holder);
    }
}

static void
hold(holds_t *self, const walk_group_t *group)
{
    for (size_t i = 0; i < group->n; i++) {
        const walk_row_t *row = &group->rows[i];
        text_set_add_note(&self->names, row->change.txn, group->held_by);
        text_set_add_note(&self->names, name_row(self, row), group->held_by);
        hold_children(self, row, group->held_by);
    }
}

static void
note_put_off(holds_t *self, const walk_group_t *group)
{
    for (size_t i = 0; self->put_off == NULL && i < group->n; i++)
        if (group->rows[i].put_off)
            self->put_off = arena_text(self->arena, group->rows[i].change.id);
}

err_t
holds_judge(holds_t *self, walk_group_t *group, fault_t *fault)
{
    err_t err = OK;
    if (!self->keys_known)
        err = foreign_keys_read(self->db, self->arena, &self->keys, fault);
    self->keys_known = true;
    for (size_t i = 0; err == OK && group->held_by == NULL && i < group->n; i++)
        group->held_by = holder_of_row(self, &group->rows[i]);
    if (err == OK && group->held_by != NULL)
        hold(self, group);
    note_put_off(self, group);
    return err;
}

void
holds_release(holds_t *self)
{
    text_set_release(&self->names);
}
