#include "actors/common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 64 * 1024 };

static err_t
check_mode(int fd, mode_t forbidden, const char *key, const char *path, fault_t *fault)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return fault_set(fault, ERR_CONFIG, "%s: %s: it is no file; name one", key, path);
    if ((status.st_mode & forbidden) != 0)
        return fault_set(fault, ERR_CONFIG, "%s: %s: others can get at it: chmod %s it", key,
                         path, (forbidden & S_IROTH) != 0 ? "0600" : "0644");
    if (status.st_size > LARGEST)
        return fault_set(fault, ERR_CONFIG, "%s: %s: it is larger than %d bytes", key, path,
                         LARGEST);
    return OK;
}

/*  Whoever may write to the directory can put a file of his own in its place, unless the
    directory keeps what is in it to its owners (/tmp).  */
static err_t
check_directory(const char *key, const char *path, fault_t *fault)
{
    struct stat status;
    const char *slash = strrchr(path, '/');
    char *directory = slash ? mem_format("%.*s/.", (int) (slash - path), path) : mem_text(".");
    const bool replaceable =
        stat(directory, &status) == 0 && (status.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH;
    free(directory);
    if (replaceable)
        return fault_set(fault, ERR_CONFIG,
                         "%s: %s: others can replace it: chmod o-w its directory", key, path);
    return OK;
}

/*  All room at once: growing would leave copies behind.  */
static err_t
read_all(int fd, const char *key, const char *path, buffer_t *out, fault_t *fault)
{
    ssize_t size = 0;
    char *block = mem_new(LARGEST + 1);
    size_t total = 0;
    while (total <= LARGEST && (size = read(fd, block + total, LARGEST + 1 - total)) > 0)
        total += (size_t) size;
    if (size == 0)
        buffer_add(out, block, total);
    explicit_bzero(block, LARGEST + 1);
    free(block);
    if (size != 0)
        return fault_set(fault, ERR_CONFIG, "%s: %s: it cannot be read, or grows", key, path);
    return OK;
}

static err_t
read_file(const char *key, const char *path, mode_t forbidden, buffer_t *out, fault_t *fault)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, ERR_CONFIG, "%s: %s: %s; name a readable file", key, path,
                         strerrordesc_np(errno));
    err_t err = check_mode(fd, forbidden, key, path, fault);
    if (err == OK)
        err = check_directory(key, path, fault);
    if (err == OK)
        err = read_all(fd, key, path, out, fault);
    (void) close(fd);
    return err;
}

err_t
secret_read(const char *key, const char *path, buffer_t *out, fault_t *fault)
{
    return read_file(key, path, S_IRWXG | S_IRWXO, out, fault);
}

err_t
secret_read_public(const char *key, const char *path, buffer_t *out, fault_t *fault)
{
    return read_file(key, path, S_IWGRP | S_IWOTH, out, fault);
}

void
secret_release(buffer_t *self)
{
    if (self->data != NULL)
        explicit_bzero(self->data, self->size);
    buffer_release(self);
}
