#include "actors/server/postgres/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*  ----------------------------------------------------------------------------- lock  */

static err_t
take(const char *path, int lock, fault_t *fault)
{
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    if (errno == EWOULDBLOCK)
        return fault_set(fault, ERR_EXISTS,
                         "%s: another server uses it as its cache; give each server a "
                         "server.cache of its own",
                         path);
    return fault_set(fault, ERR_IO, "%s-lock: locking it: %s", path, strerror(errno));
}

/*  Not the file itself: whoever closes that lets go of all locks that SQLite has on it.  */
err_t
cache_file_lock(const char *path, int *lock, fault_t *fault)
{
    char *beside = mem_format("%s-lock", path);
    const int fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(beside);
    if (fd < 0)
        return fault_set(fault, ERR_IO, "%s-lock: making it: %s; look at the directory", path,
                         strerror(errno));
    const err_t err = take(path, fd, fault);
    if (err == OK)
        *lock = fd;
    else
        (void) close(fd);
    return err;
}

void
cache_file_unlock(int *lock)
{
    if (*lock >= 0)
        (void) close(*lock);
    *lock = -1;
}

/*  --------------------------------------------------------------------------- content  */

err_t
cache_file_check(db_t *db, const char *path, fault_t *fault)
{
    static const char sql[] =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND NOT EXISTS"
        " (SELECT 1 FROM sqlite_master WHERE name = 'waybill_cache') ORDER BY name LIMIT 1";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    if (!db_step(db, row, &err, fault))
        return err;
    err = fault_set(fault, ERR_CONFIG,
                    "%s: it is no server's cache, but has the table %.60s of somebody else; "
                    "name a new file in server.cache, all of it is replaced",
                    path, column_text(row, 0));
    sqlite3_reset(row);
    return err;
}
