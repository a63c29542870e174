#include "runtime/plugin_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY "waybill_plugin_v1"

/*  A file that this process has loaded. What is loaded stays, so a newer build under the same
    name would silently be the old one.  */
typedef struct loaded {
    struct loaded *next;
    char *file;
    struct stat about;
} loaded_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loaded_t *all_loaded;

/*  ----------------------------------------------------------------------- trusting  */

static err_t
look_at(const char *file, struct stat *about, fault_t *fault)
{
    if (file[0] != '/')
        return fault_set(fault, ERR_CONFIG, "%s: an absolute path is wanted", file);
    if (stat(file, about) != 0)
        return fault_set(fault, ERR_CONFIG, "%s: %s; give the file of a plug-in", file,
                         strerrordesc_np(errno));
    if (!S_ISREG(about->st_mode))
        return fault_set(fault, ERR_CONFIG, "%s: it is not a regular file", file);
    if (about->st_uid != 0 && about->st_uid != geteuid())
        return fault_set(
            fault, ERR_CONFIG,
            "%s: it belongs to another user, who could change what runs here; make "
            "a copy of your own",
            file);
    if (about->st_mode & (S_IWGRP | S_IWOTH))
        return fault_set(
            fault, ERR_CONFIG,
            "%s: others could write it, and so change what runs here; chmod go-w it", file);
    return OK;
}

err_t
plugin_file_check(const char *file, fault_t *fault)
{
    struct stat about;
    return look_at(file, &about, fault);
}

/*  ------------------------------------------------------------------------ loading  */

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static err_t
remember(const char *file, const struct stat *about, fault_t *fault)
{
    for (const loaded_t *each = all_loaded; each; each = each->next)
        if (strcmp(each->file, file) == 0 && !is_same(&each->about, about))
            return fault_set(fault, ERR_CONFIG,
                             "%s: an older build of it is in this process, and stays there; "
                             "restart the process, give the new build another name, or use "
                             "isolation = process",
                             file);
    loaded_t *loaded = mem_new(sizeof *loaded);
    *loaded = (loaded_t){.next = all_loaded, .file = mem_text(file), .about = *about};
    all_loaded = loaded;
    return OK;
}

typedef const waybill_plugin_t *entry_fn(uint32_t host_major, uint32_t host_minor);

/*  NULL and the fault if there is none.  */
static entry_fn *
find_entry(const char *file, fault_t *fault)
{
    entry_fn *entry = NULL;
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object == NULL) {
        fault_set(fault, ERR_CONFIG, "%s: it cannot be loaded: %s", file, dlerror());
        return NULL;
    }
    void *symbol = dlsym(object, ENTRY);
    if (symbol == NULL)
        fault_set(fault, ERR_CONFIG,
                  "%s: it has no symbol " ENTRY
                  "; is it a plug-in of waybill? The function must "
                  "be visible",
                  file);
    memcpy(&entry, &symbol, sizeof symbol);
    return entry;
}

err_t
plugin_file_load(const char *file, waybill_plugin_t *descriptor, fault_t *fault)
{
    struct stat about = {0};
    err_t err = look_at(file, &about, fault);
    if (err != OK)
        return err;
    pthread_mutex_lock(&lock);
    err = remember(file, &about, fault);
    pthread_mutex_unlock(&lock);
    entry_fn *entry = err == OK ? find_entry(file, fault) : NULL;
    if (entry == NULL)
        return fault->err;
    const waybill_plugin_t *given = entry(WAYBILL_PLUGIN_MAJOR, WAYBILL_PLUGIN_MINOR);
    if (given == NULL)
        return fault_set(fault, ERR_CONFIG,
                         "%s: it does not want to run here, where waybill/plugin.h is %d.%d; "
                         "build it again, or ask whoever made it",
                         file, WAYBILL_PLUGIN_MAJOR, WAYBILL_PLUGIN_MINOR);
    return descriptor_check(given, file, descriptor, fault);
}
