/*  watermark - a small file beside the server's database that tells how far it has come.

    Whoever puts an older copy of the database in its place leaves the file behind: then its
    positions would be given out again, to other changes, and clients that have seen the first
    ones would never notice. So the file is looked at before anything is served. It may lag
    behind, and it may be missing; it is never ahead of what is on disk.  */

#pragma once

#include "actors/server/change_log.h"

/*  *older: the database has had positions that it does not know. ERR_IO, with file and cause,
    if there is a file that cannot be read.  */
CHECKED err_t watermark_check(const char *database, const log_head_t *head, bool *older,
                              fault_t *fault);

/*  *fd is for watermark_raise(), and the caller's to close.  */
CHECKED err_t watermark_open(const char *database, int *fd, fault_t *fault);
/*  After the commit of head.  */
CHECKED err_t watermark_raise(int fd, const log_head_t *head, fault_t *fault);
