/*  The registry in PostgreSQL, shared by all servers of the database.

    Who asks it serves all clients, so it does not wait for long, and a database that did not
    answer is left alone for a while: meanwhile everything is ERR_OFFLINE at once. Each call is
    one statement, which a lease or an owner is compared and written in, so that two servers
    cannot both say yes.  */

#include "actors/server/registry.h"

#include "actors/server/postgres/pg.h"
#include "actors/server/rejected.h"

#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_MS = 2000,  /* to connect, and for a statement */
    PAUSE_MS = 10000, /* after it did not answer */
};

typedef struct shared {
    registry_t base;
    pg_t *pg;
    int64_t failed_ms; /* wall; 0: it has answered last */
    fault_t failure;
} shared_t;

static shared_t *
shared_of(registry_t *registry)
{
    return (shared_t *) registry;
}

static int64_t
at_most(int64_t limit, int64_t value)
{
    return value < limit ? value : limit;
}

static err_t
open_shared(const settings_t *settings, registry_use_t use, registry_t **registry,
            fault_t *fault)
{
    shared_t *self = mem_new(sizeof *self);
    settings_t limited = *settings;
    (void) use;
    (void) fault;
    limited.postgres_connect_ms = at_most(LIMIT_MS, settings->postgres_connect_ms);
    limited.postgres_statement_ms = at_most(LIMIT_MS, settings->postgres_statement_ms);
    self->base.class = &postgres_registry;
    self->pg = pg_new(&limited, PG_SQL, "waybill registry");
    *registry = &self->base;
    return OK;
}

static void
close_shared(registry_t **registry)
{
    shared_t *self = shared_of(*registry);
    pg_destroy(&self->pg);
    free(self);
    *registry = NULL;
}

/*  ---------------------------------------------------------------------------- reach  */

static void
note_failure(shared_t *self, int64_t wall_ms, const fault_t *fault)
{
    pg_disconnect(self->pg);
    self->failed_ms = wall_ms;
    self->failure = *fault;
}

/*  A clock that was put back does not make the pause longer.  */
static bool
rests(const shared_t *self, int64_t wall_ms)
{
    return self->failed_ms != 0 && wall_ms >= self->failed_ms
           && wall_ms - self->failed_ms < PAUSE_MS;
}

static err_t
reach(shared_t *self, int64_t wall_ms, fault_t *fault)
{
    if (rests(self, wall_ms))
        return fault_set(fault, self->failure.err, "%s", self->failure.text);
    const err_t err = pg_ready(self->pg, fault);
    if (err != OK)
        note_failure(self, wall_ms, fault);
    else
        self->failed_ms = 0;
    return err;
}

/*  What a statement came to: a connection that ended or hangs is given up.  */
static err_t
end(shared_t *self, err_t err, int64_t wall_ms, fault_t *fault)
{
    if (err != ERR_OFFLINE && err != ERR_TIMEOUT)
        return err;
    note_failure(self, wall_ms, fault);
    return fault_set(fault, ERR_OFFLINE, "%s", self->failure.text);
}

/*  ---------------------------------------------------------------------------- users  */

static err_t
deny(fault_t *fault)
{
    return fault_set(fault, ERR_PERMISSION_DENIED, "this client id belongs to another user");
}

/*  *owned: the id has an owner, who is that user.  */
static err_t
check_owner(shared_t *self, const char *client_id, const char *user, bool *owned,
            fault_t *fault)
{
    PGresult *result = NULL;
    err_t err = pg_run(self->pg, "SELECT user_id FROM waybill.clients WHERE client_id = $1",
                       &result, fault, "t", client_id);
    if (err == OK && PQntuples(result) > 0) {
        const char *owner = pg_text_at(result, 0, 0);
        *owned = owner[0] != '\0';
        if (*owned && strcmp(owner, user) != 0)
            err = deny(fault);
    }
    PQclear(result);
    return err;
}

