/*  tasks - what a peer is to handle: commands and requests that others have sent it.

    They wait here for their turn; have a number on the link to the peer while it works on
    them; and a request stays until it is answered. What comes in beyond their limits is
    refused, so that a slow peer costs nobody else anything.  */

#pragma once

#include "bus/blob.h"
#include "bus/envelope.h"

enum {
    TASKS_AT_MOST = 1024,
    TASKS_BYTES = 8 << 20,
    TASKS_AHEAD = 32,   /* sent and not acknowledged: the rest is not at risk with the peer */
    TASKS_ATTEMPTS = 3, /* deliveries of one, each to another process of that name */
};

typedef struct task {
    struct task *next;
    uint64_t seq; /* on the link to the peer; 0: it waits */
    bool handled; /* acknowledged: a request whose answer is still to come */
    envelope_t envelope;
    envelope_names_t names; /* its texts */
    blob_t *payload;        /* NULL once handled */
} task_t;

/*  In the order they came. Zero is empty.  */
typedef struct tasks {
    task_t *first, *last;
    size_t n, bytes;
} tasks_t;

bool tasks_have_room(const tasks_t *self, size_t bytes);
void tasks_add(tasks_t *self, const envelope_t *envelope, blob_t *payload);
/*  Takes the first out; it is the caller's then. NULL: there is none.  */
task_t *tasks_take_first(tasks_t *self);
void tasks_append(tasks_t *self, task_t *task);
void tasks_mark_handled(tasks_t *self, task_t *task);
void tasks_drop(tasks_t *self, task_t *task);
void task_destroy(task_t **self);

/*  NULL: there is none. A request that was handed to the peer, by its id; the first that
    waits.  */
task_t *tasks_find_request(const tasks_t *self, const uint8_t id[16]);
task_t *tasks_first_waiting(const tasks_t *self);
