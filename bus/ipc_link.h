/*  ipc_link - numbers, resending and duplicates on a connection between two processes.

    Both ends have one: the gateway for each peer, a client for itself. What is sent is
    numbered and kept until the other side says that everything up to there is finished;
    after a reconnect it is sent again from where the other side stands. No sockets: frames
    leave through a function.  */

#pragma once

#include "bus/port.h"

typedef struct kept kept_t;

typedef void transmit_fn(void *transmit_to, bytes_t header, blob_t *payload);
typedef void bury_fn(void *bury_to, const envelope_t *envelope, err_t why);

typedef struct ipc_link {
    uint64_t epoch;    /* ours */
    uint64_t sent;     /* last number given out */
    uint64_t acked;    /* the other side has finished everything up to here */
    uint64_t admitted; /* last number taken in */
    kept_t *first, **last;
    size_t n_answers; /* among the kept: replies and errors */
    size_t n_tasks;   /* commands and requests */
    size_t n_events, event_bytes;
    transmit_fn *transmit;
    void *transmit_to;
} ipc_link_t;

void ipc_link_init(ipc_link_t *self, uint64_t epoch, transmit_fn *transmit, void *transmit_to);
/*  Forgets what is kept.  */
void ipc_link_release(ipc_link_t *self);

/*  Hands on the answers and events that are kept: the other side will not say that it got
    them.  */
void ipc_link_bury(const ipc_link_t *self, bury_fn *bury, void *bury_to, err_t why);

/*  Numbers the message, keeps it, sends it.  */
void ipc_link_send(ipc_link_t *self, envelope_t *envelope, blob_t *payload);
/*  Sends without a number: what belongs to the connection itself.  */
void ipc_link_tell(ipc_link_t *self, envelope_t *envelope, blob_t *payload);
/*  Everything kept from that number on goes again, marked FLAG_REDELIVERED.  */
void ipc_link_resend(ipc_link_t *self, uint64_t from);
/*  False, and nothing happens, if that number was never sent.  */
bool ipc_link_acknowledge(ipc_link_t *self, uint64_t done);
/*  The lowest number that the other side can still get.  */
uint64_t ipc_link_lowest(const ipc_link_t *self);

/*  Takes a number in: once, and in order.  */
admission_t ipc_link_admit(ipc_link_t *self, uint64_t seq);
