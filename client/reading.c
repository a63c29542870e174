#include "client/reading.h"

#include "client/cache.h"
#include "client/live.h"

/*  The agent says where its file is.  */
err_t
reading_begin(waybill_t *self, fault_t *fault)
{
    waybill_status_t status;
    const unsigned kinds = WAYBILL_RECORDED | WAYBILL_PROCESSED;
    if (self->reader != NULL)
        return OK;
    err_t err = handle_hear(self, kinds, fault);
    if (err != OK)
        return err;
    if (waybill_get_status(self, &status) != WAYBILL_OK) {
        err = err_named(self->error.name);
        return fault_set(fault, err == ERR_COUNT ? ERR_FAILED : err, "%s", self->error.text);
    }
    err = reader_open(status.database, &self->reader, fault);
    if (err == OK)
        self->version = reader_version(self->reader);
    return err;
}

void
reading_note(waybill_t *self, const char *table, const char *id)
{
    self->heard = true;
    for (waybill_cache_t *cache = self->caches; cache != NULL; cache = cache_next(cache))
        cache_note(cache, table, id);
    for (waybill_live_t *live = self->lives; live != NULL; live = live_next(live))
        live_note(live, table);
}

void
reading_note_all(waybill_t *self)
{
    for (waybill_cache_t *cache = self->caches; cache != NULL; cache = cache_next(cache))
        cache_note_all(cache);
    for (waybill_live_t *live = self->lives; live != NULL; live = live_next(live))
        live_note_all(live);
}

/*  While events come they say what to read. After them, once, everything is: something else
    may have been written in their shadow.  */
static void
look_for_silent_changes(waybill_t *self)
{
    const int64_t version = reader_version(self->reader);
    if (!self->heard && version != self->version) {
        self->version = version;
        reading_note_all(self);
    }
    self->heard = false;
}

void
reading_tick(waybill_t *self)
{
    for (waybill_cache_t *cache = self->caches; cache != NULL; cache = cache_next(cache))
        cache_retry(cache);
    for (waybill_live_t *live = self->lives; live != NULL; live = live_next(live))
        live_retry(live);
    if (self->reader != NULL && (self->caches != NULL || self->lives != NULL))
        look_for_silent_changes(self);
}

err_t
reading_refresh(waybill_t *self, fault_t *fault)
{
    err_t err = OK;
    for (waybill_cache_t *cache = self->caches; cache != NULL; cache = cache_next(cache)) {
        const err_t failed = cache_refresh(cache, fault);
        err = failed != OK ? failed : err;
    }
    for (waybill_live_t *live = self->lives; live != NULL; live = live_next(live)) {
        const err_t failed = live_refresh(live, fault);
        err = failed != OK ? failed : err;
    }
    return err;
}

void
reading_sweep(waybill_t *self)
{
    caches_sweep(&self->caches, false);
    lives_sweep(&self->lives, false);
}

void
reading_release(waybill_t *self)
{
    caches_sweep(&self->caches, true);
    lives_sweep(&self->lives, true);
    reader_close(&self->reader);
}
