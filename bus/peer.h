/*  peer - what the gateway knows of one process that joined.

    A message of a peer is an errand: it waits here until its target has credit, and counts
    as finished when the target's handler is done with it. The peer is told of the finished
    ones in order, so what it hears means: everything up to here has been handled. The
    window that it may send ahead follows from that; a target that stands still stops this
    peer and nobody else.  */

#pragma once

#include "bus/ipc_frame.h"
#include "bus/ipc_link.h"
#include "bus/tasks.h"

enum {
    PEER_WINDOW = 256,            /* errands not finished, and answers not acknowledged */
    PEER_WAITING_BYTES = 8 << 20, /* of errands whose target has no credit */
    PEER_EVENTS = 10000,          /* unacknowledged; beyond, events are lost and counted */
    PEER_EVENT_BYTES = 16 << 20,
    PEER_PATTERNS = 64
};

typedef struct errand errand_t;

typedef struct peer {
    struct peer *next;
    char name[PEER_NAME_ROOM + 1];
    char address[NAME_ROOM + 1]; /* "ipc/NAME" */
    uint64_t epoch;              /* its own */
    ipc_link_t link;
    void *owner;   /* for transmit, which is handed the peer */
    bool attached; /* frames reach it, as far as we know */
    uint64_t heard_ns, pinged_ns;
    errand_t *first, **last; /* in the order of their numbers */
    size_t n_waiting, waiting_bytes;
    bool turned_away;   /* a message found no room: ask for it again */
    uint64_t asked_for; /* last number asked for with a NAK */
    uint64_t done;      /* errands finished without a gap */
    uint64_t told_done, told_limit;
    char patterns[PEER_PATTERNS][NAME_ROOM + 1];
    size_t n_patterns;
    uint64_t n_lost;         /* events that found no room, and the peer was not told */
    type_list_t takes, says; /* as its HELLO has declared */
    tasks_t tasks;           /* what others have sent it */
} peer_t;

/*  lowest: the number of the first message that can still come from it. transmit is handed
    the peer.  */
peer_t *peer_new(const hello_t *hello, uint64_t lowest, uint64_t our_epoch,
                 transmit_fn *transmit, void *owner);
void peer_destroy(peer_t **self);

/*  The peer is gone: hands on what it has said and nobody got, and what it was told and has not
    acknowledged.  */
void peer_bury(peer_t *self, bury_fn *bury, void *bury_to, err_t why);

/*  ADMIT: it has the next number, is within the window, and there is room.  */
admission_t peer_admit(peer_t *self, uint64_t seq, size_t bytes);
/*  Message seq was not admitted: asks for what is missing before it, once.  */
void peer_ask_again(peer_t *self, uint64_t seq);
/*  An admitted message that goes to an actor. Takes over the payload.  */
void peer_add_errand(peer_t *self, const envelope_t *draft, blob_t *payload);
/*  An admitted message that goes to a peer, who has it by now.  */
void peer_add_handed(peer_t *self, const envelope_t *draft);
/*  That one is finished.  */
void peer_on_handled(peer_t *self, const uint8_t id[16]);
/*  An admitted message that was refused, an answer, an event.  */
void peer_add_finished(peer_t *self);
/*  Sends what waits and whose target has credit.  */
void peer_forward(peer_t *self, port_t *port);
/*  target has finished the messages of its link up to that number.  */
void peer_on_done(peer_t *self, const char *target, uint64_t done);
/*  Do messages of it wait for credit of that actor?  */
bool peer_waits_for(const peer_t *self, const char *target);
/*  The actor is gone: all that was for it counts as finished. Of what it never got, refuse
   tells the peer.  */
typedef void refuse_fn(peer_t *self, const envelope_t *envelope);
void peer_give_up(peer_t *self, const char *target, refuse_fn *refuse);
/*  Tells the peer what is finished and how far it may go, if that has changed or must be
    said (again).  */
void peer_settle(peer_t *self, bool again);

bool peer_hears(const peer_t *self, const char *type);
bool peer_has_pattern(const peer_t *self, const char *pattern);
/*  False: it has PEER_PATTERNS already.  */
bool peer_add_pattern(peer_t *self, const char *pattern);
void peer_remove_pattern(peer_t *self, const char *pattern);
/*  Sends an event; false: the peer is too slow, the event is lost.  */
bool peer_offer(peer_t *self, const envelope_t *event, blob_t *payload);
/*  If events were lost and there is room again, says so.  */
void peer_tell_lost(peer_t *self);
/*  Sends an answer; those are never lost.  */
void peer_answer(peer_t *self, const envelope_t *answer, blob_t *payload);
/*  Something of the connection itself. Takes over the payload; NULL: empty.  */
void peer_tell(peer_t *self, envelope_kind_t kind, const char *type, uint64_t seq,
               blob_t *payload);
