#include "actors/common/wal_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/*  The file keeps its inode as long as any connection is open.  */
err_t
wal_watch_open(const char *database, int *fd, fault_t *fault)
{
    char *path = mem_format("%s-wal", database);
    err_t err = OK;
    *fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (*fd < 0 || inotify_add_watch(*fd, path, IN_MODIFY) < 0) {
        err = fault_set(fault, ERR_IO,
                        "%s: it cannot be watched: %s; what other programs write is sent with"
                        " the next change that goes through here",
                        path, strerrordesc_np(errno));
        if (*fd >= 0)
            (void) close(*fd);
        *fd = -1;
    }
    free(path);
    return err;
}

void
wal_watch_clear(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        continue;
}
