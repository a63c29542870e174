#include "runtime/sim_node_private.h"

#include <stdio.h>
#include <stdlib.h>

/*  An actor may fail often here: that is what simulations are for.  */
static const cell_limits_t limits = {
    .restarts = 30,
    .period_ms = 30000,
    .attempts = 3,
    .log_level = LOG_debug,
};

node_t *
node_new(world_t *world, network_t *network, const char *name, const char *address,
         const void *settings)
{
    node_t *self = mem_new(sizeof *self);
    self->world = world;
    self->network = network;
    self->name = mem_text(name);
    self->address = address ? mem_text(address) : NULL;
    self->settings = settings;
    self->outsider = outsider_new(world);
    self->restart_ns = NEVER;
    return self;
}

void
node_add(node_t *self, const actor_class_t *class)
{
    if (class->is_wanted != NULL && self->settings != NULL && !class->is_wanted(self->settings))
        return;
    self->seats = mem_grow(self->seats, (self->n + 1) * sizeof *self->seats);
    self->seats[self->n] = (seat_t){.node = self, .index = self->n, .class = class};
    self->n++;
}

void
node_destroy(node_t **self_p)
{
    node_t *self = *self_p;
    if (self == NULL)
        return;
    node_crash(self, false);
    outsider_destroy(&self->outsider);
    for (size_t i = 0; i < self->n_patterns; i++)
        free(self->patterns[i]);
    free(self->patterns);
    free(self->seats);
    free(self->name);
    free(self->address);
    free(self);
    *self_p = NULL;
}

/*  --------------------------------------------------------------------------- running  */

static void
touch(void *self)
{
    ((seat_t *) self)->touched = true;
}

static void
turn(void *subject)
{
    seat_t *seat = subject;
    node_t *node = seat->node;
    bool waiting = mail_waiting(node->mail, seat->index, cell_wants_lo(seat->cell));
    seat->touched = false;
    cell_turn(seat->cell, !waiting);
    if (cell_state(seat->cell) == CELL_GIVEN_UP) {
        node_crash(node, true); /* as the program does, when it is told */
        return;
    }
    int64_t next_ms = cell_next_ms(seat->cell);
    seat->due_ns = next_ms < 0 ? NEVER : node->world->now_ns + (uint64_t) next_ms * 1000000;
}

/*  The instance goes before or after the message: with what it did not settle.  */
static void
hand_over(seat_t *seat, letter_t *letter)
{
    world_t *world = seat->node->world;
    bool crash = world_chance(world, world->faults.actor_crash)
                 && cell_state(seat->cell) == CELL_RUNNING;
    bool before = crash && world_below(world, 2) == 0;
    if (before)
        cell_fail(seat->cell, "simulated fault");
    cell_take(seat->cell, letter);
    if (crash && !before && cell_state(seat->cell) == CELL_RUNNING)
        cell_fail(seat->cell, "simulated fault");
    touch(seat);
}

static void
deliver(void *reader, channel_t *channel)
{
    seat_t *seat = reader;
    node_t *node = seat->node;
    world_t *world = node->world;
    if (world_chance(world, world->faults.node_crash)) {
        node_crash(node, true);
        return;
    }
    if (channel_lane(channel) == LANE_lo && world_chance(world, world->faults.redeliver))
        channel_repeat(channel);
    letter_t *letter = channel_take(channel);
    world_note_message(world, node->name, &letter->envelope, letter->payload);
    hand_over(seat, letter);
}

static void
deliver_outside(void *reader, channel_t *channel)
{
    node_t *node = reader;
    letter_t *letter = channel_take(channel);
    world_note_message(node->world, node->name, &letter->envelope, letter->payload);
    outsider_receive(node->outsider, letter);
}

/*  -------------------------------------------------------------------------- coming up  */

static void
subscribe(node_t *self, seat_t *publisher)
{
    port_t *port = cell_port(publisher->cell);
    for (size_t i = 0; i < self->n; i++) {
        const actor_class_t *class = self->seats[i].class;
        for (size_t p = 0; class->hears && class->hears[p]; p++)
            port_subscribe(port, class->hears[p], class->name);
    }
    for (size_t i = 0; i < self->n_patterns; i++)
        port_subscribe(port, self->patterns[i], outsider_name);
}

