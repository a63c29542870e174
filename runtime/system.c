/*  Who is here.  */

#include "runtime/cell_private.h"
#include "runtime/system_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { US_PER_MS = 1000 };

system_t *
system_new(const system_options_t *options)
{
    system_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->started_ms = options->wall_us(options->self) / US_PER_MS;
    self->last = &self->residents;
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void
system_destroy(system_t **self_p)
{
    system_t *self = *self_p;
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

size_t
system_size(const system_t *self)
{
    size_t n = 0;
    for (const resident_t *each = self->residents; each; each = each->next)
        n++;
    return n;
}

/*  -------------------------------------------------------------------- for the cells  */

void
system_join(system_t *self, const cell_t *cell)
{
    if (self == NULL)
        return;
    resident_t *resident = mem_new(sizeof *resident);
    resident->cell = cell;
    pthread_mutex_lock(&self->lock);
    *self->last = resident;
    self->last = &resident->next;
    pthread_mutex_unlock(&self->lock);
}

static resident_t *
take_out(system_t *self, const cell_t *cell)
{
    for (resident_t **at = &self->residents; *at; at = &(*at)->next) {
        resident_t *resident = *at;
        if (resident->cell != cell)
            continue;
        *at = resident->next;
        if (*at == NULL)
            self->last = at;
        return resident;
    }
    return NULL;
}

void
system_leave(system_t *self, const cell_t *cell)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    resident_t *resident = take_out(self, cell);
    pthread_mutex_unlock(&self->lock);
    free(resident);
}

void
system_note_state(system_t *self, const cell_t *cell, cell_state_t state, const char *reason)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    for (resident_t *each = self->residents; each; each = each->next)
        if (each->cell == cell) {
            each->state = state;
            snprintf(each->reason, sizeof each->reason, "%s", reason ? reason : "");
        }
    pthread_mutex_unlock(&self->lock);
}

/*  -------------------------------------------------------------------- for the actors  */

system_t *
ctx_system(ctx_t *ctx)
{
    return ctx->cell->host.system;
}

void
system_note_monitor(ctx_t *ctx, const char *address)
{
    system_t *self = ctx_system(ctx);
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    snprintf(self->monitor, sizeof self->monitor, "%s", address);
    pthread_mutex_unlock(&self->lock);
}

const char *
system_monitor(ctx_t *ctx)
{
    system_t *self = ctx_system(ctx);
    if (self == NULL)
        return "";
    pthread_mutex_lock(&self->lock);
    const char *address = arena_text(ctx_arena(ctx), self->monitor);
    pthread_mutex_unlock(&self->lock);
    return address;
}
