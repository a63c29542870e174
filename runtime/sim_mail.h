/*  sim_mail - the messages under way between the actors of one simulated node.

    One queue per sender, receiver and lane, as on the real bus: in order within, in any
    order between. A box is a reader's end: an actor, or the outsider.  */

#pragma once

#include "runtime/cell.h"
#include "runtime/sim_world.h"

typedef struct mail mail_t;
typedef struct channel channel_t;

/*  Boxes are numbered from 0 to n - 1.  */
mail_t *mail_new(world_t *world, size_t n_boxes);
/*  With all that is under way.  */
void mail_destroy(mail_t **self);

/*  deliver is called with reader when a message of one of its channels is due; it takes it
    with channel_take().  */
void mail_reader(mail_t *self, size_t box, void *reader,
                 void (*deliver)(void *reader, channel_t *channel));

typedef struct route {
    size_t from, to;
    lane_t lane;
} route_t;
void mail_post(mail_t *self, route_t route, bytes_t header, blob_t *payload);

void mail_agenda(mail_t *self, size_t box, bool wants_lo, agenda_t *agenda);
/*  Is anything due for that box?  */
bool mail_waiting(const mail_t *self, size_t box, bool wants_lo);

/*  The first message of the channel; its receiver releases it.  */
letter_t *channel_take(channel_t *self);
/*  Has the first message come once more, later.  */
void channel_repeat(channel_t *self);
lane_t channel_lane(const channel_t *self);
