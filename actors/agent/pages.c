#include "actors/agent/pages.h"

#include "actors/agent/checked.h"
#include "actors/agent/held.h"
#include "actors/agent/rows.h"
#include "actors/agent/staging.h"
#include "actors/agent/text_set.h"

#include <string.h>

/*  Positions of the last one, those of changes set aside too, mean nothing in it.  */
static err_t
begin_epoch(apply_t *self, const server_changes_t *stretch, fault_t *fault)
{
    const err_t err = held_drop_before(self, INT64_MAX, fault);
    return err == OK ? overlay_change_epoch(self->overlay.db, stretch->lsn, fault) : err;
}

/*  Until its end the rows are of no single position: whoever stops in the middle of a snapshot
    begins it again, and follows no other history from where the last one was left.  */
err_t
pages_begin(apply_t *self, const server_changes_t *stretch, applied_t *applied, fault_t *fault)
{
    (void) applied;
    err_t err = staging_clear(self->overlay.db, fault);
    if (err == OK && strlen(stretch->epoch) >= EPOCH_ROOM)
        err = fault_set(fault, ERR_PROTOCOL, "the server's epoch is longer than %d bytes",
                        EPOCH_ROOM - 1);
    if (err == OK && strcmp(stretch->epoch, self->position.epoch) != 0)
        err = begin_epoch(self, stretch, fault);
    if (err == OK)
        err = covered_read(&self->covered, self->overlay.db, 0, fault);
    self->position.lsn = 0;
    return err == OK ? position_move(self->overlay.db, self->position.epoch, 0, fault) : err;
}

typedef struct sparing {
    apply_t *apply;
    table_t *table;
    const server_changes_t *page;
    text_set_t keys;
    err_t err;
    fault_t *fault;
} sparing_t;

/*  A row that local changes have to do with is not simply removed, and one that a handler
    keeps stays.  */
static bool
spare(void *arg, const char *key)
{
    bool kept = false;
    bool covered = false;
    sparing_t *self = arg;
    apply_t *apply = self->apply;
    const version_t version = {.key = key, .lsn = self->page->lsn};
    if (self->err == OK)
        self->err = rows_keeps(apply, self->table, key, &kept, self->fault);
    if (self->err == OK && !kept && covered_has(&apply->covered, self->page->table, key))
        self->err =
            overlay_covers(&apply->overlay, self->page->table, &version, &covered, self->fault);
    if (covered)
        text_set_add(&self->keys, key);
    return kept || covered || self->err != OK;
}

/*  The server has no such row: what stands above that is all there is.  */
static err_t
uncover_spared(const sparing_t *self, table_t *table)
{
    err_t err = self->err;
    for (size_t i = 0; err == OK && i < self->keys.n_places; i++) {
        const version_t version = {.key = self->keys.places[i], .lsn = self->page->lsn};
        if (version.key != NULL)
            err = overlay_write(&self->apply->overlay, table, &version, self->fault);
    }
    return err;
}

/*  Removes what the server no longer has, in the key range of the page.  */
static err_t
prune_page(apply_t *self, table_t *table, const server_changes_t *page, fault_t *fault)
{
    bytes_t last = {0};
    sparing_t sparing = {.apply = self, .table = table, .page = page, .fault = fault};
    if (page->n_changes == 0 && !page->final)
        return OK;
    err_t err = page->after.size > 0 ? row_check(page->after, fault) : OK;
    if (err != OK)
        return err;
    if (!page->final)
        last = page->changes[page->n_changes - 1].data;
    err = table_prune(table, page->after, last, page->changes, page->n_changes, spare, &sparing,
                      fault);
    if (err == OK)
        err = uncover_spared(&sparing, table);
    text_set_release(&sparing.keys);
    held_touch(self, table);
    return err;
}

err_t
pages_apply(apply_t *self, const server_changes_t *page, applied_t *applied, fault_t *fault)
{
    checked_t *checked = NULL;
    table_t *table = page->table ? catalog_table(self->overlay.catalog, page->table) : NULL;
    if (table == NULL || table_key(table) == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE, "there is no table \"%.64s\" with a key",
                         page->table ? page->table : "");
    err_t err = checked_read(&self->overlay, page, &checked, fault);
    if (err == OK)
        err = prune_page(self, table, page, fault);
    for (size_t i = 0; err == OK && i < page->n_changes; i++) {
        if (checked[i].table != table || checked[i].deletes)
            return fault_set(fault, ERR_PROTOCOL, "a page of table %s holds something else",
                             page->table);
        checked[i].lsn = page->lsn;
        err = rows_decide(self, page, i, &checked[i], fault);
        if (err == OK)
            err = rows_place(self, &checked[i], fault);
        applied->changed++;
    }
    return err;
}

err_t
pages_end(apply_t *self, const server_changes_t *stretch, applied_t *applied, fault_t *fault)
{
    (void) applied;
    err_t err = staging_clear(self->overlay.db, fault);
    if (err == OK)
        err = held_drop_before(self, stretch->lsn, fault);
    if (err == OK)
        err = position_move(self->overlay.db, stretch->epoch, stretch->lsn, fault);
    if (err == OK)
        err = position_see(self->overlay.db, stretch->clock, fault);
    if (err == OK)
        err = apply_begin(self, fault);
    return err;
}
