/*  Rows of a transaction: what is there afterwards, and what the history says of it.  */

#include "actors/server/postgres/cache_private.h"

/*  A row as the log has it: a value that is so large that it is stored apart, and has not
    changed, is left out.  */
typedef struct image {
    value_t *values;
    bool *absent;
    bool partial; /* something is absent */
    arena_t *arena;
} image_t;

static err_t
read_value(const relation_t *relation, size_t index, const pgoutput_value_t *from,
           image_t *image, fault_t *fault)
{
    const size_t place = relation->places[index];
    image->absent[place] = from->kind == 'u';
    image->partial |= from->kind == 'u';
    if (from->kind != 't')
        return OK;
    return pg_value_read(replica_shape(relation->replica, place), from->text, image->arena,
                         &image->values[place], fault);
}

static err_t
read_image(cache_t *self, const relation_t *relation, const pgoutput_tuple_t *tuple,
           image_t *image, fault_t *fault)
{
    const size_t n = replica_columns(relation->replica);
    err_t err = OK;
    *image = (image_t){.values = arena_new(&self->arena, (n + 1) * sizeof *image->values),
                       .absent = arena_new(&self->arena, (n + 1) * sizeof *image->absent),
                       .arena = &self->arena};
    if (tuple->n != relation->n)
        return fault_set(fault, ERR_PROTOCOL,
                         "the database sent a row of %s with %zu columns instead of %zu",
                         relation->table, tuple->n, relation->n);
    for (size_t i = 0; err == OK && i < tuple->n; i++)
        err = read_value(relation, i, &tuple->values[i], image, fault);
    return err;
}

/*  Of a row that nobody has labelled. Among those of clients, a trigger wrote it because of one
    of them: it was made when that was, however late it was sent.  */
static origin_t
origin_of_others(const cache_t *self)
{
    origin_t origin = self->origin;
    if (self->labels.n > 0)
        origin.updated_at = self->labels.earliest;
    return origin;
}

/*  Whose the row is. It gets no older by being written once more.  */
static origin_t
origin_of(cache_t *self, const replica_t *replica, const char *key)
{
    label_t label = {0};
    origin_t origin = origin_of_others(self);
    const bool labelled = label_set_take(&self->labels, replica_name(replica), key, &label);
    if (labelled || label.updated_at > origin.updated_at)
        origin.updated_at = label.updated_at;
    if (labelled) {
        origin.client_id = label.client_id;
        origin.change_id = label.change_id;
    }
    return origin;
}

static void
count(cache_t *self)
{
    self->logged++;
    self->rows++;
}

err_t
cache_write(cache_t *self, replica_t *replica, const char *operation, replica_row_t *row,
            fault_t *fault)
{
    err_t err = replica_key(replica, row->values, &self->arena, &row->key, fault);
    if (err != OK)
        return err;
    const origin_t origin = origin_of(self, replica, row->key);
    count(self);
    return replica_write(replica, operation, row, &origin, fault);
}

/*  ------------------------------------------------------------------------ insert  */

err_t
cache_insert(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    relation_t *relation = NULL;
    image_t image;
    err_t err = cache_relation(self, message->relation, &relation, fault);
    if (err != OK || relation == NULL)
        return err;
    err = read_image(self, relation, &message->fresh, &image, fault);
    replica_row_t row = {.values = image.values};
    return err == OK ? cache_write(self, relation->replica, "insert", &row, fault) : err;
}

/*  ------------------------------------------------------------------------ update  */

static err_t
complete(const relation_t *relation, image_t *image, const value_t *before, fault_t *fault)
{
    if (image->partial && before == NULL)
        return fault_set(fault, ERR_CORRUPT, "the cache has not the row of %s that was updated",
                         relation->table);
    for (size_t i = 0; image->partial && i < replica_columns(relation->replica); i++)
        if (image->absent[i])
            image->values[i] = before[i];
    return OK;
}

