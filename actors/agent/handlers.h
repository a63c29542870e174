/*  handlers - what happens to the server's changes of a table before they are written.

    A handler sees every change of its tables, a snapshot's rows too, inside the transaction
    that writes them. It may leave a change as it is, give other columns, skip it with a reason,
    or refuse it; then the change is set aside and tried again later. What it decides may
    depend on the change and the database only: the same change may come to it again.

    Tables without a handler of their own are the default's, which leaves everything as it
    is. The config file says which table is whose: `tables.NAME.handler`.  */

#pragma once

#include "actors/common/catalog.h"

typedef struct handling {
    db_t *db; /* inside the transaction: to read, or to write tables that are not synced */
    arena_t *arena; /* for what it gives back */
    const char *table;
    const char *operation; /* insert, update or delete */
    const char *key;       /* as text */

    bytes_t row;             /* what will be written; for a delete, the key. It may put another
                                row of the same key here */
    const char *skip_reason; /* it may set this: then nothing is written, and the journal keeps
                                the reason */
} handling_t;

typedef struct handler {
    const char *name; /* in the config file */
    const char *summary;
    /*  ERR_RULE_VIOLATION refuses the change, and fault says why. Anything else is trouble of
        the database: the transaction is rolled back, and comes again.  */
    err_t (*handle)(void *self, handling_t *handling, fault_t *fault);
    void *self; /* lives as long as the handler */
} handler_t;

/*  Those that there are, NULL at the end. A new one needs a line here, and its name in
    config_tables.def.  */
extern const handler_t *const handlers_known[];
const handler_t *handlers_named(const char *name);

/*  Which table is whose. Zero: all are the default's.  */
typedef struct handlers {
    struct handlers_entry *entries;
    size_t n;
} handlers_t;

/*  The last one given for a table has it. The name must live as long as the registry.  */
void handlers_give(handlers_t *self, const char *table, const handler_t *handler);
/*  NULL: nobody's but the default's.  */
const handler_t *handlers_of(const handlers_t *self, const char *table);
void handlers_release(handlers_t *self);
