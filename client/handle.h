/*  handle - what a waybill_t is made of, for the files of this folder.  */

#pragma once

#include "bus/ipc_client.h"
#include "client/waybill.h"

enum { TICK_MS = 1000 };

typedef struct taken taken_t;

/*  What has come, oldest first.  */
typedef struct intake {
    taken_t *first, *last;
    size_t n_events;
    bool overflowed;
} intake_t;

/*  A write that was sent and has no answer yet.  */
typedef struct sent_write {
    struct sent_write *next;
    uint64_t ask; /* 0: to be asked again */
    arena_t arena;
    write_t write;
} sent_write_t;

/*  Changes on their way into one write.  */
typedef struct batch {
    arena_t arena;
    write_t write;
    size_t room;
} batch_t;

typedef struct subscription {
    struct subscription *next;
    uint64_t number; /* 0: cancelled, and to be removed */
    unsigned kinds;
    char *table, *id;
    waybill_event_fn *callback;
    void *context;
} subscription_t;

struct waybill {
    ipc_client_t *client;
    int timeout_ms;
    waybill_error_t error;
    /* recording */
    batch_t *batch; /* NULL: none is open */
    sent_write_t *sent;
    size_t n_sent;
    /* events */
    intake_t intake;
    subscription_t *subscriptions;
    uint64_t n_subscribed, n_delivered;
    unsigned kinds; /* that the agent was asked for */
    arena_t arena;  /* of the event being delivered */
    bool dispatching;
    /* the connection */
    bool connected;
    uint64_t joins;
    uint64_t ticked_ns;
    bool heard; /* of a change, since the last tick */
    /* reading */
    struct reader *reader;
    int64_t version; /* of the database when all was read */
    waybill_cache_t *caches;
    waybill_live_t *lives;
};

/*  The end of a public call: remembers the error, gives its code.  */
waybill_code_t handle_say(waybill_t *self, const fault_t *fault);
waybill_code_t handle_refuse(waybill_t *self, waybill_code_t code, const char *format, ...)
    PRINTF_LIKE(3, 4);
waybill_code_t handle_code(err_t err);

/*  Now plus that, in ns; UINT64_MAX for a negative one.  */
uint64_t handle_until(int timeout_ms);
uint64_t handle_now_ns(void);
/*  What is left until then, at most that; -1 for UINT64_MAX without a limit.  */
int handle_left_ms(uint64_t until_ns);

/*  Asks the agent to be told of these kinds of events.  */
CHECKED err_t handle_hear(waybill_t *self, unsigned kinds, fault_t *fault);
