#include "actors/server/registry.h"

err_t
registry_open(const settings_t *settings, registry_use_t use, registry_t **self, fault_t *fault)
{
    return embedded_registry.open(settings, use, self, fault);
}

void
registry_close(registry_t **self)
{
    if (*self)
        (*self)->class->close(self);
}
