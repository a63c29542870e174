#include "runtime/plugin_child.h"

#include "runtime/plugin.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
set_descriptors(posix_spawn_file_actions_t *actions, int fd)
{
    posix_spawn_file_actions_init(actions);
    posix_spawn_file_actions_adddup2(actions, fd, PLUGIN_CHILD_FD);
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(actions, PLUGIN_CHILD_FD + 1);
}

/*  A group of its own: what is typed at a terminal is not for it.  */
static void
set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                                             | POSIX_SPAWN_SETPGROUP);
}

err_t
plugin_child_start(const child_order_t *order, pid_t *pid, fault_t *fault)
{
    char plugin[] = "plugin", verb[16], file[4096], program[4096];
    snprintf(verb, sizeof verb, "%s", order->verb);
    snprintf(file, sizeof file, "%s", order->file);
    snprintf(program, sizeof program, "%s", order->program);
    char *arguments[] = {program, plugin, verb, file, NULL};
    /* dup2() onto itself would keep close-on-exec */
    int fd = fcntl(order->fd, F_DUPFD_CLOEXEC, PLUGIN_CHILD_FD + 1);
    if (fd < 0)
        return fault_set(fault, ERR_IO, "%s: no descriptor for its process: %s", order->file,
                         strerrordesc_np(errno));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    set_descriptors(&actions, fd);
    set_signals(&attributes);
    int failed = posix_spawn(pid, program, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(fd);
    if (failed)
        return fault_set(fault, ERR_IO, "%s: no process for it: %s: %s", order->file, program,
                         strerrordesc_np(failed));
    return OK;
}

int
plugin_child_end(pid_t pid)
{
    int status = 0;
    assert(pid > 0);    /* 0 would be all of us */
    kill(pid, SIGKILL); /* of one that has ended it changes nothing: nobody has waited for it */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

const char *
plugin_child_end_text(int status, char *text, size_t room)
{
    if (WIFSIGNALED(status))
        snprintf(text, room, "it crashed (SIG%s)", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(text, room, "it ended by itself (status %d)", WEXITSTATUS(status));
    return text;
}

void
plugin_child_settle(void)
{
    const struct rlimit none = {0, 0};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    (void) setrlimit(RLIMIT_CORE, &none); /* it would hold what messages hold */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < COUNT_OF(crashes); i++)
        signal(crashes[i], SIG_DFL); /* whoever started us says what happened */
    signal(SIGTERM, SIG_IGN);        /* sent to all of a service: our parent knows what to do */
    signal(SIGINT, SIG_IGN);
}
