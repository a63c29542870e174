/*  judge - decides what clients send: the half of a backend that client-changes works with.

    One judge for each kind of database: it checks and applies whole local transactions of
    clients, and stores each verdict in the transaction that makes it. The feed of what was
    committed is the other half, the actor replicator; snapshots and the history are read from
   an SQLite file in any case (settings_server_file()), the database itself or its cache.  */

#pragma once

#include "actors/settings.h"
#include "runtime/actor.h"
#include "schemas/message.h"

typedef struct judge judge_t;

/*  One request of a client, its changes in the order recorded, and one verdict each to be
    filled: all zero until then. Verdicts and what they name live in the arena of the round.  */
typedef struct judged {
    const client_changes_t *request;
    const char *user; /* empty: users are not known */
    verdict_t *verdicts;
} judged_t;

typedef struct judge_round {
    judged_t *items; /* each client's in the order they came */
    size_t n;
    /*  Asked before each local transaction, with the bytes of rows that this round's answers
        give back so far: false leaves what is left of its request undecided.  */
    bool (*may_go_on)(void *arg, const judged_t *item, size_t answer_bytes);
    void *arg;
    /* Afterwards: */
    uint64_t lsn;       /* the newest position, if its rows can be read at once; else 0 */
    uint64_t wal_pages; /* of the file that clients are served from, if this wrote to it */
} judge_round_t;

typedef struct judge_class {
    const char *name;
    /*  Makes the database what the judge needs. ERR_CONFIG and the like: the server cannot
        start. Trouble that may pass is none: it is told by decide().  */
    err_t (*open)(ctx_t *ctx, judge_t **self, fault_t *fault);
    void (*close)(judge_t **self);
    /*  ERR_PERMISSION_DENIED if the client id belongs to another user. Another error is trouble
        of the database: nothing is known then.  */
    err_t (*check_client)(judge_t *self, const char *client_id, const char *user,
                          fault_t *fault);
    /*  Decides and commits, with watched_judged() before each commit. An error is trouble of
       the database. What has no verdict then (its verdict is NULL) was not decided: it is put
       off, and with it whatever else its session sends.  */
    err_t (*decide)(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault);
} judge_class_t;

extern const judge_class_t embedded_judge; /* embedded/judge.c: SQLite */
extern const judge_class_t postgres_judge; /* postgres/judge.c */
