/*  cache_file - whose file the cache is. It is emptied whenever the database must be read
   again, so it must be nobody else's: not an application's, not an agent's, not another
   server's.  */

#pragma once

#include "actors/common/db.h"

/*  Keeps other servers away until the lock, a file beside it, is given back.
    ERR_EXISTS: one has it.  */
CHECKED err_t cache_file_lock(const char *path, int *lock, fault_t *fault);
void cache_file_unlock(int *lock);

/*  ERR_CONFIG if tables of somebody else are in it.  */
CHECKED err_t cache_file_check(db_t *db, const char *path, fault_t *fault);
