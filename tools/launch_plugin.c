#include "tools/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static err_t
find_file(const plugin_settings_t *settings, char **file, fault_t *fault)
{
    if (settings->plugins_file[0] == '\0')
        return fault_set(fault, ERR_CONFIG,
                         "plugins.%s.file: it is missing; name the shared "
                         "object",
                         settings->name);
    *file = realpath(settings->plugins_file, NULL);
    if (*file == NULL)
        return fault_set(fault, ERR_CONFIG, "plugins.%s.file: %s: %s", settings->name,
                         settings->plugins_file, strerrordesc_np(errno));
    return OK;
}

err_t
launch_plugin(host_t *host, const plugin_settings_t *settings, fault_t *fault)
{
    AUTO(text) file = NULL;
    err_t err = find_file(settings, &file, fault);
    if (err != OK)
        return err;
    const size_t n = settings->own.n;
    plugin_value_t *values = mem_new((n + 1) * sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = (plugin_value_t){settings->own.items[i].name, settings->own.items[i].value};
    const plugin_order_t order = {
        .name = settings->name,
        .file = file,
        .isolation = settings->plugins_isolation,
        .limit_ms = (uint32_t) settings->plugins_limit_ms,
        .settings = values,
        .n_settings = n,
    };
    err = host_add_plugin(host, &order, fault);
    free(values);
    return err;
}
