/*  secret - files that hold passwords, tokens and keys.

    A link is followed, and the file that it leads to is judged. A file in a directory that
    everybody may write to is refused, because anybody could replace it.  */

#pragma once

#include "schemas/base.h"

/*  Reads a file that nobody but its owner may read or write (mode 0600 or 0400), at most
    64 KiB. ERR_CONFIG with key, path and the way out. Whoever is done with it calls
    secret_release().  */
CHECKED err_t secret_read(const char *key, const char *path, buffer_t *out, fault_t *fault);
/*  The same for what everybody may read, but only its owner write.  */
CHECKED err_t secret_read_public(const char *key, const char *path, buffer_t *out,
                                 fault_t *fault);
/*  Overwrites it before it gives it back.  */
void secret_release(buffer_t *self);