/*  Under a new key it is another row.  */
static err_t
move_row(cache_t *self, const relation_t *relation, const value_t *old_key, replica_row_t *row,
         fault_t *fault)
{
    bool gone = false;
    const origin_t origin = origin_of_others(self);
    replica_row_t old = {.values = old_key, .old = row->old};
    err_t err = replica_key(relation->replica, old_key, &self->arena, &old.key, fault);
    if (err == OK)
        err = replica_delete(relation->replica, &old, &origin, &gone, fault);
    row->old = NULL;
    return err == OK ? cache_write(self, relation->replica, "insert", row, fault) : err;
}

err_t
cache_update(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    relation_t *relation = NULL;
    image_t fresh;
    image_t old = {0};
    value_t *before = NULL;
    err_t err = cache_relation(self, message->relation, &relation, fault);
    if (err != OK || relation == NULL)
        return err;
    err = read_image(self, relation, &message->fresh, &fresh, fault);
    if (err == OK && message->old.n > 0)
        err = read_image(self, relation, &message->old, &old, fault);
    const value_t *key = old.values != NULL ? old.values : fresh.values;
    if (err == OK && (fresh.partial || replica_needs_old(relation->replica)))
        err = replica_read(relation->replica, key, &self->arena, &before, fault);
    if (err == OK)
        err = complete(relation, &fresh, before, fault);
    if (err != OK)
        return err;
    replica_row_t row = {.values = fresh.values, .old = before};
    return replica_same_key(relation->replica, key, fresh.values)
               ? cache_write(self, relation->replica, "update", &row, fault)
               : move_row(self, relation, key, &row, fault);
}

/*  ------------------------------------------------------------------------ delete  */

static err_t
delete_row(cache_t *self, const relation_t *relation, replica_row_t *row, fault_t *fault)
{
    bool gone = false;
    err_t err = replica_key(relation->replica, row->values, &self->arena, &row->key, fault);
    if (err != OK)
        return err;
    const origin_t origin = origin_of(self, relation->replica, row->key);
    err = replica_delete(relation->replica, row, &origin, &gone, fault);
    if (gone)
        count(self);
    return err;
}

err_t
cache_delete(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    relation_t *relation = NULL;
    image_t old;
    value_t *before = NULL;
    err_t err = cache_relation(self, message->relation, &relation, fault);
    if (err != OK || relation == NULL)
        return err;
    err = read_image(self, relation, &message->old, &old, fault);
    if (err == OK && replica_needs_old(relation->replica))
        err = replica_read(relation->replica, old.values, &self->arena, &before, fault);
    replica_row_t row = {.values = old.values, .old = before};
    return err == OK ? delete_row(self, relation, &row, fault) : err;
}

/*  ---------------------------------------------------------------------- truncate  */

/*  Some rows at a time: their number has no limit.  */
static err_t
delete_some(cache_t *self, const relation_t *relation, size_t *n, fault_t *fault)
{
    enum { AT_ONCE = 500 };
    value_t *rows[AT_ONCE];
    arena_clear(&self->arena);
    *n = AT_ONCE;
    err_t err = replica_some(relation->replica, &self->arena, rows, n, fault);
    for (size_t i = 0; err == OK && i < *n; i++) {
        replica_row_t row = {.values = rows[i], .old = rows[i]};
        err = delete_row(self, relation, &row, fault);
    }
    return err;
}

err_t
cache_empty(cache_t *self, const relation_t *relation, fault_t *fault)
{
    size_t n = 1;
    err_t err = OK;
    while (err == OK && n > 0)
        err = delete_some(self, relation, &n, fault);
    return err;
}

static err_t
truncate_one(cache_t *self, uint32_t id, fault_t *fault)
{
    relation_t *relation = NULL;
    const err_t err = cache_relation(self, id, &relation, fault);
    return err == OK && relation != NULL ? cache_empty(self, relation, fault) : err;
}

err_t
cache_truncate(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < message->n_relations; i++)
        err = truncate_one(self, message->relations[i], fault);
    return err;
}
