/*  What the simulated world gives the actors of a node, and its outsider.  */

#include "runtime/sim_node_private.h"

#include <stdio.h>
#include <string.h>

static size_t
box_named(const node_t *self, const char *to)
{
    size_t length = strcspn(to, "/");
    for (size_t i = 0; i < self->n; i++)
        if (strncmp(self->seats[i].class->name, to, length) == 0
            && self->seats[i].class->name[length] == '\0')
            return i;
    bool outside = strncmp(outsider_name, to, length) == 0 && outsider_name[length] == '\0';
    return outside ? self->n : SIZE_MAX;
}

int64_t
node_wall_us(void *self)
{
    const node_t *node = self;
    return world_wall_us(node->world) + node->ahead_ms * 1000;
}

static err_t
seat_put(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    const seat_t *seat = self;
    route_t route = {.from = seat->index, .to = box_named(seat->node, to), .lane = lane};
    if (route.to == SIZE_MAX)
        return ERR_NO_ROUTE;
    mail_post(seat->node->mail, route, header, payload);
    return OK;
}

static uint64_t
seat_now_ns(void *self)
{
    return ((seat_t *) self)->node->world->now_ns;
}

static uint64_t
seat_random(void *self)
{
    return world_random(((seat_t *) self)->node->world);
}

static int64_t
seat_wall_ms(void *self)
{
    const node_t *node = ((seat_t *) self)->node;
    return world_wall_ms(node->world) + node->ahead_ms;
}

static void
seat_log(void *self, const log_line_t *line)
{
    const node_t *node = ((seat_t *) self)->node;
    if (node->world->log)
        fprintf(stderr, "%12.3f %s/%s %s: %s\n", (double) node->world->now_ns / 1e6, node->name,
                line->actor, line->level, line->text);
}

static void
seat_state(void *self, cell_state_t state, const char *reason)
{
    const seat_t *seat = self;
    world_note(seat->node->world, cell_state_name(state), (bytes_t){0});
    if (seat->node->world->log)
        fprintf(stderr, "%12.3f %s/%s is %s: %s\n", (double) seat->node->world->now_ns / 1e6,
                seat->node->name, seat->class->name, cell_state_name(state),
                reason ? reason : "");
}

static void
seat_watch_fd(void *self, int fd, int ready)
{
    files_watch(&((seat_t *) self)->files, fd, ready);
}

const cell_host_t seat_host = {
    .transport = {.put = seat_put,
                  .now_ns = seat_now_ns,
                  .random = seat_random,
                  .wall_ms = seat_wall_ms},
    .log = seat_log,
    .watch_fd = seat_watch_fd,
    .state = seat_state,
};

/*  From the last box.  */
err_t
node_put_outside(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    const node_t *node = self;
    route_t route = {.from = node->n, .to = box_named(node, to), .lane = lane};
    if (route.to == SIZE_MAX)
        return ERR_NO_ROUTE;
    mail_post(node->mail, route, header, payload);
    return OK;
}
