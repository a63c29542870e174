/*  The start-up lint: edges that may park must form no cycle.

    An actor reads no new work while something it sent is parked. If such waits could run in
    a circle, everybody in it could wait for ever; on a graph without cycles the last one
    always goes on, and so does everybody before it.  */

#include "runtime/host.h"

#include <string.h>

enum { MOST_ACTORS = 64 };

typedef struct walk {
    const actor_class_t *const *classes;
    size_t n;
    size_t path[MOST_ACTORS];
    size_t depth;
    bool clean[MOST_ACTORS]; /* nothing below it leads back */
} walk_t;

static bool
may_park(message_id_t id)
{
    message_class_t class = schema_of(id)->class;
    return class == CLASS_COMMAND || class == CLASS_REQUEST;
}

static size_t
find(const walk_t *self, const char *name)
{
    size_t i = 0;
    while (i < self->n && strcmp(self->classes[i]->name, name) != 0)
        i++;
    return i;
}

static size_t
on_path(const walk_t *self, size_t actor)
{
    size_t i = 0;
    while (i < self->depth && self->path[i] != actor)
        i++;
    return i;
}

static err_t
name_cycle(const walk_t *self, size_t from, fault_t *fault)
{
    char cycle[256] = "";
    for (size_t i = from; i < self->depth; i++) {
        strncat(cycle, self->classes[self->path[i]]->name, sizeof cycle - strlen(cycle) - 1);
        strncat(cycle, " -> ", sizeof cycle - strlen(cycle) - 1);
    }
    strncat(cycle, self->classes[self->path[from]]->name, sizeof cycle - strlen(cycle) - 1);
    return fault_set(fault, ERR_CONFIG,
                     "%s: these actors could wait for each other for ever; make one edge a "
                     "reply, an event or a hint, or split an actor",
                     cycle);
}

static err_t
descend(walk_t *self, size_t actor, fault_t *fault) /* NOLINT(misc-no-recursion): depth is
                                                        bounded by the number of actors */
{
    size_t before = on_path(self, actor);
    if (before < self->depth)
        return name_cycle(self, before, fault);
    if (actor == self->n || self->clean[actor])
        return OK;
    self->path[self->depth++] = actor;
    for (const edge_t *edge = self->classes[actor]->sends; edge && edge->to; edge++) {
        if (!may_park(edge->message))
            continue;
        err_t err = descend(self, find(self, edge->to), fault);
        if (err != OK)
            return err;
    }
    self->depth--;
    self->clean[actor] = true;
    return OK;
}

err_t
lint_edges(const actor_class_t *const *classes, size_t n, fault_t *fault)
{
    if (n > MOST_ACTORS)
        return fault_set(fault, ERR_TOO_LARGE, "%zu actors: at most %d run in one process", n,
                         MOST_ACTORS);
    walk_t walk = {.classes = classes, .n = n};
    for (size_t i = 0; i < n; i++) {
        err_t err = descend(&walk, i, fault);
        if (err != OK)
            return err;
    }
    return OK;
}
