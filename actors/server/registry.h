/*  registry - what the server knows of its clients: whose they are, their leases, where they
    stand, and what of theirs was rejected. Servers that share a database share it.

    It is asked by distributor, which answers clients; each call is a transaction of its own. */

#pragma once

#include "actors/server/leases.h"
#include "actors/settings.h"
#include "runtime/actor.h"
#include "schemas/message.h"

typedef struct registry registry_t;

/*  Where a client stands.  */
typedef struct acked {
    const char *client_id;
    uint64_t lsn;
} acked_t;

typedef struct registry_class {
    const char *name;
    err_t (*open)(const settings_t *settings, registry_t **self, fault_t *fault);
    void (*close)(registry_t **self);
    /*  ERR_PERMISSION_DENIED if the client id belongs to another user; one that belongs to
       nobody belongs to this user afterwards. Nothing, for the user "".  */
    err_t (*claim)(registry_t *self, const char *client_id, const char *user, int64_t wall_ms,
                   fault_t *fault);
    /*  The same check alone.  */
    err_t (*check)(registry_t *self, const char *client_id, const char *user, fault_t *fault);
    /*  taken[i]: the name is in use by another database, and nothing was changed (leases.h). */
    err_t (*take_leases)(registry_t *self, const lease_t *leases, size_t n, int64_t wall_ms,
                         bool *taken, fault_t *fault);
    err_t (*save)(registry_t *self, const acked_t *acked, size_t n, int64_t wall_ms,
                  fault_t *fault);
    /*  A page of the rejected changes, newest first, in arena.  */
    err_t (*rejected)(registry_t *self, const rejected_get_t *request, arena_t *arena,
                      rejected_page_t *page, fault_t *fault);
} registry_class_t;

extern const registry_class_t embedded_registry; /* embedded/registry.c: SQLite */
extern const registry_class_t postgres_registry; /* postgres/registry.c */

/*  The one for the database that the settings name.  */
const registry_class_t *registry_of(const settings_t *settings);
