/*  place - a fresh directory for the files of one test, in memory if there is such a place.  */

#pragma once

#include "schemas/base.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    assert(!"no place for files");
}

/*  With the files in it.  */
static inline void
place_remove(const char *directory)
{
    DIR *files = opendir(directory);
    for (struct dirent *file; files && (file = readdir(files));)
        if (file->d_name[0] != '.')
            unlinkat(dirfd(files), file->d_name, 0);
    if (files)
        closedir(files);
    rmdir(directory);
}
