/*  cache_private - what the sources of cache share; nobody else's.  */

#pragma once

#include "actors/server/postgres/cache.h"
#include "actors/server/postgres/label_set.h"
#include "actors/server/postgres/replica.h"

/*  A table as the log tells of it, and where its rows go.  */
typedef struct relation {
    uint32_t id;
    arena_t told; /* what the Relation message said */
    const char *table;
    const char **names; /* of its columns */
    bool *keys;         /* those that tell an old row */
    size_t n;
    char identity;       /* as in pgoutput_message_t; 0: no Relation message told of it */
    const char *columns; /* as in waybill_cache_tables */
    bool foreign;        /* of another schema */
    bool ignored;
    replica_t *replica; /* NULL: not looked at yet */
    size_t *places;     /* of each column in the replica */
} relation_t;

struct cache {
    int lock; /* of the file; -1: none */
    db_t *db;
    catalog_t *catalog;
    puts_t *puts;
    journal_t *journal;
    const settings_t *settings;
    cache_state_t durable, now;
    uint64_t flushed; /* confirmed, as it is on the disk */
    relation_t *relations;
    size_t n_relations;

    bool open;     /* a transaction of SQLite is */
    bool inside;   /* one of PostgreSQL is */
    bool skipping; /* that is here already */
    origin_t origin;
    label_set_t labels;
    size_t logged; /* rows of it in the history */
    size_t rows;   /* since the last commit */
    int64_t oldest_ms;
    char token[UUID_TEXT];
    fault_t oddity; /* OK: none */

    cache_misfit_t misfit; /* of the last ERR_STALE */
    char *misfit_table;
    relation_t *misfit_relation; /* NULL: no Relation message told of it */
    relation_t arriving;         /* a new table, as long as its rows come */
    replica_t *filled;           /* while the cache is filled */
    arena_t arena;               /* of the message or line at hand */
};

/*  What is to be written, in a transaction of its own if none is open.  */
CHECKED err_t cache_save(cache_t *self, fault_t *fault);
CHECKED err_t cache_begin(cache_t *self, fault_t *fault);
/*  The schema has changed: tables are to be looked at again.  */
CHECKED err_t cache_refresh(cache_t *self, fault_t *fault);

/*  Keeps what the message says.  */
void cache_tell(cache_t *self, const pgoutput_message_t *message);
/*  NULL in *relation for rows that are passed over. ERR_STALE as cache_apply() has it.  */
CHECKED err_t cache_relation(cache_t *self, uint32_t id, relation_t **relation, fault_t *fault);
/*  The replica of a table that comes with its rows; NULL if they are passed over. ERR_STALE if
    it is not here yet.  */
CHECKED err_t cache_new_table(cache_t *self, const char *table, replica_t **replica,
                              fault_t *fault);
CHECKED err_t cache_remember_columns(cache_t *self, const char *table, const char *columns,
                                     fault_t *fault);
CHECKED err_t cache_remember_id(cache_t *self, const char *table, uint32_t id, fault_t *fault);
void cache_forget_relations(cache_t *self);

/*  Rows of the transaction at hand.  */
/*  Stores a row, logs it, and gives it its label.  */
CHECKED err_t cache_write(cache_t *self, replica_t *replica, const char *operation,
                          replica_row_t *row, fault_t *fault);
CHECKED err_t cache_insert(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
CHECKED err_t cache_update(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
CHECKED err_t cache_delete(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
/*  A row that a table had before it was published.  */
CHECKED err_t cache_present(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
/*  A table was published that has too many rows for that: ERR_GAP.  */
CHECKED err_t cache_copy(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
CHECKED err_t cache_truncate(cache_t *self, const pgoutput_message_t *message, fault_t *fault);
/*  All its rows go, one by one.  */
CHECKED err_t cache_empty(cache_t *self, const relation_t *relation, fault_t *fault);
