/*  loaded_plugin - a plug-in that is shipped, for tests that are its host themselves.  */

#pragma once

#include <dlfcn.h>
#include <waybill/plugin.h>

/*  Its descriptor; NULL if it cannot be loaded. Never unloaded, as in the program.  */
static inline const waybill_plugin_t *
loaded_plugin(const char *file)
{
    void *library = dlopen(file, RTLD_NOW);
    const waybill_plugin_t *(*entry)(uint32_t, uint32_t) =
        library ? (const waybill_plugin_t *(*) (uint32_t, uint32_t)) dlsym(library,
                                                                           "waybill_plugin_v1")
                : NULL;
    return entry ? entry(WAYBILL_PLUGIN_MAJOR, WAYBILL_PLUGIN_MINOR) : NULL;
}
