/*  link - the two halves of a link, and what waits for credit on it. Private to the port.  */

#pragma once

#include "bus/counter.h"
#include "bus/port.h"

/*  A lo message that could not go yet. Texts of its envelope are in the block itself.  */
typedef struct waiting {
    struct waiting *next;
    envelope_t envelope;
    blob_t *payload;
    char texts[];
} waiting_t;

/*  The sending half of a link. Other threads walk these lists and read the counters: a link is
    complete when it is put in front of its list, and stays as long as its port.  */
typedef struct out_link {
    struct out_link *next;
    char to[NAME_ROOM + 1];
    counter_t seq;    /* of the last message sent */
    counter_t done;   /* the receiver is done with everything up to here */
    counter_t kept;   /* waiting */
    counter_t parked; /* those among them that park their sender */
    size_t bytes;     /* sent and not done */
    uint32_t sizes[PORT_WINDOW];
    waiting_t *first, **last;
    size_t n_events, event_bytes; /* among the waiting */
    bool starved;                 /* somebody found no credit here */
    bool closed;                  /* takes nothing new */
} out_link_t;

/*  The receiving half.  */
typedef struct in_link {
    struct in_link *next;
    char from[NAME_ROOM + 1];
    uint64_t epoch;
    counter_t admitted; /* last seq */
    counter_t done;
    size_t owed, owed_bytes; /* done since the last credit */
    bool prompt, again;      /* credit soon; credit even if nothing is owed */
} in_link_t;

typedef _Atomic(out_link_t *) out_links_t;
typedef _Atomic(in_link_t *) in_links_t;

/*  "ipc/NAME" is carried by "ipc": a link is with the carrier, which comes first.  */
size_t carrier_length(const char *name);

/*  Finds the link with the carrier of that name, or makes it.  */
out_link_t *out_link(out_links_t *list, const char *to);
in_link_t *in_link(in_links_t *list, const char *from);
/*  NULL if there is none.  */
out_link_t *find_out_link(out_link_t *list, const char *to);
void out_links_free(out_links_t *list);
void in_links_free(in_links_t *list);

uint64_t out_link_in_flight(const out_link_t *self);
bool out_link_has_credit(const out_link_t *self);
/*  Puts the payload in the place of a waiting hint of the same type and key. False: there is
    none.  */
bool out_link_overwrite(out_link_t *self, const envelope_t *envelope, blob_t *payload);

/*  Does such a message park its sender? Events and hints do not.  */
bool waiting_parks(const envelope_t *envelope);
waiting_t *waiting_new(const envelope_t *envelope, blob_t *payload);
void waiting_free(waiting_t *self);