static err_t
take_owner(shared_t *self, const char *client_id, const char *user, int64_t wall_ms,
           fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.clients AS c (client_id, lsn, seen, user_id)"
        " VALUES ($1, 0, $2, $3) ON CONFLICT (client_id)"
        " DO UPDATE SET user_id = excluded.user_id WHERE c.user_id IN ('', excluded.user_id)"
        " RETURNING 1";
    PGresult *result = NULL;
    err_t err = pg_run(self->pg, sql, &result, fault, "tit", client_id, wall_ms, user);
    if (err == OK && PQntuples(result) == 0)
        err = deny(fault);
    PQclear(result);
    return err;
}

static err_t
claim(registry_t *registry, const char *client_id, const char *user, int64_t wall_ms,
      fault_t *fault)
{
    shared_t *self = shared_of(registry);
    bool owned = false;
    if (user[0] == '\0')
        return OK;
    err_t err = reach(self, wall_ms, fault);
    if (err != OK)
        return err;
    err = check_owner(self, client_id, user, &owned, fault);
    if (err == OK && !owned)
        err = take_owner(self, client_id, user, wall_ms, fault);
    return end(self, err, wall_ms, fault);
}

/*  --------------------------------------------------------------------------- leases  */

/*  What is written at once. Names of one statement must differ, and a copy may come together
    with its original.  */
typedef struct wave {
    lease_t **items;
    size_t n;
    int64_t wall_ms;
} wave_t;

static bool
has(const wave_t *self, const char *client_id)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->items[i]->client_id, client_id) == 0)
            return true;
    return false;
}

static err_t
write_leases(shared_t *self, const wave_t *wave, PGresult **result, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.clients AS c (client_id, lsn, seen, lease, next_lease)"
        " SELECT s.client_id, 0, $4::bigint, s.shown, s.next"
        " FROM unnest($1::text[], $2::text[], $3::text[]) AS s (client_id, shown, next)"
        " ORDER BY 1 ON CONFLICT (client_id) DO UPDATE SET seen = excluded.seen,"
        " lease = excluded.lease, next_lease = excluded.next_lease"
        " WHERE excluded.lease IN (c.lease, c.next_lease) OR c.lease || c.next_lease = ''"
        " RETURNING client_id";
    pg_array_t ids = {0}, shown = {0}, next = {0};
    for (size_t i = 0; i < wave->n; i++) {
        pg_array_add_text(&ids, wave->items[i]->client_id);
        pg_array_add_text(&shown, wave->items[i]->shown);
        pg_array_add_text(&next, wave->items[i]->next);
    }
    const err_t err =
        pg_run(self->pg, sql, result, fault, "aaai", &ids, &shown, &next, wave->wall_ms);
    pg_array_release(&ids);
    pg_array_release(&shown);
    pg_array_release(&next);
    return err;
}

static bool
is_written(const PGresult *result, const char *client_id)
{
    for (int i = 0; i < PQntuples(result); i++)
        if (strcmp(pg_text_at(result, i, 0), client_id) == 0)
            return true;
    return false;
}

static err_t
take_wave(shared_t *self, const wave_t *wave, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = write_leases(self, wave, &result, fault);
    for (size_t i = 0; err == OK && i < wave->n; i++)
        wave->items[i]->taken = !is_written(result, wave->items[i]->client_id);
    PQclear(result);
    return err;
}

static err_t
take_leases(registry_t *registry, lease_t *leases, size_t n, int64_t wall_ms, fault_t *fault)
{
    shared_t *self = shared_of(registry);
    err_t err = reach(self, wall_ms, fault);
    if (err != OK)
        return err;
    wave_t wave = {.items = mem_new(n * sizeof(lease_t *)), .wall_ms = wall_ms};
    for (size_t i = 0; err == OK && i < n; i++) {
        if (has(&wave, leases[i].client_id)) {
            err = take_wave(self, &wave, fault);
            wave.n = 0;
        }
        wave.items[wave.n++] = &leases[i];
    }
    if (err == OK)
        err = take_wave(self, &wave, fault);
    free(wave.items);
    return end(self, err, wall_ms, fault);
}

