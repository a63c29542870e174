/*  net - connections that carry whole frames, as an actor sees them.

    An actor with net_handlers dials or listens through its context and is told what
    happens. Who moves the bytes is the host's business: a driver. The program hands the
    threaded host a WebSocket driver (actors/net/websocket.h); the simulator brings its own,
    with seeded delays and cuts. runtime/ itself knows no protocol.  */

#pragma once

#include "runtime/actor.h"

typedef uint64_t conn_t; /* never reused in a process; 0 is none */

/*  A request to become a connection, on the listening side.  */
typedef struct net_upgrade {
    bool upgrade; /* false: a plain HTTP request */
    conn_t conn;  /* of a plain one, to answer it later; else 0 */
    const char *method;
    const char *path;          /* without the query */
    const char *query;         /* raw, without '?'; may be empty */
    const char *protocol;      /* sub-protocols offered, as sent; empty: none */
    const char *origin;        /* empty: none */
    const char *host;          /* that header; empty: none */
    const char *authorization; /* that header; empty: none. A secret: never logged */
    const char *peer;          /* address, for logs */
} net_upgrade_t;

/*  As a status: net_reply() gives the answer to this plain request.  */
enum { NET_LATER = 1 };

typedef struct net_answer {
    int status;           /* 101 accepts an upgrade; anything else is the HTTP answer */
    const char *protocol; /* accepted sub-protocol or NULL */
    const char *type;     /* content type of body; NULL: text/plain */
    const char *headers;  /* more lines, each with its CR LF; NULL: none */
    const char *body;     /* may be NULL */
    uint64_t token;       /* handed to on_open of this connection */
} net_answer_t;

struct net_handlers {
    /*  Listening side, before anything is allocated for the peer. Texts in answer must
        live until the handler returns to the host (the context's arena does).  */
    err_t (*on_upgrade)(void *state, ctx_t *ctx, const net_upgrade_t *upgrade,
                        net_answer_t *answer);
    /*  Listening side: token is the answer's; dialling side: 0.  */
    err_t (*on_open)(void *state, ctx_t *ctx, conn_t conn, uint64_t token);
    /*  One whole frame, assembled; valid until the handler returns.  */
    err_t (*on_frame)(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary);
    /*  What net_send() had queued is (nearly) gone.  */
    err_t (*on_drained)(void *state, ctx_t *ctx, conn_t conn);
    /*  Also for a dial that failed: status is then the HTTP status, or 0. Exactly once per
        conn; conn is invalid afterwards.  */
    err_t (*on_close)(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason);
};

typedef struct net_limits {
    size_t max_frame;      /* bytes accepted; larger closes with 1009 */
    size_t max_fragments;  /* frames one message may be split into */
    uint32_t ping_s;       /* ping after so many silent seconds; 0: never */
    uint32_t hangup_s;     /* closed after so many seconds without an answer; > ping_s */
    uint32_t handshake_ms; /* listening side: until a peer is accepted or its request is
                              answered; 0: the driver's */
    uint32_t max_peers;    /* listening side: sockets at a time, more are hung up on at once;
                              0: the driver's */
} net_limits_t;

/*  Listens on HOST:PORT (port 0: any). *port tells which. One listener an actor.
    ERR_EXISTS: the port is taken.  */
CHECKED err_t net_listen(ctx_t *ctx, const char *address, const net_limits_t *limits, int *port,
                         fault_t *fault);

/*  The same, encrypted if there is a certificate.  */
typedef struct net_listen {
    const char *address;
    const char *certificate; /* PEM file with its chain; NULL or empty: ws, not wss */
    const char *key;         /* PEM file */
    const char *actor;       /* who listens; filled in on the way to the driver */
} net_listen_t;
CHECKED err_t net_listen_as(ctx_t *ctx, const net_listen_t *request, const net_limits_t *limits,
                            int *port, fault_t *fault);

/*  Answers a plain request that was put off with NET_LATER; all of it is copied. Does nothing
    if that peer is gone, or waits for no answer any more. What is never answered is hung up on
    after handshake_ms.  */
void net_reply(ctx_t *ctx, conn_t conn, const net_answer_t *answer);

/*  Starts to connect to ws[s]://HOST:PORT/PATH?QUERY with that sub-protocol. 0 and fault for
    a URL that makes no sense; everything later comes to on_open or on_close.  */
conn_t net_dial(ctx_t *ctx, const char *url, const char *protocol, const net_limits_t *limits,
                fault_t *fault);

/*  The same with a header of ours. Texts are copied.  */
typedef struct net_dial {
    const char *url;
    const char *protocol;      /* NULL: none */
    const char *authorization; /* value of that header; NULL: none. Never in the clear */
    const char *ca_file;       /* PEM file: whom to trust; NULL or empty: the system's */
} net_dial_t;
conn_t net_dial_as(ctx_t *ctx, const net_dial_t *request, const net_limits_t *limits,
                   fault_t *fault);
/*  Queues one frame, copied. A conn that is gone is ignored.  */
void net_send(ctx_t *ctx, conn_t conn, bytes_t frame, bool binary);
/*  Bytes queued and not yet taken by the system. Senders look before they produce more.  */
size_t net_queued(ctx_t *ctx, conn_t conn);
/*  Stops (true) or resumes reading: the peer feels it.  */
void net_pause(ctx_t *ctx, conn_t conn, bool pause);
/*  Sends what is queued, then closes with that WebSocket code. on_close follows.  */
void net_close(ctx_t *ctx, conn_t conn, int code, const char *reason);

/*  ------------------------------------------------------------------- for drivers  */

typedef struct net net_t; /* one driver's state for one actor */

/*  What a driver calls, always from inside wait() or dial(), on the actor's thread.  */
typedef struct net_sink {
    void *host;
    void (*upgrade)(void *host, const net_upgrade_t *upgrade, net_answer_t *answer);
    void (*open)(void *host, conn_t conn, uint64_t token);
    void (*frame)(void *host, conn_t conn, bytes_t frame, bool binary);
    void (*drained)(void *host, conn_t conn);
    void (*close)(void *host, conn_t conn, int status, const char *reason);
} net_sink_t;

typedef struct net_driver {
    const char *name;
    /*  wake_fds: when one can be read, wait() returns. They stay the caller's (a driver
        that must own what it polls dup()s them).  */
    net_t *(*open)(const net_sink_t *sink, const int *wake_fds, size_t n_wake_fds);
    void (*close)(net_t **self);
    /*  Serves the sockets until something happened, a wake fd is readable, or timeout_ms
        has passed (-1: no limit; 0: do not sleep).  */
    void (*wait)(net_t *self, int timeout_ms);
    err_t (*listen)(net_t *self, const net_listen_t *request, const net_limits_t *limits,
                    int *port, fault_t *fault);
    conn_t (*dial)(net_t *self, const net_dial_t *request, const net_limits_t *limits,
                   fault_t *fault);
    void (*send)(net_t *self, conn_t conn, bytes_t frame, bool binary);
    size_t (*queued)(net_t *self, conn_t conn);
    void (*pause)(net_t *self, conn_t conn, bool pause);
    void (*hang_up)(net_t *self, conn_t conn, int code, const char *reason);
    void (*reply)(net_t *self, conn_t conn, const net_answer_t *answer);
} net_driver_t;
