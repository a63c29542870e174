/*  plugin_child - a child process that looks at, or runs, a plug-in: PROGRAM plugin VERB FILE.

    It inherits one descriptor of ours, PLUGIN_CHILD_FD, and no signal that is blocked or
    handled here; standard input and output lead nowhere.  */

#pragma once

#include "schemas/base.h"

#include <sys/types.h>

typedef struct child_order {
    const char *program, *verb, *file;
    int fd; /* becomes PLUGIN_CHILD_FD in the child */
} child_order_t;

CHECKED err_t plugin_child_start(const child_order_t *order, pid_t *pid, fault_t *fault);
/*  Kills it if it still runs; gives how it ended, as waitpid() does.  */
int plugin_child_end(pid_t pid);
/*  "it crashed (SIGSEGV)", "it ended by itself (status 3)".  */
const char *plugin_child_end_text(int status, char *text, size_t room);
/*  For the child, first of all: it dies with its parent, and leaves no core.  */
void plugin_child_settle(void);
