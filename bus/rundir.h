/*  rundir - the directory (mode 0700) where a process can be joined.

    Holds bus.sock, tap.sock and a lock file. The lock is taken before anything is bound:
    a second bind on an ipc path would silently steal it.  */

#pragma once

#include "schemas/base.h"

typedef struct rundir rundir_t;

/*  Where --run-dir points if nobody says: $XDG_RUNTIME_DIR/waybill, else
    /tmp/waybill-UID. Lives in out.  */
void rundir_default(char *out, size_t room);

/*  Makes the directory (0700; refused if it belongs to somebody else or is open to others)
    and locks it. ERR_EXISTS: another process has it; fault names its pid.  */
CHECKED err_t rundir_lock(const char *path, rundir_t **self, fault_t *fault);
void rundir_unlock(rundir_t **self);

/*  "ipc://PATH/NAME" in out. ERR_TOO_LARGE for a path that a socket address cannot hold.  */
CHECKED err_t rundir_endpoint(const char *path, const char *name, char *out, size_t room,
                              fault_t *fault);
