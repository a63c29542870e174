/*  crash - when the process is about to die of a signal, the last messages of its actors are
    written to its run directory; then it dies of that signal, as it would have.  */

#pragma once

#include "runtime/system.h"

/*  From now on, for that system: there is one in a process. In the main thread.  */
void crash_catch(const system_t *system, const char *run_dir);
/*  No longer, if it still is for that one.  */
void crash_release(const system_t *system);

/*  A stack of its own for the handler, which a thread that has used up its own needs. For the
    calling thread; give it back before the thread ends.  */
void *crash_stack_new(void);
void crash_stack_free(void *memory);
