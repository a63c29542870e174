/*  session - one client's connection: what it was sent, what it asked, what it may get next.

    Data is pulled for it from the distributor, one chunk at a time, while it has room:
    fewer than stream.window frames unacknowledged, and little queued on its socket. A client
    of the JSON encoding has room for one chunk at a time, and live for whatever its socket
    takes.  */

#pragma once

#include "actors/server/arrange.h"
#include "actors/server/sent_changes.h"
#include "actors/server/upgrade.h"
#include "actors/server/window.h"

/*  Frames, for whoever wants to know.  */
typedef struct tally {
    uint64_t received, sent;
    uint64_t rejected; /* answered with srv_error */
    uint64_t ignored;  /* of unknown types */
} tally_t;

/*  A chunk that a client of the JSON encoding has not named yet.  */
typedef struct delivery {
    bool open;
    char *table; /* of a page, as it was sent; NULL: a chunk of a catch-up */
    uint64_t chunk;
    uint64_t lsn; /* after it */
    uint64_t since_ms;
    buffer_t frame;
} delivery_t;

/*  A row that won against a change, to be shown to its client when that is live.  */
typedef struct held {
    struct held *next;
    server_change_t change;
    bytes_t key; /* {id: value} */
    arena_t arena;
} held_t;

void held_destroy(held_t **self);
void delivery_release(delivery_t *self);

typedef struct session {
    uint64_t number; /* on the bus; never reused */
    conn_t conn;     /* 0: accepted, not open yet */
    uint64_t since_ms;
    visitor_t visitor;
    char epoch[UUID_TEXT]; /* the server's */

    window_t window;
    uint64_t sent;     /* position after the last chunk */
    uint64_t position; /* acknowledged */
    uint64_t snapshot_lsn;
    int64_t snapshot_clock;

    delivery_t delivery;
    sent_t *uploads; /* not decided yet, oldest first */
    held_t *held;
    size_t n_held, held_bytes;
    family_t family; /* for a JSON client */
    uint64_t began;  /* where its catch-up did */
    uint64_t count;  /* changes in that */
    uint64_t missed; /* position of a row that it must be told of when it is live */

    bool asked;      /* its stream was asked for */
    bool described;  /* it got the schema */
    bool opened;     /* its stream is */
    bool pulling;    /* a chunk was asked for */
    bool idle;       /* there was none */
    bool woken;      /* there may be one by now */
    bool completing; /* the snapshot's end waits for the last page's acknowledgement */
    bool processing; /* it has the snapshot, and has not said that it is done with it */
    bool given_up;   /* its catch-up */
    bool live;
    bool paused; /* it is not read from */
    bool closing;

    unsigned requests;     /* of its own, not answered yet */
    uint64_t paid_us;      /* when its changes so far have used up their time */
    unsigned failures;     /* of its stream, in a row */
    const char *answering; /* the name of the frame that is being answered */
    tally_t tally;
} session_t;

session_t *session_new(uint64_t number, const visitor_t *visitor, uint64_t now_ms);
void session_destroy(session_t **self);

/*  Its timers: one is set for it by that number.  */
typedef enum session_timer {
    TIMER_OPEN,
    TIMER_REMIND,
    TIMER_RECHECK,
    TIMER_PACE,
    SESSION_TIMERS
} session_timer_t;
uint64_t session_timer(const session_t *self, session_timer_t timer);
void session_cancel_timers(const session_t *self, ctx_t *ctx);

/*  A frame in the encoding of the client; and one that is packed, on its way.  */
void session_pack(const session_t *self, ctx_t *ctx, message_id_t id, const void *body,
                  buffer_t *out);
void session_put(session_t *self, ctx_t *ctx, bytes_t frame);
void session_send(session_t *self, ctx_t *ctx, message_id_t id, const void *body);
#define TELL(self, ctx, name, ...) session_send(self, ctx, MSG_##name, &(name##_t){__VA_ARGS__})
/*  The connection ends; its stream ends now.  */
void session_close(session_t *self, ctx_t *ctx, int code, const char *reason);
/*  A request of its came to nothing: closes it, and says whether to come again.  */
void session_fail(session_t *self, ctx_t *ctx, const failure_t *failure);

/*  Its stream begins, or begins again, after lsn; epoch may be empty.  */
void session_open_stream(session_t *self, ctx_t *ctx, uint64_t lsn, const char *epoch);
/*  Its stream has failed: it begins again where the client stands.  */
void session_reopen_stream(session_t *self, ctx_t *ctx);
/*  Its stream begins again, with a snapshot.  */
void session_begin_anew(session_t *self, ctx_t *ctx, const char *reason);
/*  Its position is of no use here: if its stream fails, it begins again with a snapshot.  */
void session_forget_position(session_t *self);
/*  Asks for a chunk if there is room for one.  */
void session_pull(session_t *self, ctx_t *ctx);
/*  Its socket has taken what was queued.  */
void session_go_on(session_t *self, ctx_t *ctx);
/*  There may be something for it.  */
void session_wake(session_t *self, ctx_t *ctx);

/*  The client has committed up to lsn.  */
void session_acknowledge(session_t *self, ctx_t *ctx, uint64_t lsn);
/*  It has committed a page.  */
void session_acknowledge_page(session_t *self, ctx_t *ctx);
/*  Once every page is acknowledged.  */
void session_complete_snapshot(session_t *self, ctx_t *ctx);

/*  Requests on behalf of the client: too many, and it is not read from until one ends.  */
void session_begin_request(session_t *self, ctx_t *ctx);
void session_end_request(session_t *self, ctx_t *ctx);
/*  Each change and each byte takes its share of a second; who is more than a second ahead of
    that is not read from until the time has come: its timer, TIMER_PACE.  */
void session_charge_changes(session_t *self, ctx_t *ctx, size_t n);
void session_charge_bytes(session_t *self, ctx_t *ctx, size_t n);
