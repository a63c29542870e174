#include "runtime/sim_node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { STOP_DEADLINE_MS = 5000, NODES = 32 };

struct sim {
    world_t world;
    network_t *network;
    node_t *nodes[NODES];
    size_t n;
    agenda_t agenda;
    ears_t ears;
};

sim_t *
sim_new(uint64_t seed, const sim_faults_t *faults)
{
    sim_t *self = mem_new(sizeof *self);
    world_init(&self->world, seed, faults);
    self->network = network_new(&self->world);
    return self;
}

void
sim_destroy(sim_t **self_p)
{
    sim_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n; i++)
        node_destroy(&self->nodes[i]);
    network_destroy(&self->network);
    agenda_release(&self->agenda);
    ears_release(&self->ears);
    free(self);
    *self_p = NULL;
}

static node_t *
node_at(const sim_t *self, int node)
{
    assert(node >= 0 && (size_t) node < self->n);
    return self->nodes[node];
}

int
sim_node(sim_t *self, const char *name, const char *address, const void *settings)
{
    assert(self->n < NODES);
    self->nodes[self->n] = node_new(&self->world, self->network, name, address, settings);
    return (int) self->n++;
}

void
sim_add(sim_t *self, int node, const actor_class_t *class)
{
    assert(!node_is_up(node_at(self, node)));
    node_add(node_at(self, node), class);
}

err_t
sim_start(sim_t *self, int node, fault_t *fault)
{
    assert(!node_is_up(node_at(self, node)));
    return node_start(node_at(self, node), fault);
}

/*  ---------------------------------------------------------------------------- stepping  */

static void
plan(sim_t *self)
{
    self->agenda.n = 0;
    for (size_t i = 0; i < self->n; i++)
        node_agenda(self->nodes[i], &self->agenda);
    network_agenda(self->network, &self->agenda);
}

/*  What is ready beside the simulation comes first, and other choices after it.  */
static void
listen_beside(sim_t *self, uint64_t limit_ns)
{
    const uint64_t first = agenda_first(&self->agenda);
    for (size_t i = 0; i < self->n; i++)
        node_ears(self->nodes[i], &self->ears);
    ears_listen(&self->ears, &self->world, first < limit_ns ? first : limit_ns, node_hears);
    plan(self);
}

static bool
step(sim_t *self, uint64_t limit_ns)
{
    choice_t choice;
    plan(self);
    if (self->world.speed > 0)
        listen_beside(self, limit_ns);
    if (!agenda_draw(&self->agenda, &self->world, limit_ns, &choice))
        return false;
    choice.run(choice.subject);
    return true;
}

bool
sim_step(sim_t *self)
{
    return step(self, NEVER);
}

static uint64_t
in_ms(const sim_t *self, uint64_t virtual_ms)
{
    return self->world.now_ns + virtual_ms * 1000000;
}

bool
sim_until(sim_t *self, bool (*done)(void *arg), void *arg, uint64_t virtual_ms)
{
    uint64_t limit = in_ms(self, virtual_ms);
    while (!done(arg))
        if (!step(self, limit))
            return done(arg);
    return true;
}

static bool
no_end(void *arg)
{
    (void) arg;
    return false;
}

void
sim_run_ms(sim_t *self, uint64_t virtual_ms)
{
    (void) sim_until(self, no_end, NULL, virtual_ms);
}

/*  ---------------------------------------------------------------------------- stopping  */

static bool
is_drained(void *arg)
{
    return cell_state(arg) != CELL_DRAINING;
}

static void
drain(sim_t *self, node_t *node, size_t i)
{
    cell_drain(node_cell(node, i));
    node_touch(node, i);
    uint64_t limit = in_ms(self, STOP_DEADLINE_MS);
    /*  A fault may take the whole node meanwhile, and the cell with it.  */
    while (node_is_up(node) && !is_drained(node_cell(node, i)))
        if (!step(self, limit))
            return;
}

void
sim_stop(sim_t *self, int node)
{
    node_t *stopped = node_at(self, node);
    for (size_t i = node_size(stopped); i-- > 0 && node_is_up(stopped);)
        drain(self, stopped, i);
    for (size_t i = node_size(stopped); i-- > 0 && node_is_up(stopped);)
        cell_stop(node_cell(stopped, i));
    node_crash(stopped, false);
}

void
sim_crash(sim_t *self, int node)
{
    node_crash(node_at(self, node), false);
}

void
sim_link(sim_t *self, int node, bool up)
{
    node_link(node_at(self, node), up);
}

void
sim_set_clock(sim_t *self, int node, int64_t ahead_ms)
{
    node_set_clock(node_at(self, node), ahead_ms);
}

void
sim_calm(sim_t *self)
{
    self->world.faults = (sim_faults_t){0};
}

void
sim_watch_files(sim_t *self, uint32_t speed)
{
    self->world.speed = speed;
}

/*  ------------------------------------------------------------------------- the outsiders  */

void
sim_tell(sim_t *self, int node, const char *to, message_id_t id, const void *body)
{
    outsider_tell(node_outsider(node_at(self, node)), to, id, body);
}

uint64_t
sim_ask(sim_t *self, int node, const char *to, message_id_t id, const void *body)
{
    return outsider_ask(node_outsider(node_at(self, node)), to, id, body);
}

void
sim_hear(sim_t *self, int node, const char *pattern)
{
    node_hear(node_at(self, node), pattern);
}

bool
sim_take(sim_t *self, int node, sim_heard_t *heard)
{
    return outsider_take(node_outsider(node_at(self, node)), heard);
}

/*  ----------------------------------------------------------------------------- looking  */

bool
sim_up(const sim_t *self, int node)
{
    return node_is_up(node_at(self, node));
}

cell_t *
sim_cell(sim_t *self, int node, const char *actor)
{
    node_t *where = node_at(self, node);
    for (size_t i = 0; node_is_up(where) && i < node_size(where); i++)
        if (strcmp(cell_name(node_cell(where, i)), actor) == 0)
            return node_cell(where, i);
    return NULL;
}

uint64_t
sim_now_ms(const sim_t *self)
{
    return self->world.now_ns / 1000000;
}

uint64_t
sim_trace_hash(const sim_t *self)
{
    return self->world.hash;
}

void
sim_trace_to(sim_t *self, FILE *out)
{
    self->world.trace = out;
}
