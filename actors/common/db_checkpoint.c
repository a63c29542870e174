/*  The one place where the write-ahead log is copied, declared in db.h.  */

#include "actors/common/db.h"

#include "actors/common/db_setup.h"

static err_t
copy_log(db_t *self, fault_t *fault)
{
    int in_log = 0;
    int copied = 0;
    if (sqlite3_wal_checkpoint_v2(db_handle(self), NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log,
                                  &copied)
        != SQLITE_OK)
        return db_error(self, fault, "copying the write-ahead log");
    if (copied < in_log)
        return fault_set(fault, ERR_BUSY,
                         "%s: %d of %d pages of the write-ahead log wait for a reader; close "
                         "the program that is reading, or wait",
                         sqlite3_db_filename(db_handle(self), "main"), in_log - copied, in_log);
    return OK;
}

/*  The checkpointer does not queue for the lock as a writer does: it tries again later.  */
err_t
db_checkpoint(db_t *self, db_t *lock, fault_t *fault)
{
    db_setup_patience(db_handle(lock), false);
    err_t err = db_begin(lock, fault);
    db_setup_patience(db_handle(lock), true);
    if (err == OK)
        err = copy_log(self, fault);
    db_rollback(lock);
    return err;
}
