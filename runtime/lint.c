/*  The start-up lint: edges that may park must form no cycle, and what is offered is taken.

    An actor reads no new work while something it sent is parked. If such waits could run in
    a circle, everybody in it could wait for ever; on a graph without cycles the last one
    always goes on, and so does everybody before it.  */

#include "runtime/host.h"
#include "runtime/raw.h"

#include <string.h>

typedef struct walk {
    const actor_class_t *const *classes;
    size_t n;
    size_t path[MOST_ACTORS];
    size_t depth;
    bool clean[MOST_ACTORS]; /* nothing below it leads back */
} walk_t;

static bool
may_park(message_class_t class)
{
    return class == CLASS_COMMAND || class == CLASS_REQUEST;
}

/*  A plug-in that sends something to any actor sends it to those that take it.  */
static bool
raw_leads_to(const actor_class_t *from, const actor_class_t *to)
{
    for (const raw_message_t *row = from->raw->sends; row->type; row++)
        if (may_park(row->class) && (row->to ? strcmp(row->to, to->name) == 0 : from != to)
            && class_takes(to, row->type))
            return true;
    return false;
}

static bool
ends_at(const edge_t *edge, const actor_class_t *to)
{
    if (strcmp(edge->to, ANY_TAKER) == 0)
        return class_takes(to, schema_of(edge->message)->name);
    return strcmp(edge->to, to->name) == 0;
}

static bool
leads_to(const actor_class_t *from, const actor_class_t *to)
{
    if (from->raw)
        return raw_leads_to(from, to);
    for (const edge_t *edge = from->sends; edge && edge->to; edge++)
        if (may_park(schema_of(edge->message)->class) && ends_at(edge, to))
            return true;
    return false;
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
    if (self->clean[actor])
        return OK;
    self->path[self->depth++] = actor;
    for (size_t next = 0; next < self->n; next++) {
        if (!leads_to(self->classes[actor], self->classes[next]))
            continue;
        err_t err = descend(self, next, fault);
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

static err_t
check_offer(const actor_class_t *class, const char *type, fault_t *fault)
{
    message_id_t id = message_named(type);
    if (id == MSG_COUNT || class->handlers == NULL || class->handlers[id] != NULL)
        return OK; /* a type of its own is its own affair */
    return fault_set(fault, ERR_CONFIG, "%s offers %s and has no handler for it", class->name,
                     type);
}

err_t
lint_offers(const actor_class_t *const *classes, size_t n, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; i < n; i++)
        for (const char *const *type = classes[i]->offers; err == OK && type && *type; type++)
            err = check_offer(classes[i], *type, fault);
    return err;
}
