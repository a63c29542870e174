#include "actors/server/watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  "EPOCH LSN\n" in one size, so that a line is replaced by one write.  */
enum { LINE = UUID_TEXT + 21 };

static char *
path_of(const char *database)
{
    return mem_format("%s-mark", database);
}

static err_t
complain(const char *path, fault_t *fault)
{
    return fault_set(fault, ERR_IO,
                     "%s: %s; it must be a file of this user, and may be removed while the"
                     " server is down",
                     path, strerrordesc_np(errno));
}

static err_t
read_line(const char *path, char line[LINE + 1], fault_t *fault)
{
    line[0] = '\0';
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? OK : complain(path, fault);
    const ssize_t size = pread(fd, line, LINE, 0);
    const err_t err = size < 0 ? complain(path, fault) : OK;
    line[size < 0 ? 0 : size] = '\0';
    (void) close(fd);
    return err;
}

/*  What is no such line says nothing.  */
static bool
is_ahead(const char *line, const log_head_t *head)
{
    const size_t size = strlen(head->epoch);
    return strncmp(line, head->epoch, size) == 0 && line[size] == ' '
           && strtoull(line + size, NULL, 10) > head->lsn;
}

err_t
watermark_check(const char *database, const log_head_t *head, bool *older, fault_t *fault)
{
    char line[LINE + 1];
    char *path = path_of(database);
    const err_t err = read_line(path, line, fault);
    free(path);
    *older = err == OK && is_ahead(line, head);
    return err;
}

err_t
watermark_open(const char *database, int *fd, fault_t *fault)
{
    char *path = path_of(database);
    *fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    const err_t err = *fd < 0 ? complain(path, fault) : OK;
    free(path);
    return err;
}

err_t
watermark_raise(int fd, const log_head_t *head, fault_t *fault)
{
    char line[LINE + 1];
    (void) snprintf(line, sizeof line, "%-36.36s %20" PRIu64 "\n", head->epoch, head->lsn);
    const size_t size = strlen(line);
    if (pwrite(fd, line, size, 0) != (ssize_t) size)
        return fault_set(fault, ERR_IO, "the watermark beside the database: %s",
                         strerrordesc_np(errno));
    return OK;
}