static void
seat_fill(seat_t *seat)
{
    node_t *node = seat->node;
    cell_host_t host = seat_host;
    host.transport.self = seat;
    host.system = node->system;
    seat->cell = cell_new(seat->class, &host, &limits, node->settings, node->epoch);
    mail_reader(node->mail, seat->index, seat, deliver);
    if (seat->class->net) {
        net_sink_t sink = cell_sink(seat->cell);
        seat->net = network_join(node->network, node->address, &sink,
                                 (net_owner_t){.self = seat, .touched = touch});
        net_link(seat->net, !node->unlinked);
        cell_use_net(seat->cell, &sim_net_driver, seat->net);
    }
}

err_t
node_start(node_t *self, fault_t *fault)
{
    self->epoch++;
    self->restart_ns = NEVER;
    self->mail = mail_new(self->world, self->n + 1);
    mail_reader(self->mail, self->n, self, deliver_outside);
    self->system = system_new(
        &(system_options_t){.role = self->name, .wall_us = node_wall_us, .self = self});
    outsider_join(self->outsider, (outsider_way_t){.node = self, .put = node_put_outside},
                  self->epoch);
    for (size_t i = 0; i < self->n; i++)
        seat_fill(&self->seats[i]);
    for (size_t i = 0; i < self->n; i++)
        subscribe(self, &self->seats[i]);
    for (size_t i = 0; i < self->n; i++) {
        err_t err = cell_start(self->seats[i].cell, fault);
        if (err != OK) {
            node_crash(self, false);
            return err;
        }
        touch(&self->seats[i]);
    }
    return OK;
}

static void
start_again(void *subject)
{
    node_t *self = subject;
    fault_t fault;
    if (node_start(self, &fault) == OK)
        return;
    if (self->world->log)
        fprintf(stderr, "%s does not start: %s\n", self->name, fault.text);
    self->restart_ns = world_later(self->world, 1000) + 1000000;
}

/*  ------------------------------------------------------------------------- going down  */

void
node_crash(node_t *self, bool restart)
{
    self->restart_ns = NEVER;
    if (restart)
        self->restart_ns = world_later(self->world, self->world->faults.restart_ms);
    if (self->mail == NULL)
        return;
    world_note(self->world, "down", (bytes_t){0});
    for (size_t i = 0; i < self->n; i++)
        cell_destroy(&self->seats[i].cell);
    system_destroy(&self->system);
    for (size_t i = 0; i < self->n; i++)
        network_leave(&self->seats[i].net);
    outsider_leave(self->outsider);
    mail_destroy(&self->mail);
}

void
node_link(node_t *self, bool up)
{
    self->unlinked = !up;
    for (size_t i = 0; i < self->n; i++)
        if (self->seats[i].net)
            net_link(self->seats[i].net, up);
}

void
node_set_clock(node_t *self, int64_t ahead_ms)
{
    self->ahead_ms = ahead_ms;
}

/*  ----------------------------------------------------------------------- its owner's view  */

bool
node_is_up(const node_t *self)
{
    return self->mail != NULL;
}

outsider_t *
node_outsider(node_t *self)
{
    return self->outsider;
}

void
node_hear(node_t *self, const char *pattern)
{
    self->patterns = mem_grow(self->patterns, (self->n_patterns + 1) * sizeof *self->patterns);
    self->patterns[self->n_patterns++] = mem_text(pattern);
    for (size_t i = 0; self->mail && i < self->n; i++)
        port_subscribe(cell_port(self->seats[i].cell), pattern, outsider_name);
}

size_t
node_size(const node_t *self)
{
    return self->n;
}

cell_t *
node_cell(node_t *self, size_t i)
{
    return self->seats[i].cell;
}

void
node_touch(node_t *self, size_t i)
{
    touch(&self->seats[i]);
}

void
node_agenda(node_t *self, agenda_t *agenda)
{
    agenda_add(agenda, self->restart_ns, start_again, self);
    if (self->mail == NULL)
        return;
    for (size_t i = 0; i < self->n; i++) {
        seat_t *seat = &self->seats[i];
        mail_agenda(self->mail, i, cell_wants_lo(seat->cell), agenda);
        agenda_add(agenda, seat->touched ? 0 : seat->due_ns, turn, seat);
    }
    mail_agenda(self->mail, self->n, true, agenda);
}

void
node_ears(node_t *self, ears_t *ears)
{
    for (size_t i = 0; self->mail && i < self->n; i++)
        ears_add(ears, &self->seats[i].files, &self->seats[i]);
}

void
node_hears(void *owner, int fd, int ready)
{
    seat_t *seat = owner;
    cell_on_fd(seat->cell, fd, ready);
    touch(seat);
}
