#include "actors/server/postgres/slots.h"

#include <string.h>

/*  Those of servers that are registered, and those that only look like one's.  */
static const char slots_sql[] =
    "SELECT coalesce(s.name, ''), coalesce(r.slot_name, s.slot), r.slot_name IS NOT NULL, "
    "coalesce(r.active, false), coalesce(s.dropped, false), coalesce(r.wal_status, ''), "
    "coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
    "ELSE pg_current_wal_lsn() END, r.restart_lsn), 0)::bigint, coalesce(r.safe_wal_size, -1), "
    "coalesce(s.seen, 0), coalesce(s.beat, 0) "
    "FROM waybill.servers s FULL JOIN (SELECT * FROM pg_replication_slots "
    "     WHERE database = current_database() AND slot_type = 'logical' "
    "     AND starts_with(slot_name, 'waybill_')) r ON r.slot_name = s.slot ORDER BY 2";

static bool
is_true(const PGresult *rows, int row, int column)
{
    return pg_text_at(rows, row, column)[0] == 't';
}

static slot_t
slot_of(const PGresult *rows, int row, arena_t *arena)
{
    return (slot_t){
        .server = arena_text(arena, pg_text_at(rows, row, 0)),
        .name = arena_text(arena, pg_text_at(rows, row, 1)),
        .there = is_true(rows, row, 2),
        .active = is_true(rows, row, 3),
        .dropped = is_true(rows, row, 4),
        .status = arena_text(arena, pg_text_at(rows, row, 5)),
        .kept = pg_number_at(rows, row, 6),
        .left = pg_number_at(rows, row, 7),
        .seen = pg_number_at(rows, row, 8),
        .beat = pg_number_at(rows, row, 9),
    };
}

/*  Before the first server came, there is nothing to tell.  */
static err_t
find_servers(pg_t *pg, int64_t *there, fault_t *fault)
{
    *there = 0;
    return pg_number(pg,
                     "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                     "c.relnamespace WHERE n.nspname = 'waybill' AND c.relname = 'servers'",
                     there, fault, "");
}

err_t
slots_read(pg_t *pg, slots_t *slots, fault_t *fault)
{
    int64_t there = 0;
    PGresult *rows = NULL;
    err_t err = find_servers(pg, &there, fault);
    if (err != OK || there == 0)
        return err;
    err = pg_run(pg, slots_sql, &rows, fault, "");
    if (err == OK) {
        slots->n = (size_t) PQntuples(rows);
        slots->list = arena_new(&slots->arena, (slots->n + 1) * sizeof *slots->list);
        for (size_t i = 0; i < slots->n; i++)
            slots->list[i] = slot_of(rows, (int) i, &slots->arena);
    }
    PQclear(rows);
    return err;
}

void
slots_release(slots_t *self)
{
    arena_release(&self->arena);
    *self = (slots_t){0};
}

static err_t
mark(pg_t *pg, const slot_t *slot, bool dropped, fault_t *fault)
{
    return pg_run(pg, "UPDATE waybill.servers SET dropped = $2::bigint <> 0 WHERE slot = $1",
                  NULL, fault, "ti", slot->name, (int64_t) dropped);
}

/*  The mark must be durable before the slot is gone.  */
err_t
slots_drop(pg_t *pg, const slot_t *slot, fault_t *fault)
{
    fault_t later = {0};
    err_t err = pg_run(pg, "SET synchronous_commit = on", NULL, fault, "");
    if (err == OK)
        err = mark(pg, slot, true, fault);
    if (err != OK)
        return err;
    err = pg_run(pg, "SELECT pg_drop_replication_slot($1)", NULL, fault, "t", slot->name);
    if (err != OK && mark(pg, slot, false, &later) != OK)
        return fault_set(fault, later.err,
                         "slot %s: it is marked as dropped and is not: %.300s", slot->name,
                         later.text);
    return err;
}
