/*  sim_outsider - a program joined to a simulated node: it tells, asks and hears.  */

#pragma once

#include "runtime/sim_mail.h"

typedef struct outsider outsider_t;

extern const char outsider_name[]; /* what its mail is addressed to */

outsider_t *outsider_new(world_t *world);
void outsider_destroy(outsider_t **self);

/*  How its mail leaves: put of transport_t, called with node.  */
typedef struct outsider_way {
    void *node;
    err_t (*put)(void *node, const char *to, lane_t lane, bytes_t header, blob_t *payload);
} outsider_way_t;

/*  The node has come up. What was asked before is forgotten, what was heard stays.  */
void outsider_join(outsider_t *self, outsider_way_t way, uint64_t epoch);
void outsider_leave(outsider_t *self);
void outsider_receive(outsider_t *self, letter_t *letter);

/*  Both do nothing while the node is down; an ask is then never answered.  */
void outsider_tell(outsider_t *self, const char *to, message_id_t id, const void *body);
uint64_t outsider_ask(outsider_t *self, const char *to, message_id_t id, const void *body);
bool outsider_take(outsider_t *self, sim_heard_t *heard);
