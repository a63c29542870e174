#include "actors/server/postgres/cache_private.h"

#include "actors/common/own_tables.h"
#include "actors/server/change_log.h"
#include "actors/server/postgres/cache_file.h"
#include "actors/server/rules_change.h"
#include "schemas/tables.h"

#include <stdio.h>
#include <stdlib.h>

/*  --------------------------------------------------------------------- opening  */

/*  Rows come in the order of PostgreSQL, not of the keys here: pages that are looked for again
    must not have been written and forgotten meanwhile.  */
static const char room_sql[] = "PRAGMA cache_size = -32768"; /* KiB */

/*  Before anything was read from PostgreSQL there is no position, and the epoch is nobody's. */
static err_t
make_tables(cache_t *self, fault_t *fault)
{
    static const char head[] =
        "INSERT OR IGNORE INTO waybill_head (one, epoch, lsn) VALUES (1, '', 0)";
    err_t err = own_tables_make(self->db, server_sql, fault);
    if (err == OK)
        err = own_tables_make(self->db, cache_sql, fault);
    if (err == OK)
        err = db_run(self->db, head, NULL, fault, "");
    if (err == OK)
        err = change_log_begin(self->db, "", fault);
    if (err == OK)
        err = db_run(self->db, "INSERT OR IGNORE INTO waybill_cache (one) VALUES (1)", NULL,
                     fault, "");
    return err;
}

static err_t
prepare(cache_t *self, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = make_tables(self, fault);
    if (err == OK)
        err = rules_remember(self->db, self->settings, fault);
    if (err == OK)
        return db_commit(self->db, fault);
    db_rollback(self->db);
    return err;
}

static err_t
load(cache_t *self, fault_t *fault)
{
    static const char sql[] =
        "SELECT epoch, lsn, captured, system_id, timeline, slot, beat, confirmed,"
        " clock FROM waybill_head, waybill_cache";
    cache_state_t *state = &self->durable;
    err_t err = OK;
    sqlite3_stmt *row = db_query(self->db, sql, fault, "");
    if (!db_step(self->db, row, &err, fault))
        return err != OK ? err
                         : fault_set(fault, ERR_CORRUPT,
                                     "%s: its own tables are empty; remove the file, it is made"
                                     " anew",
                                     self->settings->server_cache);
    (void) snprintf(state->epoch, sizeof state->epoch, "%s", column_text(row, 0));
    state->head = (uint64_t) sqlite3_column_int64(row, 1);
    state->captured = (uint64_t) sqlite3_column_int64(row, 2);
    (void) snprintf(state->system_id, sizeof state->system_id, "%s", column_text(row, 3));
    state->timeline = sqlite3_column_int64(row, 4);
    (void) snprintf(state->slot, sizeof state->slot, "%s", column_text(row, 5));
    state->beat = sqlite3_column_int64(row, 6);
    state->confirmed = (uint64_t) sqlite3_column_int64(row, 7);
    state->clock = sqlite3_column_int64(row, 8);
    sqlite3_reset(row);
    self->now = self->durable;
    return OK;
}

/*  A commit need not wait for the disk: what gets lost with the machine is in PostgreSQL's log
    still, until it is flushed and confirmed.  */
static const char lazily[] = "PRAGMA synchronous = NORMAL";
static const char durably[] = "PRAGMA synchronous = FULL";

static err_t
open_file(cache_t *self, fault_t *fault)
{
    const char *path = self->settings->server_cache;
    err_t err = cache_file_lock(path, &self->lock, fault);
    if (err == OK)
        err = db_open(path, true, &self->db, fault);
    return err == OK ? cache_file_check(self->db, path, fault) : err;
}

err_t
cache_open(const settings_t *settings, cache_t **self, fault_t *fault)
{
    *self = mem_new(sizeof **self);
    (*self)->settings = settings;
    (*self)->lock = -1;
    err_t err = open_file(*self, fault);
    if (err == OK)
        err = db_exec((*self)->db, room_sql, fault);
    if (err == OK)
        err = db_exec((*self)->db, lazily, fault);
    (*self)->puts = puts_new((*self)->db);
    (*self)->journal = journal_new((*self)->db);
    if (err == OK)
        err = prepare(*self, fault);
    if (err == OK)
        err = catalog_open((*self)->db, &(*self)->catalog, fault);
    if (err == OK)
        err = load(*self, fault);
    if (err != OK)
        cache_close(self);
    return err;
}

