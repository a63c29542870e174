#include "bus/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct rundir {
    int lock; /* the open lock file; closing it gives the lock back */
};

enum { SOCKET_PATH_ROOM = sizeof((struct sockaddr_un *) 0)->sun_path };

void
rundir_default(char *out, size_t room)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): read at start, before there are threads */
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (base != NULL && *base == '/')
        snprintf(out, room, "%s/waybill", base);
    else
        snprintf(out, room, "/tmp/waybill-%u", (unsigned) geteuid());
}

/*  ------------------------------------------------------------------- directory  */

static err_t
refuse(fault_t *fault, const char *path, const char *why)
{
    return fault_set(fault, ERR_CONFIG, "run directory %s: %s; choose another with --run-dir",
                     path, why);
}

/*  The directory itself, never what a link points to: another user could have put the
    link there.  */
static int
open_directory(const char *path)
{
    char plain[SOCKET_PATH_ROOM];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    memcpy(plain, path, size);
    plain[size] = '\0';
    if (mkdir(plain, 0700) != 0 && errno != EEXIST)
        return -1;
    return open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static err_t
check_directory(int directory, const char *path, fault_t *fault)
{
    if (directory < 0)
        return refuse(fault, path,
                      errno == ELOOP || errno == ENOTDIR ? "it is a link, or not a directory"
                                                         : strerrordesc_np(errno));
    struct stat stat;
    if (fstat(directory, &stat) != 0)
        return refuse(fault, path, strerrordesc_np(errno));
    if (stat.st_uid != geteuid())
        return refuse(fault, path, "it belongs to another user");
    if ((stat.st_mode & 077) != 0)
        return refuse(fault, path, "it is open to other users, its mode must be 0700");
    return OK;
}

/*  ------------------------------------------------------------------------- lock  */

static err_t
report_holder(int lock, const char *path, fault_t *fault)
{
    char pid[32] = "";
    ssize_t size = pread(lock, pid, sizeof pid - 1, 0);
    pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return fault_set(fault, ERR_EXISTS,
                     "run directory %s is in use by process %s; stop it, or choose another "
                     "with --run-dir",
                     path, *pid ? pid : "(unknown)");
}

static err_t
take_lock(int lock, const char *path, fault_t *fault)
{
    if (lock < 0)
        return refuse(fault, path, strerrordesc_np(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? report_holder(lock, path, fault)
                                    : refuse(fault, path, strerrordesc_np(errno));
    char pid[32];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long) getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, pid, (size_t) size, 0) != size)
        return refuse(fault, path, strerrordesc_np(errno));
    return OK;
}

err_t
rundir_lock(const char *path, rundir_t **self, fault_t *fault)
{
    char endpoint[SOCKET_PATH_ROOM + 16];
    err_t err = rundir_endpoint(path, "bus.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    int directory = open_directory(path);
    err = check_directory(directory, path, fault);
    if (err != OK) {
        if (directory >= 0)
            close(directory);
        return err;
    }
    int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    close(directory);
    err = take_lock(lock, path, fault);
    if (err != OK) {
        if (lock >= 0)
            close(lock);
        return err;
    }
    *self = mem_new(sizeof **self);
    (*self)->lock = lock;
    return OK;
}

void
rundir_unlock(rundir_t **self)
{
    if (*self == NULL)
        return;
    close((*self)->lock); /* the file stays: removing it could remove another's lock */
    free(*self);
    *self = NULL;
}

err_t
rundir_endpoint(const char *path, const char *name, char *out, size_t room, fault_t *fault)
{
    size_t size = strlen(path) + 1 + strlen(name);
    if (size >= SOCKET_PATH_ROOM || size + sizeof "ipc://" > room)
        return fault_set(fault, ERR_TOO_LARGE,
                         "run directory %.200s: the path is too long for a socket, at most %zu "
                         "characters; choose another with --run-dir",
                         path, (size_t) SOCKET_PATH_ROOM - 2 - strlen(name));
    snprintf(out, room, "ipc://%s/%s", path, name);
    return OK;
}