/*  ------------------------------------------------------------------------ positions  */

static err_t
save(registry_t *registry, const acked_t *acked, size_t n, int64_t wall_ms, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.clients (client_id, lsn, seen)"
        " SELECT s.client_id, max(s.lsn), $3::bigint"
        " FROM unnest($1::text[], $2::bigint[]) AS s (client_id, lsn)"
        " GROUP BY 1 ORDER BY 1"
        " ON CONFLICT (client_id) DO UPDATE SET lsn = excluded.lsn, seen = excluded.seen";
    shared_t *self = shared_of(registry);
    pg_array_t ids = {0}, positions = {0};
    err_t err = reach(self, wall_ms, fault);
    if (err != OK)
        return err;
    for (size_t i = 0; i < n; i++) {
        pg_array_add_text(&ids, acked[i].client_id);
        pg_array_add_number(&positions, (int64_t) acked[i].lsn);
    }
    err = pg_run(self->pg, sql, NULL, fault, "aai", &ids, &positions, wall_ms);
    pg_array_release(&ids);
    pg_array_release(&positions);
    return end(self, err, wall_ms, fault);
}

/*  ------------------------------------------------------------------ rejected changes  */

static rejected_change_t
read_rejected(const PGresult *result, int row)
{
    return (rejected_change_t){
        .seq = (uint64_t) pg_number_at(result, row, 0),
        .time = pg_number_at(result, row, 1),
        .client_id = pg_text_at(result, row, 2),
        .change_id = pg_text_at(result, row, 3),
        .table = pg_text_at(result, row, 4),
        .operation = pg_text_at(result, row, 5),
        .data = pg_text_at(result, row, 6),
        .code = pg_text_at(result, row, 7),
        .message = pg_text_at(result, row, 8),
    };
}

static err_t
read_page(shared_t *self, rejected_paging_t *paging, fault_t *fault)
{
    static const char sql[] =
        "SELECT seq, time, client_id, change_id, tbl, operation, data, code, message"
        " FROM waybill.changes_history WHERE seq < $1::bigint ORDER BY seq DESC"
        " LIMIT $2::bigint";
    PGresult *result = NULL;
    const err_t err = pg_run(self->pg, sql, &result, fault, "uu", paging->before,
                             (uint64_t) paging->room + 1);
    bool more = err == OK;
    for (int i = 0; more && i < PQntuples(result); i++) {
        const rejected_change_t row = read_rejected(result, i);
        more = rejected_add(paging, &row);
    }
    PQclear(result);
    return err;
}

static const rejected_page_t *
rejected(registry_t *registry, const rejected_get_t *request, int64_t wall_ms, arena_t *arena,
         fault_t *fault)
{
    shared_t *self = shared_of(registry);
    rejected_paging_t paging = rejected_begin(request, arena);
    err_t err = reach(self, wall_ms, fault);
    if (err == OK)
        err = end(self, read_page(self, &paging, fault), wall_ms, fault);
    return err == OK ? paging.page : NULL;
}

/*  ---------------------------------------------------------------------------- place  */

static err_t
place(registry_t *registry, const char *client_id, int64_t wall_ms, uint64_t *lsn,
      fault_t *fault)
{
    static const char sql[] =
        "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint - 1"
        " WHERE EXISTS (SELECT FROM waybill.client_changes WHERE client_id = $1)";
    shared_t *self = shared_of(registry);
    int64_t number = 0;
    err_t err = reach(self, wall_ms, fault);
    if (err == OK)
        err =
            end(self, pg_number(self->pg, sql, &number, fault, "t", client_id), wall_ms, fault);
    *lsn = (uint64_t) number;
    return err;
}

/*  No check(): the gate must not wait for a database elsewhere, and claim() comes soon.  */
const registry_class_t postgres_registry = {
    .name = "postgres",
    .open = open_shared,
    .close = close_shared,
    .claim = claim,
    .take_leases = take_leases,
    .save = save,
    .rejected = rejected,
    .place = place,
};
