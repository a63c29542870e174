/*  orphan - children of a test that do not outlive it: one that is killed, or fails half-way,
   must leave nobody behind who holds its output open, or its ports.  */

#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/*  fork(); the child is killed when the thread that called this ends, whatever it becomes.  */
static inline pid_t
fork_bound(void)
{
    const pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    return 0;
}
