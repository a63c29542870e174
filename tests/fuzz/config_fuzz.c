/*  config_fuzz - whatever stands in a config file is taken, or refused with the reason and the
    line.  */

#include "actors/settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*  What is accepted is in its ranges, and its tables have names.  */
static void
look_at(const config_t *config, const settings_t *settings)
{
    fault_t fault = {0};
    assert(settings->outbox_window >= 1 && settings->outbox_window <= 100000);
    assert(strcmp(settings->agent_capture, "api") == 0
           || strcmp(settings->agent_capture, "triggers") == 0);
    for (size_t i = 0; i < settings->n_tables; i++) {
        const char *name = settings->tables[i].name;
        assert(name[0] != '\0' && settings_of_table(settings, name) == &settings->tables[i]);
    }
    if (config_check(config, &fault) != OK)
        assert(strstr(fault.text, "must be greater") != NULL);
}

static void
load(const char *path)
{
    fault_t fault = {0};
    settings_t settings = {0};
    config_t config;
    config_defaults(&config, &settings_table, &settings);
    if (config_load(&config, path, &fault) == OK)
        look_at(&config, &settings);
    else
        assert(strncmp(fault.text, path, strlen(path)) == 0);
    config_release(&config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int fd = memfd_create("config", MFD_CLOEXEC);
    assert(fd >= 0);
    const ssize_t written = write(fd, data, size);
    assert(written == (ssize_t) size);
    (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    load(path);
    (void) close(fd);
    return 0;
}
