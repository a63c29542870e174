/*  The last messages of all actors, into a file.  */

#include "runtime/flight_file.h"
#include "runtime/system_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_KEPT = 16 };

/*  --------------------------------------------------------------------------- writing  */

static bool
write_actors(const system_t *self, int fd)
{
    const resident_t *each;
    for (size_t i = 0; (each = system_resident(self, i)) != NULL; i++) {
        const char *busy = atomic_load_explicit(&each->watched.busy, memory_order_acquire);
        if (!flight_write_actor(fd, each->name, busy, &each->watched.flight))
            return false;
    }
    return flight_write_end(fd);
}

static flight_head_t
head_of(const system_t *self, uint64_t now_ns)
{
    flight_head_t head = {.pid = self->options.pid,
                          .wall_us = self->options.wall_us(self->options.self),
                          .now_ns = now_ns,
                          .release = WAYBILL_VERSION};
    memcpy(head.role, self->options.role, strnlen(self->options.role, sizeof head.role - 1));
    return head;
}

bool
system_dump_crash(const system_t *self, int fd, int signal, uint64_t now_ns)
{
    flight_head_t head = head_of(self, now_ns);
    head.signal = signal;
    return flight_write_head(fd, &head) && write_actors(self, fd);
}

/*  ---------------------------------------------------------------------- older files  */

static int
is_dump(const struct dirent *entry)
{
    return strncmp(entry->d_name, "flight-", strlen("flight-")) == 0;
}

static int64_t
age_order(int dir, const char *name)
{
    struct stat stat;
    if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return (int64_t) stat.st_mtim.tv_sec * 1000000000 + stat.st_mtim.tv_nsec;
}

static const char *
oldest(int dir, struct dirent **entries, int n)
{
    const char *found = NULL;
    int64_t first = INT64_MAX;
    for (int i = 0; i < n; i++) {
        int64_t time = age_order(dir, entries[i]->d_name);
        if (time != 0 && time < first) {
            first = time;
            found = entries[i]->d_name;
        }
    }
    return found;
}

static void
drop_oldest(int dir, struct dirent **entries, int n)
{
    const char *name = oldest(dir, entries, n);
    if (name)
        (void) unlinkat(dir, name, 0); /* if it stays, the next time tries again */
}

/*  Nobody else tidies a run directory, and an actor may be stuck, a process crash, again and
    again. Leaves room for one more.  */
void
system_tidy_dumps(const char *run_dir)
{
    struct dirent **entries = NULL;
    int n = scandir(run_dir, &entries, is_dump, NULL);
    int dir = n >= FILES_KEPT ? open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (int more = n - FILES_KEPT; dir >= 0 && more >= 0; more--)
        drop_oldest(dir, entries, n);
    if (dir >= 0)
        close(dir);
    while (n > 0)
        free(entries[--n]);
    free(entries);
}

/*  ------------------------------------------------------------------------ on request  */

static err_t
fill_file(const system_t *self, int fd, flight_head_t *head, const char *path, fault_t *fault)
{
    bool good = flight_write_head(fd, head) && write_actors(self, fd);
    int why = errno;
    if (close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    return good ? OK : fault_set(fault, ERR_IO, "%s: %s", path, strerrordesc_np(why));
}

static void
choose_path(system_t *self, char path[DUMP_PATH])
{
    pthread_mutex_lock(&self->lock);
    unsigned n = ++self->dumps;
    pthread_mutex_unlock(&self->lock);
    snprintf(path, DUMP_PATH, "%s/flight-%llu-%u", self->options.run_dir,
             (unsigned long long) self->options.pid, n);
}

err_t
system_dump(system_t *self, uint64_t now_ns, const char *stuck, char path[DUMP_PATH],
            fault_t *fault)
{
    flight_head_t head = head_of(self, now_ns);
    if (self->options.run_dir == NULL)
        return fault_set(fault, ERR_NOT_FOUND, "there is no run directory to write to");
    if (stuck)
        memcpy(head.actor, stuck, strnlen(stuck, sizeof head.actor - 1));
    system_tidy_dumps(self->options.run_dir);
    choose_path(self, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(fault, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    return fill_file(self, fd, &head, path, fault);
}
