/*  cache - the server's replica of the published tables of a PostgreSQL database, in an SQLite
    file of its own, with the history of what was written to them.

    Whoever sends rows or history to clients reads this file as it would read a database of
    ours. The feed alone writes it: it copies the tables once, and applies the transactions of
    the log in their order from then on. A position is the place of a transaction's commit in
    PostgreSQL's log; several transactions may share one commit of SQLite.

    No triggers: what they would log of a row is logged here, in the same words.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/server/postgres/labels.h"
#include "actors/server/postgres/pgoutput.h"
#include "actors/settings.h"

enum { CACHE_NAME = 64 };

typedef struct cache cache_t;

/*  What is committed. captured 0: it was never filled.  */
typedef struct cache_state {
    char epoch[UUID_TEXT];
    uint64_t head;     /* newest position with anything in it */
    uint64_t captured; /* nothing up to here is missing */
    char system_id[CACHE_NAME];
    int64_t timeline;
    char slot[CACHE_NAME]; /* empty: it must be filled anew */
    int64_t beat;
    uint64_t confirmed; /* nothing before is needed any more */
    int64_t clock;      /* no version was newer when it was filled */
} cache_state_t;

/*  Opens the file and makes it if it is missing.  */
CHECKED err_t cache_open(const settings_t *settings, cache_t **self, fault_t *fault);
void cache_close(cache_t **self);
/*  For reading, and for what is to be committed together: see cache_seal().  */
db_t *cache_db(cache_t *self);
/*  As committed last.  */
const cache_state_t *cache_state(const cache_t *self);

/*  In a transaction of its own. Without a slot nothing can be applied.  */
CHECKED err_t cache_set_slot(cache_t *self, const char *slot, fault_t *fault);
CHECKED err_t cache_set_beat(cache_t *self, int64_t beat, fault_t *fault);

/*  --------------------------------------------------------------------- following  */

/*  Applies one message, inside of a transaction of SQLite that it begins if none is open. A
    transaction that is here already is passed over. ERR_STALE: the table does not fit its
    replica; cache_misfit() tells how, and the same message is to be applied again when that
    was dealt with. After any other error everything that was not committed is gone, and the
    stream must be read again from cache_state()->confirmed on.  */
CHECKED err_t cache_apply(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
/*  Messages of servers in the log show it (labels.h, table_rows.h); others are not believed. */
void cache_trust(cache_t *self, const char *token);
/*  A message of the log that looks like one of ours and is not, since the last call; it was
    passed over. False if there was none.  */
bool cache_take_oddity(cache_t *self, fault_t *oddity);
/*  Outside of a transaction: the log is known up to, not including, that place.  */
void cache_note(cache_t *self, uint64_t place);

/*  Rows since the last commit, and whether a transaction of PostgreSQL is only half here.  */
size_t cache_rows(const cache_t *self);
bool cache_is_inside(const cache_t *self);
/*  Is there anything that cache_commit() would write, and if so, did a transaction of
   PostgreSQL end, or is it a place of the log alone?  */
bool cache_is_dirty(const cache_t *self);
bool cache_is_begun(const cache_t *self);
/*  When the first transaction since the last commit was committed in PostgreSQL; 0: none was.
 */
int64_t cache_oldest_ms(const cache_t *self);

/*  Makes positions of what was applied; *head is the newest. Then the caller may write what
    belongs to it, with cache_db(), until cache_commit().  */
CHECKED err_t cache_seal(cache_t *self, uint64_t *head, fault_t *fault);
/*  Outlives this process; the machine only from the next cache_flush() on. PostgreSQL sends
   again what was not confirmed.  */
CHECKED err_t cache_commit(cache_t *self, fault_t *fault);
/*  Outside of a transaction: what was committed is on the disk now. So it is after
    cache_set_slot(), cache_set_beat() and cache_fill_end().  */
CHECKED err_t cache_flush(cache_t *self, fault_t *fault);
/*  What PostgreSQL need not keep any more; 0: not known yet.  */
uint64_t cache_flushed(const cache_t *self);
void cache_rollback(cache_t *self);

typedef enum cache_misfit {
    CACHE_FITS,
    CACHE_NEW_TABLE,     /* its rows come with it */
    CACHE_UNKNOWN_TABLE, /* and these rows are not all */
    CACHE_NEW_COLUMNS,   /* and nothing else is new */
    CACHE_OTHER_COLUMNS,
    CACHE_OTHER_TABLE /* of that name, or another key */
} cache_misfit_t;

/*  How the table of the last ERR_STALE differs; *table lives until the next call.  */
cache_misfit_t cache_misfit(const cache_t *self, const char **table);
/*  Makes the table, empty, with those columns (as in waybill_cache_tables), or (NULL) adds the
    columns that it lacks. Of these, what the Relation message did not tell is left out: it
   comes later.  */
CHECKED err_t cache_fit(cache_t *self, const table_schema_t *schema, const char *columns,
                        fault_t *fault);
/*  A replica as it is. Lives in arena.  */
CHECKED err_t cache_describe(cache_t *self, const char *table, arena_t *arena,
                             table_schema_t *schema, fault_t *fault);
typedef struct cache_table {
    const char *name;
    const char *columns; /* as in waybill_cache_tables */
    uint32_t id;         /* 0: not known */
} cache_table_t;

/*  All of them, in arena.  */
CHECKED err_t cache_tables(cache_t *self, arena_t *arena, cache_table_t **tables, size_t *n,
                           fault_t *fault);
/*  Has the table's replica no columns but some of these, as they are?  */
bool cache_has_columns(cache_t *self, const char *table, const char *columns);
/*  cache_fit(), committed at once. Not inside of a transaction of PostgreSQL.  */
CHECKED err_t cache_extend(cache_t *self, const table_schema_t *schema, const char *columns,
                           fault_t *fault);
/*  Partitions that the tables have, as oids with blanks between; in arena.  */
CHECKED err_t cache_pieces(cache_t *self, arena_t *arena, const char **ids, fault_t *fault);
CHECKED err_t cache_set_pieces(cache_t *self, const char *ids, fault_t *fault);
/*  The table is no more. Not inside of a transaction of PostgreSQL.  */
CHECKED err_t cache_drop(cache_t *self, const char *table, fault_t *fault);
/*  The table is not synchronised: its rows are passed over.  */
void cache_ignore(cache_t *self, const char *table);

/*  --------------------------------------------------------------------- filling  */

/*  Begins a transaction without anything in it: all tables and the history are gone.  */
CHECKED err_t cache_fill_begin(cache_t *self, fault_t *fault);
/*  The next rows are that table's. columns, id: as in waybill_cache_tables.  */
CHECKED err_t cache_fill_table(cache_t *self, const table_schema_t *schema, const char *columns,
                               uint32_t id, fault_t *fault);
/*  A line of COPY ... TO STDOUT with the columns of the schema, in their order.  */
CHECKED err_t cache_fill_line(cache_t *self, bytes_t line, fault_t *fault);
/*  Commits. Of state, captured is the position of the copy; head and confirmed follow.  */
CHECKED err_t cache_fill_end(cache_t *self, const cache_state_t *state, fault_t *fault);
