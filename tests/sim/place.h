/*  place - a fresh directory for the files of one test, in memory if there is such a place.  */

#pragma once

#include "schemas/base.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*  A process has the same names each time: the path of a database is in its agent's status, and
    so in the trace, and a seed must be the same run again.  */
static inline bool
place_make_in(const char *parent, char *directory, size_t room)
{
    enum { AT_ONCE = 100 };
    for (int i = 0; i < AT_ONCE; i++) {
        snprintf(directory, room, "%s/waybill-sim-%ld-%02d", parent, (long) getpid(), i);
        if (mkdir(directory, 0700) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static inline void
place_make(char *directory, size_t room)
{
    const char *const parents[] = {"/dev/shm", secure_getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < COUNT_OF(parents); i++) {
        if (parents[i] == NULL)
            continue;
        if (place_make_in(parents[i], directory, room))
            return;
    }
    fputs("no place for files\n", stderr);
    abort();
}

/*  With the files in it.  */
static inline void
place_remove(const char *directory)
{
    struct dirent **files = NULL;
    int n = scandir(directory, &files, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *path = mem_format("%s/%s", directory, files[i]->d_name);
        unlink(path); /* not . and .., which are directories */
        free(path);
        free(files[i]);
    }
    free(files);
    rmdir(directory);
}
