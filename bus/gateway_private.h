/*  gateway_private - what the parts of the gateway share.

    gateway.c is its thread and the actors' side, residents.c knows the actors, members.c knows
   who has joined, visitors.c takes what peers say, serving.c has what they are asked.  */

#pragma once

#include "bus/directory.h"
#include "bus/gateway.h"
#include "bus/peer.h"
#include "bus/postbox.h"
#include "bus/report.h"

#include <pthread.h>

enum { GATEWAY_PEERS = 64 };

struct gateway {
    gateway_options_t options;
    report_t report;
    postbox_t *postbox;
    port_t *port;
    void *router;
    int wake; /* eventfd: ends the wait */
    pthread_mutex_t lock;
    struct gateway_news *news, **last_news; /* of actors, not looked at yet; under the lock */
    directory_t directory;
    char leaving[NAME_ROOM + 1]; /* actor that is about to go; empty: none */
    pthread_t thread;
    bool running;
    atomic_bool stopping, refusing;
    atomic_uint_fast64_t dead;
    uint64_t random;   /* state of the generator for ids */
    uint64_t refusals; /* of peers, and of what they say about the connection itself */
    peer_t *peers;
    size_t n_peers;
};

uint64_t gateway_now_ns(void *self);
/*  A message that a peer will not get. payload: nothing where it is not at hand.  */
void gateway_bury(gateway_t *self, const envelope_t *envelope, bytes_t payload, err_t why);
/*  Ends its wait. Any thread.  */
void gateway_wake(gateway_t *self);
/*  Actors that have come or gone.  */
void gateway_read_news(gateway_t *self);
/*  Has all gone that peers had said to one that is about to go? Then it may.  */
void gateway_report_left(gateway_t *self);
void gateway_forget_news(gateway_t *self);
/*  Tells every actor to send us such events from now on, or no longer.  */
void gateway_broadcast(gateway_t *self, const char *verb, const char *pattern);

/*  To every peer that hears such events, but the one it is from.  */
void gateway_fan_out(gateway_t *self, const envelope_t *event, blob_t *payload);

/*  One message off the ROUTER, however it looks. False: there was none.  */
bool gateway_receive(gateway_t *self);
