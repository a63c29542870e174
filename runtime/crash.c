#include "runtime/crash.h"

#include "runtime/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK_SIZE = 64 << 10 };

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/*  What a handler needs, made before.  */
static struct {
    _Atomic(const system_t *) system;
    char path[DUMP_PATH];
    char notice[2 * DUMP_PATH + 128];
    struct sigaction before[COUNT_OF(signals)];
    atomic_flag entered;
} crash = {.entered = ATOMIC_FLAG_INIT};

/*  --------------------------------------------------------------------------- dying  */

static void
write_dump(const system_t *system, int signal)
{
    int fd = open(crash.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    bool whole = system_dump_crash(system, fd, signal, clock_now_ns());
    close(fd);
    if (whole && write(STDERR_FILENO, crash.notice, strlen(crash.notice)) < 0)
        return; /* nobody listens any more */
}

static void
put_back(void)
{
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &crash.before[i], NULL);
}

/*  What has crashed runs into the same signal again when we return, and then into what would
    have been done without us; what was sent has to be sent again.  */
static void
on_crash(int signal, siginfo_t *info, void *context)
{
    (void) context;
    int err = errno;
    while (atomic_flag_test_and_set(&crash.entered))
        pause(); /* another thread is at it, and will end us all */
    const system_t *system = atomic_load(&crash.system);
    if (system)
        write_dump(system, signal);
    put_back();
    if (info->si_code <= 0)
        raise(signal);
    errno = err;
}

/*  ------------------------------------------------------------------------- catching  */

void
crash_catch(const system_t *system, const char *run_dir)
{
    snprintf(crash.path, sizeof crash.path, "%s/flight-%ld-crash", run_dir, (long) getpid());
    snprintf(crash.notice, sizeof crash.notice,
             "waybill: crashed; the last messages are in %s: waybill tap postmortem %s\n",
             crash.path, crash.path);
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    if (atomic_exchange(&crash.system, system) != NULL)
        return; /* they are caught */
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &action, &crash.before[i]);
}

void
crash_release(const system_t *system)
{
    if (atomic_load(&crash.system) != system)
        return;
    atomic_store(&crash.system, NULL);
    put_back();
}

/*  --------------------------------------------------------------------------- stacks  */

void *
crash_stack_new(void)
{
    stack_t there;
    if (sigaltstack(NULL, &there) != 0 || !(there.ss_flags & SS_DISABLE))
        return NULL; /* somebody has made one */
    void *memory = mem_new(STACK_SIZE);
    const stack_t stack = {.ss_sp = memory, .ss_size = STACK_SIZE};
    if (sigaltstack(&stack, NULL) != 0) {
        free(memory);
        return NULL;
    }
    return memory;
}

void
crash_stack_free(void *memory)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    if (memory)
        sigaltstack(&none, NULL);
    free(memory);
}