void
cache_close(cache_t **self)
{
    if (*self == NULL)
        return;
    cache_forget_relations(*self);
    replica_destroy(&(*self)->filled);
    catalog_close(&(*self)->catalog);
    journal_destroy(&(*self)->journal);
    puts_destroy(&(*self)->puts);
    db_close(&(*self)->db);
    cache_file_unlock(&(*self)->lock);
    label_set_release(&(*self)->labels);
    free((*self)->misfit_table);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

db_t *
cache_db(cache_t *self)
{
    return self->db;
}

const cache_state_t *
cache_state(const cache_t *self)
{
    return &self->durable;
}

/*  ------------------------------------------------------------------ transactions  */

err_t
cache_begin(cache_t *self, fault_t *fault)
{
    if (self->open)
        return OK;
    const err_t err = db_begin(self->db, fault);
    self->open = err == OK;
    return err;
}

static err_t
write_state(cache_t *self, fault_t *fault)
{
    static const char head[] = "UPDATE waybill_head SET epoch = ?1, lsn = ?2, captured = ?3";
    static const char meta[] = "UPDATE waybill_cache SET system_id = ?1, timeline = ?2,"
                               " slot = ?3, beat = ?4, confirmed = ?5";
    const cache_state_t *now = &self->now;
    const err_t err =
        db_run(self->db, head, NULL, fault, "tuu", now->epoch, now->head, now->captured);
    return err == OK ? db_run(self->db, meta, NULL, fault, "titiu", now->system_id,
                              now->timeline, now->slot, now->beat, now->confirmed)
                     : err;
}

err_t
cache_seal(cache_t *self, uint64_t *head, fault_t *fault)
{
    err_t err = cache_begin(self, fault);
    if (err == OK)
        err = puts_write(self->puts, fault);
    if (err == OK)
        err = journal_write(self->journal, fault);
    if (err == OK)
        err = write_state(self, fault);
    *head = self->now.head;
    return err;
}

err_t
cache_commit(cache_t *self, fault_t *fault)
{
    const err_t err = db_commit(self->db, fault);
    if (err != OK) {
        cache_rollback(self);
        return err;
    }
    self->open = false;
    self->rows = 0;
    self->oldest_ms = 0;
    self->durable = self->now;
    return OK;
}

/*  What was known of the tables may not be true any more.  */
void
cache_rollback(cache_t *self)
{
    if (self->open)
        db_rollback(self->db);
    puts_forget(self->puts);
    journal_forget(self->journal);
    self->open = self->inside = self->skipping = false;
    self->rows = self->logged = 0;
    self->oldest_ms = 0;
    self->now = self->durable;
    label_set_clear(&self->labels);
    replica_destroy(&self->filled);
    cache_forget_relations(self);
}

err_t
cache_refresh(cache_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->n_relations; i++)
        replica_destroy(&self->relations[i].replica);
    replica_destroy(&self->arriving.replica);
    return catalog_refresh(self->catalog, fault);
}

err_t
cache_save(cache_t *self, fault_t *fault)
{
    uint64_t head = 0;
    const err_t err = cache_seal(self, &head, fault);
    if (err == OK)
        return cache_commit(self, fault);
    cache_rollback(self);
    return err;
}

/*  One commit that waits for the disk takes with it all that are before it in the file. One
   that changes nothing waits for nothing.  */
static err_t
count_flush(cache_t *self, fault_t *fault)
{
    static const char sql[] = "UPDATE waybill_cache SET flushes = flushes + 1";
    err_t err = cache_begin(self, fault);
    if (err == OK)
        err = db_run(self->db, sql, NULL, fault, "");
    if (err == OK)
        return cache_save(self, fault);
    cache_rollback(self);
    return err;
}

err_t
cache_flush(cache_t *self, fault_t *fault)
{
    fault_t ignored = {0};
    err_t err = db_exec(self->db, durably, fault);
    if (err == OK)
        err = count_flush(self, fault);
    if (err == OK)
        self->flushed = self->durable.confirmed;
    const err_t back = db_exec(self->db, lazily, err == OK ? fault : &ignored);
    return err == OK ? back : err;
}

uint64_t
cache_flushed(const cache_t *self)
{
    return self->flushed;
}

err_t
cache_set_slot(cache_t *self, const char *slot, fault_t *fault)
{
    (void) snprintf(self->now.slot, sizeof self->now.slot, "%s", slot);
    return cache_flush(self, fault);
}

err_t
cache_set_beat(cache_t *self, int64_t beat, fault_t *fault)
{
    self->now.beat = beat;
    return self->open ? OK : cache_flush(self, fault);
}

size_t
cache_rows(const cache_t *self)
{
    return self->rows;
}

bool
cache_is_inside(const cache_t *self)
{
    return self->inside;
}

bool
cache_is_begun(const cache_t *self)
{
    return self->open;
}

int64_t
cache_oldest_ms(const cache_t *self)
{
    return self->oldest_ms;
}

bool
cache_is_dirty(const cache_t *self)
{
    return self->open || self->now.captured != self->durable.captured;
}

void
cache_note(cache_t *self, uint64_t place)
{
    if (self->inside || place <= self->now.confirmed)
        return;
    self->now.confirmed = place;
    self->now.captured = place - 1;
}
