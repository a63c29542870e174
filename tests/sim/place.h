/*  place - a fresh directory for the files of one test, in memory if there is such a place.  */

#pragma once

#include "schemas/base.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
place_make(char *directory, size_t room)
{
    const char *const parents[] = {"/dev/shm", secure_getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < COUNT_OF(parents); i++) {
        if (parents[i] == NULL)
            continue;
        snprintf(directory, room, "%s/waybill-sim-XXXXXX", parents[i]);
        if (mkdtemp(directory))
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
