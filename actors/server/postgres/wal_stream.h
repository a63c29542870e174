/*  wal_stream - the write-ahead log of a database as it comes, through a logical slot.

    One replication connection. In the order of life:

        wal_stream_open()      connects; tells which system and how far it is
        wal_stream_create()    only if there is no slot: its snapshot, to be copied from, is
                               there until the next call other than _created()
        wal_stream_start()     from then on nothing waits any more
        wal_stream_next()      until WAL_NOTHING or the caller's budget ends
        wal_stream_confirm()   what is durable

    open waits, with the limits of pg.h. The others never wait: the owner watches
    wal_stream_fd() for wal_stream_ready(), which may be another set after each call, and calls
    wal_stream_next() (or _created()) when it is ready. What is wrong with the slot is told by
    the first of these. It confirms at least every wal_stream_pause_ms(), also while it is busy
    with a large transaction, or the database takes it for dead. What the database asks to be
    confirmed at once is answered by the next call of either, and so is much that has come.

    After any error the connection is of no use: wal_stream_close(), and from the beginning.
    Errors, besides those of pg.h:
        ERR_EXISTS      another connection uses the slot, or a slot of that name exists
        ERR_NOT_FOUND   there is no such slot
        ERR_GAP         what the slot kept is gone: drop it, and copy everything again
        ERR_PROTOCOL    what came cannot be from PostgreSQL  */

#pragma once

#include "actors/settings.h"
#include "schemas/base.h"

enum { WAL_NAME = 64 };

typedef struct wal_stream wal_stream_t;

/*  What the other end is.  */
typedef struct wal_system {
    char id[WAL_NAME];
    int64_t timeline;
    uint64_t lsn; /* everything before is safe on its disk */
} wal_system_t;

typedef struct wal_snapshot {
    uint64_t consistent; /* commits from here on come through the slot, all before are in it */
    char name[WAL_NAME]; /* for SET TRANSACTION SNAPSHOT */
} wal_snapshot_t;

typedef enum wal_kind { WAL_NOTHING, WAL_DATA, WAL_KEEPALIVE } wal_kind_t;

typedef struct wal_message {
    wal_kind_t kind;
    bytes_t bytes; /* WAL_DATA: for pgoutput_read(); until the next call */
    /* WAL_KEEPALIVE: everything before was sent, so that whoever has nothing unfinished can
       confirm it, also if it was all about other tables.  */
    uint64_t end;
} wal_message_t;

wal_stream_t *wal_stream_new(const settings_t *settings);
void wal_stream_destroy(wal_stream_t **self);
/*  Gives the connection up.  */
void wal_stream_close(wal_stream_t *self);

CHECKED err_t wal_stream_open(wal_stream_t *self, wal_system_t *system, fault_t *fault);

/*  Asks for a new slot; transactions that are open now have to end first.  */
CHECKED err_t wal_stream_create(wal_stream_t *self, const char *slot, fault_t *fault);
/*  *done: it is there.  */
CHECKED err_t wal_stream_created(wal_stream_t *self, wal_snapshot_t *snapshot, bool *done,
                                 fault_t *fault);

/*  Commits come that begin at lsn or behind, but for those that were confirmed before.  */
CHECKED err_t wal_stream_start(wal_stream_t *self, const char *slot, uint64_t lsn,
                               fault_t *fault);

int wal_stream_fd(const wal_stream_t *self);    /* -1: not connected */
int wal_stream_ready(const wal_stream_t *self); /* FD_READ, and FD_WRITE while some is unsent */
uint64_t wal_stream_pause_ms(const wal_stream_t *self);

CHECKED err_t wal_stream_next(wal_stream_t *self, wal_message_t *message, fault_t *fault);
/*  The next confirmation asks for a keepalive: how far the log has been looked through.  */
void wal_stream_ask(wal_stream_t *self);
/*  Everything before durable is on our disk, and never needed again: it only rises.  */
CHECKED err_t wal_stream_confirm(wal_stream_t *self, uint64_t durable, fault_t *fault);
