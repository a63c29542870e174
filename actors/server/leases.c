#include "actors/server/leases.h"

#include <string.h>

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

err_t
leases_take(db_t *db, const lease_t *lease, int64_t wall_ms, bool *taken, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_clients (client_id, lsn, seen, lease, next_lease)"
        " VALUES (?1, 0, ?2, ?3, ?4) ON CONFLICT (client_id) DO UPDATE SET"
        " seen = excluded.seen, lease = excluded.lease, next_lease = excluded.next_lease";
    bool good = false;
    err_t err = is_good(db, lease, &good, fault);
    *taken = err == OK && !good;
    if (err == OK && good)
        err = db_run(db, sql, NULL, fault, "titt", lease->client_id, wall_ms, lease->shown,
                     lease->next);
    return err;
}
