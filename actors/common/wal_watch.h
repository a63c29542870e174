/*  wal_watch - tells when somebody has written to a database's write-ahead log.

    Any program may write to the tables with plain SQL; nothing else says so. One
    descriptor to wait for, and no SQL while nobody writes.  */

#pragma once

#include "schemas/base.h"

/*  The log must be there: the caller's connection has read something. *fd can be read when
    the log was written. ERR_IO if the system has no more watches.  */
CHECKED err_t wal_watch_open(const char *database, int *fd, fault_t *fault);
/*  Takes what has happened off the descriptor.  */
void wal_watch_clear(int fd);
