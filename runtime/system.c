/*  Who is here.  */

#include "runtime/cell_private.h"
#include "runtime/system_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US_PER_MS = 1000 };

system_t *
system_new(const system_options_t *options)
{
    system_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->started_ms = options->wall_us(options->self) / US_PER_MS;
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void
system_destroy(system_t **self_p)
{
    system_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < MOST_RESIDENTS; i++)
        free(atomic_load(&self->residents[i]));
    while (self->n_visitors > 0)
        free(self->visitors[--self->n_visitors].hello);
    graveyard_release(&self->graveyard);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

/*  -------------------------------------------------------------------- for the cells  */

resident_t *
system_resident(const system_t *self, size_t i)
{
    return i < MOST_RESIDENTS ? atomic_load_explicit(&self->residents[i], memory_order_acquire)
                              : NULL;
}

resident_t *
system_next(const system_t *self, const resident_t *after)
{
    resident_t *each;
    for (size_t i = 0; (each = system_resident(self, i)) != NULL; i++) {
        if (after == NULL && each->cell)
            return each;
        if (each == after)
            after = NULL;
    }
    return NULL;
}

size_t
system_size(const system_t *self)
{
    size_t n = 0;
    const resident_t *each = NULL;
    while ((each = system_next(self, each)) != NULL)
        n++;
    return n;
}

/*  Where an actor of that name was before; else where any was that is gone; else a new place.
 */
static resident_t *
find_place(system_t *self, const char *name)
{
    resident_t *each, *vacant = NULL;
    size_t i = 0;
    for (; (each = system_resident(self, i)) != NULL; i++)
        if (each->cell == NULL && (vacant == NULL || strcmp(each->name, name) == 0))
            vacant = each;
    if (vacant) {
        if (strcmp(vacant->name, name) != 0)
            flight_clear(&vacant->watched.flight);
        return vacant;
    }
    assert(i < MOST_RESIDENTS);
    each = mem_new(sizeof *each);
    atomic_store_explicit(&self->residents[i], each, memory_order_release);
    return each;
}

watched_t *
system_join(system_t *self, const cell_t *cell)
{
    if (self == NULL)
        return mem_new(sizeof(watched_t));
    pthread_mutex_lock(&self->lock);
    resident_t *place = find_place(self, cell->class->name);
    place->cell = cell;
    place->state = CELL_STARTING;
    place->reason[0] = '\0';
    snprintf(place->name, sizeof place->name, "%s", cell->class->name);
    pthread_mutex_unlock(&self->lock);
    return &place->watched;
}

static resident_t *
resident_of(const system_t *self, const cell_t *cell)
{
    resident_t *each = NULL;
    while ((each = system_next(self, each)) != NULL && each->cell != cell)
        ;
    assert(each);
    return each;
}

void
system_leave(system_t *self, const cell_t *cell)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    resident_of(self, cell)->cell = NULL;
    pthread_mutex_unlock(&self->lock);
}

void
system_note_state(system_t *self, const cell_t *cell, cell_state_t state, const char *reason)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    resident_t *resident = resident_of(self, cell);
    resident->state = state;
    snprintf(resident->reason, sizeof resident->reason, "%s", reason ? reason : "");
    pthread_mutex_unlock(&self->lock);
}

/*  ----------------------------------------------------------------------- who joined  */

static void
forget_visitor(system_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_visitors; i++)
        if (strcmp(self->visitors[i].name, name) == 0) {
            free(self->visitors[i].hello);
            self->visitors[i] = self->visitors[--self->n_visitors];
            return;
        }
}

void
system_note_joined(void *system, const char *name, const hello_t *hello)
{
    system_t *self = system;
    pthread_mutex_lock(&self->lock);
    forget_visitor(self, name);
    if (hello && self->n_visitors < MOST_JOINED) {
        visitor_t *visitor = &self->visitors[self->n_visitors++];
        snprintf(visitor->name, sizeof visitor->name, "%s", name);
        visitor->hello = mem_new(sizeof *hello);
        *visitor->hello = *hello;
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
system_monitor_known(ctx_t *ctx)
{
    system_t *self = ctx_system(ctx);
    if (self == NULL)
        return "";
    pthread_mutex_lock(&self->lock);
    const char *address = arena_text(ctx_arena(ctx), self->monitor);
    pthread_mutex_unlock(&self->lock);
    return address;
}

const char *
system_monitor(ctx_t *ctx)
{
    const cell_host_t *host = &ctx->cell->host;
    return host->monitor ? host->monitor(host->transport.self) : system_monitor_known(ctx);
}
