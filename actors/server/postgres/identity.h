/*  identity - which history a database is, and whether the cache of this server belongs to it.

    Positions of two histories must never be mixed. The one that the database has now is in
    waybill.identity, shared by all servers: its epoch, and the system and timeline that it was
    made on. On each new connection, with the stream open (wal_stream.h):

        identity_prepare()   makes schema waybill, if anything of it is missing
        identity_check()     compares database, slot and cache, registers this server, and tells
                             what is to be done; it writes a new epoch where positions have
                             lost their meaning
        found.rebuild:       the cache forgets its slot, then identity_drop_slot(), and when
                             wal_stream_created() says so, identity_took_slot()

    and then, as often as postgres.heartbeat_ms says, identity_beat(). Both check and beat give
    a count that the caller writes to its cache afterwards: a database that knows less of it is
    an older copy.  */

#pragma once

#include "actors/server/postgres/pg.h"
#include "actors/server/postgres/wal_stream.h"

typedef struct identity identity_t;

/*  ERR_CONFIG: postgres.name is no name.  */
CHECKED err_t identity_new(const settings_t *settings, identity_t **self, fault_t *fault);
void identity_destroy(identity_t **self);
/*  waybill_NAME; the name is postgres.name, or that of the machine.  */
const char *identity_slot(const identity_t *self);

/*  Adds the names of all tables that schema waybill has.  */
void identity_tables(pg_array_t *names);
CHECKED err_t identity_prepare(identity_t *self, pg_t *pg, fault_t *fault);

/*  What the caller knows.  */
typedef struct identity_known {
    wal_system_t system;
    /* of the cache */
    const char *epoch;  /* empty: it is new */
    const char *slot;   /* empty: it is not filled */
    uint64_t captured;  /* nothing up to here is missing */
    uint64_t confirmed; /* nothing before was asked for again */
    int64_t beat;
    /* of the moment */
    const char *new_epoch; /* to be used if one is needed */
    int64_t wall_ms;
} identity_known_t;

typedef struct identity_found {
    char epoch[UUID_TEXT];
    char token[UUID_TEXT]; /* table_rows.h */
    bool rebuild;
    char why[256]; /* for the log; empty if there is nothing to say */
    int64_t beat;
} identity_found_t;

CHECKED err_t identity_check(identity_t *self, pg_t *pg, const identity_known_t *known,
                             identity_found_t *found, fault_t *fault);

/*  If there is one. ERR_EXISTS: another connection uses it.  */
CHECKED err_t identity_drop_slot(identity_t *self, pg_t *pg, fault_t *fault);
CHECKED err_t identity_took_slot(identity_t *self, pg_t *pg, fault_t *fault);

/*  As known when a sign of life is given.  */
typedef struct identity_moment {
    const char *epoch; /* the cache's */
    int64_t wall_ms;
} identity_moment_t;

typedef struct identity_pulse {
    int64_t beat;
    bool moved; /* the epoch is another, our slot or our row is gone: check again */
    /* the slot of a server, this or another, that the database keeps most of its log for */
    char holder[WAL_NAME];
    int64_t retained_bytes;
    int64_t most_bytes; /* that it keeps for one; -1: without limit */
} identity_pulse_t;

CHECKED err_t identity_beat(identity_t *self, pg_t *pg, const identity_moment_t *moment,
                            identity_pulse_t *pulse, fault_t *fault);
/*  Adds a line of what a person should do about it, whenever that is something else.  */
void identity_advise(identity_t *self, const identity_pulse_t *pulse, buffer_t *advice);
