#include "actors/server/registry.h"

err_t
registry_open(const settings_t *settings, registry_use_t use, registry_t **self, fault_t *fault)
{
    const registry_class_t *class =
        settings_on_postgres(settings) ? &postgres_registry : &embedded_registry;
    return class->open(settings, use, self, fault);
}

void
registry_close(registry_t **self)
{
    if (*self)
        (*self)->class->close(self);
}

void
registry_tell_growth(const registry_t *self, ctx_t *ctx)
{
    if (self->class->wal_pages)
        SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) self->class->wal_pages(self));
}
