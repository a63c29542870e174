/*  apply_world - a replica without actors: the processor's modules on a database of their
    own, at position 10 of history "e".  */

#pragma once

#include "actors/agent/batch.h"
#include "actors/agent/store.h"
#include "schemas/codec.h"
#include "tests/unit/db_place.h"

typedef struct replica {
    place_t *place;
    db_t *db;
    catalog_t *catalog;
    arena_t arena; /* of the test */
    arena_t portion;
    arena_t round;
    apply_t apply;
    handlers_t handlers;
    uint64_t limit_ms;
    uint64_t now_ms; /* grows by one at each look */
    fault_t fault;
    uint64_t ids;
    size_t peak; /* of the memory, seen whenever an id is made */
} replica_t;

static inline void
make_id(void *arg, char id[UUID_TEXT])
{
    replica_t *replica = arg;
    const size_t room = arena_room(&replica->portion) + arena_room(&replica->round);
    replica->peak = room > replica->peak ? room : replica->peak;
    (void) snprintf(id, UUID_TEXT, "id-%llu", (unsigned long long) ++replica->ids);
}

static inline int
make_replica(void **state)
{
    replica_t *replica = mem_new(sizeof *replica);
    (void) make_place((void **) &replica->place);
    fault_t *fault = &replica->fault;
    if (store_open(replica->place->path, &replica->db, fault) != OK
        || db_exec(replica->db, "PRAGMA foreign_keys = OFF", fault) != OK
        || db_exec(replica->db,
                   "INSERT INTO sync_state (one, client_id, epoch, lsn)"
                   " VALUES (1, 'c', 'e', 10)",
                   fault)
               != OK
        || catalog_open(replica->db, &replica->catalog, fault) != OK)
        fail_msg("%s", fault->text);
    *state = replica;
    return 0;
}

static inline int
remove_replica(void **state)
{
    replica_t *replica = *state;
    handlers_release(&replica->handlers);
    catalog_close(&replica->catalog);
    db_close(&replica->db);
    (void) remove_place((void **) &replica->place);
    arena_release(&replica->arena);
    arena_release(&replica->portion);
    arena_release(&replica->round);
    free(replica);
    return 0;
}

static inline int64_t
number_of(replica_t *replica, const char *sql)
{
    return db_number(replica->db, sql, -1);
}

static inline bytes_t
row_of(replica_t *replica, const char *json)
{
    buffer_t packed = {0};
    if (json_to_msgpack(json, strlen(json), &packed, &replica->fault) != OK)
        fail_msg("%s", replica->fault.text);
    const bytes_t kept = arena_bytes(&replica->arena, buffer_bytes(&packed));
    buffer_release(&packed);
    return kept;
}

static inline uint64_t
look_at_the_clock(void *arg)
{
    replica_t *replica = arg;
    return ++replica->now_ms;
}

static inline apply_t
blank(replica_t *replica)
{
    arena_clear(&replica->portion);
    arena_clear(&replica->round);
    return (apply_t){
        .overlay = {.db = replica->db,
                    .catalog = replica->catalog,
                    .arena = &replica->portion,
                    .outside = {.arg = replica,
                                .new_id = make_id,
                                .now_ms = look_at_the_clock,
                                .now = 1000}},
        .report = {.arena = &replica->round},
        .parents = {.arena = &replica->round},
        .handlers = &replica->handlers,
        .limit_ms = replica->limit_ms,
    };
}

/*  One stretch in a transaction of its own.  */
static inline err_t
apply_by(replica_t *replica, err_t (*how)(batch_t *batch, fault_t *fault),
         const server_changes_t *changes)
{
    stretch_t stretch = {.changes = changes};
    batch_t batch = {.stretches = &stretch, .n = 1, .blank = blank(replica)};
    const err_t err = how(&batch, &replica->fault);
    replica->apply = batch.apply;
    return err;
}

static inline server_change_t
change_of(replica_t *replica, const char *table, const char *operation, const char *json)
{
    return (server_change_t){
        .table = table, .operation = operation, .lsn = 11, .data = row_of(replica, json)};
}

/*  One transaction at position 11.  */
static inline server_changes_t
transaction_of(server_change_t *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        changes[i].index = i;
    return (server_changes_t){.phase = "live",
                              .epoch = "e",
                              .prev = 10,
                              .lsn = 11,
                              .last = true,
                              .changes = changes,
                              .n_changes = n};
}

/*  The first column of the first row, in the test's memory.  */
static inline const char *
text_of(replica_t *replica, const char *sql)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(replica->db, sql, &replica->fault, "");
    if (!db_step(replica->db, row, &err, &replica->fault))
        return err == OK ? "none" : replica->fault.text;
    const char *text = arena_text(&replica->arena, column_text(row, 0));
    sqlite3_reset(row);
    return text;
}

#define IN_REPLICA(test) cmocka_unit_test_setup_teardown(test, make_replica, remove_replica)
