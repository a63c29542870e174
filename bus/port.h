/*  port - one actor's end of the bus, without sockets.

    Keeps what the bus promises and moves nothing itself: credit and order on every link,
    parked messages, conflated hints, subscriptions. Frames leave through a transport and
    are handed in by whoever received them; the threaded host, the simulator and the ipc
    gateway share this one implementation. Not for use from several threads at once.

    A link is a pair (sender, receiver) on the lo lane. Its messages are numbered from 1 in
    an epoch, the sender's incarnation. The receiver admits them in order and exactly once,
    and returns CREDIT{done, window} when they are done; a sender without credit parks.
    Nothing ever blocks: what cannot go is kept here, and port_parked() tells the owner to
    take no new work until it is gone.  */

#pragma once

#include "bus/blob.h"
#include "bus/envelope.h"

typedef struct transport {
    void *self;
    /*  Takes the header (copied) and the payload (the transport takes its own reference).
        Never blocks. ERR_NO_ROUTE if there is no such actor.  */
    err_t (*put)(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload);
    uint64_t (*now_ns)(void *self); /* monotonic */
    uint64_t (*random)(void *self);
    int64_t (*wall_ms)(void *self);
    /*  A message that will not be delivered, and why.  */
    void (*dead)(void *self, const envelope_t *envelope, bytes_t payload, err_t why);
} transport_t;

enum {
    PORT_WINDOW = 1024,          /* messages on a link that are not done, at most */
    PORT_WINDOW_BYTES = 8 << 20, /* the same in bytes; one message always goes */
    PORT_EVENT_QUEUE = 100000,   /* events kept for a subscriber without credit */
    PORT_EVENT_BYTES = 64 << 20,
};

typedef struct port port_t;

/*  name and transport must outlive it. epoch: greater than that of any earlier port of this
    name.  */
port_t *port_new(const char *name, const transport_t *transport, uint64_t epoch);
void port_destroy(port_t **self);

/*  ---------------------------------------------------------------------- sending  */

/*  Completes the envelope (from, id, epoch, seq, sent_ns, hash, and trace if zero) and sends
    or keeps the message. `to` may be "ipc/NAME": the part before the slash is who carries it.
    REQ and CAST park without credit; EVT is queued, and beyond the queue a dead letter
    (ERR_OVERFLOW); with FLAG_CONFLATE an unsent message of the same type and key is
    overwritten; kinds of the hi lane always go. *id (may be NULL) is the message's id.
    ERR_NO_ROUTE: the message is a dead letter already.  */
err_t port_send(port_t *self, envelope_t *draft, blob_t *payload, uint8_t id[16]);

/*  To every subscriber whose pattern matches draft->type.  */
void port_publish(port_t *self, envelope_t *draft, blob_t *payload);
void port_subscribe(port_t *self, const char *pattern, const char *subscriber);
void port_unsubscribe(port_t *self, const char *pattern, const char *subscriber);
/*  Would anybody get an event of that type?  */
bool port_has_subscriber(const port_t *self, const char *type);
/*  A REQ or CAST waits for credit.  */
bool port_parked(const port_t *self);
/*  Messages the link would take now.  */
uint32_t port_credit(port_t *self, const char *to);
/*  All that waits for credit becomes a dead letter: its sender stops.  */
void port_give_up(port_t *self, err_t why);

/*  An actor goes. Closed: it gets nothing new (ERR_NO_ROUTE) and no events, but what waits for
    its credit; once nothing is owed to it, it can stop. Then it is forgotten: one that comes
    later under its name begins anew.  */
void port_close(port_t *self, const char *to);
bool port_owes(const port_t *self, const char *to);
void port_forget(port_t *self, const char *to);

/*  -------------------------------------------------------------------- receiving  */

typedef enum admission {
    ADMIT,       /* handle it, then port_done() */
    DUPLICATE,   /* seen on this link: drop it; its credit is sent again */
    OUT_OF_ORDER /* an earlier one is missing, which inside a process is a bug: drop it */
} admission_t;

/*  For each message of the lo lane.  */
admission_t port_admit(port_t *self, const envelope_t *envelope, size_t bytes);
/*  Admitted, and now handled, refused or dead: in the order admitted.  */
void port_done(port_t *self, const envelope_t *envelope);
/*  Sends credit that is owed, once it is worth a message. At the end of a round.  */
void port_settle(port_t *self);

/*  CREDIT, from the hi lane (its seq: done up to here): windows open, parked messages leave.
 *freed (may be NULL) is set to the peer's name if a link without credit has some again.  */
void port_on_credit(port_t *self, const envelope_t *envelope, const char **freed);

/*  ---------------------------------------------------------------------- its state  */

/*  Adds, as msgpack, what a new port needs to go on in its place. Nothing may wait for credit
    or be under way to its owner.  */
void port_pack_state(const port_t *self, buffer_t *out);
/*  For a new port. False: that is no such state, and the port must not be used.  */
struct cursor; /* pack.h */
CHECKED bool port_take_state(port_t *self, struct cursor *in);

/*  ------------------------------------------------------------------- what it knows  */

/*  What follows may be called by any thread while the port lives. Numbers are those of a
    moment ago, one by one.  */

typedef struct port_stats {
    uint64_t sent;     /* with a number */
    uint64_t answered; /* and without one: those of the hi lane */
    uint64_t received, done, duplicates, dead, events_dropped;
    uint64_t parked, queued, in_flight; /* now */
} port_stats_t;
port_stats_t port_stats(const port_t *self);
/*  Whose credit a parked message waits for; NULL if nothing is parked.  */
const char *port_parked_on(const port_t *self);

/*  One half of a link.  */
typedef struct link_seen {
    const char *peer;
    uint64_t sent;    /* of an incoming one: admitted */
    uint64_t done;    /* of an outgoing one: as far as credit has told */
    uint64_t waiting; /* kept for want of credit */
} link_seen_t;
/*  The i-th, in no particular order; false: there are not so many.  */
bool port_outgoing(const port_t *self, size_t i, link_seen_t *seen);
bool port_incoming(const port_t *self, size_t i, link_seen_t *seen);

/*  For every link: sent = done + in flight, and in flight ≤ window. False names a bug.  */
bool port_consistent(const port_t *self);
