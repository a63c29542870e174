/*  The registry in the server's own SQLite file.  */

#include "actors/server/registry.h"

#include "actors/common/db.h"
#include "actors/server/clients.h"
#include "actors/server/rejected.h"

#include <stdlib.h>

typedef struct embedded {
    registry_t base;
    db_t *db;
} embedded_t;

static db_t *
db_of(const registry_t *registry)
{
    return ((const embedded_t *) registry)->db;
}

static void
close_file(registry_t **registry)
{
    embedded_t *self = (embedded_t *) *registry;
    db_close(&self->db);
    free(self);
    *registry = NULL;
}

static err_t
open_file(const settings_t *settings, registry_use_t use, registry_t **registry, fault_t *fault)
{
    const char *path = settings_server_file(settings);
    embedded_t *self = mem_new(sizeof *self);
    self->base.class = &embedded_registry;
    *registry = &self->base;
    const err_t err = use == REGISTRY_READS ? db_open_reader(path, &self->db, fault)
                                            : db_open(path, false, &self->db, fault);
    if (err != OK)
        close_file(registry);
    return err;
}

static err_t
commit_or_not(db_t *db, err_t err, fault_t *fault)
{
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

/*  ---------------------------------------------------------------------------- users  */

static err_t
check(registry_t *self, const char *client_id, const char *user, fault_t *fault)
{
    return clients_check(db_of(self), client_id, user, fault);
}

static err_t
claim(registry_t *self, const char *client_id, const char *user, int64_t wall_ms,
      fault_t *fault)
{
    db_t *db = db_of(self);
    if (user[0] == '\0')
        return OK;
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = clients_claim(db, client_id, user, wall_ms, fault);
    return commit_or_not(db, err, fault);
}

/*  --------------------------------------------------------------------------- leases  */

static err_t
is_good(db_t *db, const lease_t *lease, bool *good, fault_t *fault)
{
    static const char sql[] = "SELECT ?2 IN (lease, next_lease) OR lease || next_lease = ''"
                              " FROM waybill_clients WHERE client_id = ?1";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "tt", lease->client_id, lease->shown);
    *good = true;
    if (!db_step(db, row, &err, fault))
        return err;
    *good = sqlite3_column_int(row, 0) != 0;
    sqlite3_reset(row);
    return OK;
}

static err_t
take_lease(db_t *db, lease_t *lease, int64_t wall_ms, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_clients (client_id, lsn, seen, lease, next_lease)"
        " VALUES (?1, 0, ?2, ?3, ?4) ON CONFLICT (client_id) DO UPDATE SET"
        " seen = excluded.seen, lease = excluded.lease, next_lease = excluded.next_lease";
    bool good = false;
    err_t err = is_good(db, lease, &good, fault);
    lease->taken = !good;
    if (err == OK && good)
        err = db_run(db, sql, NULL, fault, "titt", lease->client_id, wall_ms, lease->shown,
                     lease->next);
    return err;
}

static err_t
take_leases(registry_t *self, lease_t *leases, size_t n, int64_t wall_ms, fault_t *fault)
{
    db_t *db = db_of(self);
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    for (size_t i = 0; err == OK && i < n; i++)
        err = take_lease(db, &leases[i], wall_ms, fault);
    return commit_or_not(db, err, fault);
}

/*  ------------------------------------------------------------------------ positions  */

static err_t
save(registry_t *self, const acked_t *acked, size_t n, int64_t wall_ms, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_clients (client_id, lsn, seen) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (client_id) DO UPDATE SET lsn = excluded.lsn, seen = excluded.seen";
    db_t *db = db_of(self);
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    for (size_t i = 0; err == OK && i < n; i++)
        err = db_run(db, sql, NULL, fault, "tui", acked[i].client_id, acked[i].lsn, wall_ms);
    return commit_or_not(db, err, fault);
}

/*  ------------------------------------------------------------------ rejected changes  */

static rejected_change_t
read_rejected(sqlite3_stmt *row)
{
    return (rejected_change_t){
        .seq = (uint64_t) sqlite3_column_int64(row, 0),
        .time = sqlite3_column_int64(row, 1),
        .client_id = column_text(row, 2),
        .change_id = column_text(row, 3),
        .table = column_text(row, 4),
        .operation = column_text(row, 5),
        .data = column_text(row, 6),
        .code = column_text(row, 7),
        .message = column_text(row, 8),
    };
}

static const rejected_page_t *
rejected(registry_t *self, const rejected_get_t *request, int64_t wall_ms, arena_t *arena,
         fault_t *fault)
{
    static const char sql[] =
        "SELECT seq, time, client_id, change_id, tbl, operation, data, code, message"
        " FROM changes_history WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    rejected_paging_t paging = rejected_begin(request, arena);
    err_t err = OK;
    sqlite3_stmt *rows =
        db_query(db_of(self), sql, fault, "uu", paging.before, (uint64_t) paging.room + 1);
    bool more = true;
    (void) wall_ms;
    while (more && db_step(db_of(self), rows, &err, fault)) {
        const rejected_change_t row = read_rejected(rows);
        more = rejected_add(&paging, &row);
    }
    if (rows)
        sqlite3_reset(rows);
    return err == OK ? paging.page : NULL;
}

static int
wal_pages(const registry_t *self)
{
    return db_wal_pages(db_of(self));
}

const registry_class_t embedded_registry = {
    .name = "embedded",
    .open = open_file,
    .close = close_file,
    .claim = claim,
    .check = check,
    .take_leases = take_leases,
    .save = save,
    .rejected = rejected,
    .wal_pages = wal_pages,
};
