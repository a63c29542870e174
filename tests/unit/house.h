/*  house - a small host for tests of the ipc gateway: a run directory, a gateway, and two
    actors on one thread, "echo" and "sleeper".

    Both answer ping with pong, count parcels and publish an actor_state for each. The sleeper
    keeps everything unfinished while `asleep`.  */

#pragma once

#include "bus/gateway.h"
#include "bus/port.h"

#include <pthread.h>

typedef struct house {
    char run_dir[64];
    void *zmq;
    gateway_t *gateway;
    struct resident *residents[2];
    atomic_bool asleep;
    atomic_int lines; /* that the gateway has logged */
    pthread_mutex_t lock;
    pthread_cond_t gone_round;
    uint64_t rounds; /* of the actors, at their mail boxes */
} house_t;

house_t *house_new(void);
void house_destroy(house_t **self);
/*  All of it ends, and starts anew in the same run directory.  */
void house_restart(house_t *self);

enum { ECHO, SLEEPER };
/*  Parcels that the actor has taken so far, and how many did not have a greater number than
    the one before.  */
uint64_t house_parcels(const house_t *self, int actor);
uint64_t house_disorder(const house_t *self, int actor);
/*  Events of peers that it has heard; both hear `tea_*`.  */
uint64_t house_heard(const house_t *self, int actor);
bool house_subscribed(const house_t *self, int actor);
/*  Until an actor has looked at its mail once more; they do even when none comes.  */
void house_await_round(house_t *self);
