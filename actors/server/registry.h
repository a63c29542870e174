/*  registry - what the server knows of its clients: whose they are, their leases, where they
    stand, and what of theirs was rejected. Servers that share a database share it.

    It is asked by distributor, which answers clients, and by the listener's gate; each call is
    a transaction of its own. Where the database is on another machine, calls block within
    limits, and a database that did not answer is left alone for a while.

    A lease is how a client's database is told from a copy of it: at each connection a client
    shows the one it was given at the one before, and is given the next. It may have lost its
    power before it wrote that down, so the one it has shown last is good as well. Any other
    lease is a copy's: since the copy was made, somebody else went on under this name. (S4-67)
 */

#pragma once

#include "actors/settings.h"
#include "runtime/actor.h"
#include "schemas/message.h"

typedef struct registry_class registry_class_t;

/*  Each kind of database has its own behind this.  */
typedef struct registry {
    const registry_class_t *class;
} registry_t;

typedef enum registry_use { REGISTRY_READS, REGISTRY_WRITES } registry_use_t;

typedef struct lease {
    const char *client_id;
    const char *shown; /* may be empty: it was never given one */
    const char *next;  /* to be given now */
    bool taken;        /* answer: the name is in use by another database */
} lease_t;

/*  Where a client stands.  */
typedef struct acked {
    const char *client_id;
    uint64_t lsn;
} acked_t;

struct registry_class {
    const char *name;
    err_t (*open)(const settings_t *settings, registry_use_t use, registry_t **self,
                  fault_t *fault);
    void (*close)(registry_t **self);
    /*  ERR_PERMISSION_DENIED if the client id belongs to another user; one that belongs to
        nobody belongs to this user afterwards. Nothing, for the user "", who is there only
        where users are not known.  */
    err_t (*claim)(registry_t *self, const char *client_id, const char *user, int64_t wall_ms,
                   fault_t *fault);
    /*  The same check alone, for who must not wait; NULL: only claim() can tell.  */
    err_t (*check)(registry_t *self, const char *client_id, const char *user, fault_t *fault);
    /*  Fills taken: then nothing was changed. A client that is not known here is welcome under
        its name: the server may have forgotten it.  */
    err_t (*take_leases)(registry_t *self, lease_t *leases, size_t n, int64_t wall_ms,
                         fault_t *fault);
    err_t (*save)(registry_t *self, const acked_t *acked, size_t n, int64_t wall_ms,
                  fault_t *fault);
    /*  A page of the rejected changes, newest first, in arena; NULL: fault tells why.  */
    const rejected_page_t *(*rejected)(registry_t *self, const rejected_get_t *request,
                                       int64_t wall_ms, arena_t *arena, fault_t *fault);
    /*  Whatever was decided of the client's until now is at this place of the database's log,
       or before; 0: nothing was. NULL: the server's file itself has it.  */
    err_t (*place)(registry_t *self, const char *client_id, int64_t wall_ms, uint64_t *lsn,
                   fault_t *fault);
    /*  Pages in the write-ahead log of its file after the last commit; NULL: it has none.  */
    int (*wal_pages)(const registry_t *self);
};

extern const registry_class_t embedded_registry; /* embedded/registry.c: SQLite */
extern const registry_class_t postgres_registry; /* postgres/registry.c */

/*  Opens the one for the database that the settings name.  */
CHECKED err_t registry_open(const settings_t *settings, registry_use_t use, registry_t **self,
                            fault_t *fault);
/*  Does nothing if it is NULL.  */
void registry_close(registry_t **self);
/*  After it has written: a hint for checkpointer, where it writes to the server's file.  */
void registry_tell_growth(const registry_t *self, ctx_t *ctx);
