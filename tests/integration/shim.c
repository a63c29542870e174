/*  shim - preloaded into a process under test, it stands between the program and the system:
    kills the process at its n-th write, makes the disk full, or moves the wall clock, as the
    file named by WAYBILL_SHIM says (shim.h). Only files and connections count: what threads
    tell each other within the process is not a write that anybody else could miss.  */

#include "tests/integration/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static shim_t *shim;

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("WAYBILL_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        shim = map;
}

static bool
is_file(int fd)
{
    struct stat about;
    return fd > STDERR_FILENO && fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

static bool
is_connection(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET;
}

/*  This call is one that leaves a trace outside the process.  */
static void
count(void)
{
    if (__atomic_add_fetch(&shim->calls, 1, __ATOMIC_SEQ_CST) == shim->kill_at)
        raise(SIGKILL);
}

/*  False, with errno set: there is no room.  */
static bool
may_write(int fd)
{
    if (shim == NULL)
        return true;
    const bool file = is_file(fd);
    if (file || is_connection(fd))
        count();
    if (file && shim->full) {
        errno = ENOSPC;
        return false;
    }
    return true;
}

#define REAL(result, name, ...) ((result(*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name))

ssize_t
write(int fd, const void *data, size_t size)
{
    return may_write(fd) ? REAL(ssize_t, "write", int, const void *, size_t)(fd, data, size)
                         : -1;
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t at)
{
    if (!may_write(fd))
        return -1;
    return REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, data, size, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return pwrite(fd, data, size, at);
}

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
    if (!may_write(fd))
        return -1;
    return REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, n);
}

ssize_t
send(int fd, const void *data, size_t size, int flags)
{
    if (!may_write(fd))
        return -1;
    return REAL(ssize_t, "send", int, const void *, size_t, int)(fd, data, size, flags);
}

int
ftruncate(int fd, off_t size)
{
    return may_write(fd) ? REAL(int, "ftruncate", int, off_t)(fd, size) : -1;
}

int
ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/*  What is on the disk already can be made safe, even when it is full.  */
int
fsync(int fd)
{
    if (shim)
        count();
    return REAL(int, "fsync", int)(fd);
}

int
fdatasync(int fd)
{
    if (shim)
        count();
    return REAL(int, "fdatasync", int)(fd);
}

int
unlink(const char *path)
{
    if (shim)
        count();
    return REAL(int, "unlink", const char *)(path);
}

int
rename(const char *from, const char *to)
{
    if (shim)
        count();
    return REAL(int, "rename", const char *, const char *)(from, to);
}

/*  ------------------------------------------------------------------------------ the clock  */

int
clock_gettime(clockid_t which, struct timespec *now)
{
    const int result = REAL(int, "clock_gettime", clockid_t, struct timespec *)(which, now);
    if (result == 0 && shim && which == CLOCK_REALTIME)
        now->tv_sec += shim->clock_s;
    return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec fine;
    (void) zone;
    const int result = clock_gettime(CLOCK_REALTIME, &fine);
    *now = (struct timeval){.tv_sec = fine.tv_sec, .tv_usec = fine.tv_nsec / 1000};
    return result;
}

time_t
time(time_t *now)
{
    struct timespec fine;
    clock_gettime(CLOCK_REALTIME, &fine);
    if (now)
        *now = fine.tv_sec;
    return fine.tv_sec;
}
