/*  apply_world - a replica without actors: the processor's modules on a database of their
    own, at position 10 of history "e".  */

#pragma once

#include "actors/agent/apply.h"
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

static inline void
begin_round(replica_t *replica)
{
    arena_clear(&replica->portion);
    arena_clear(&replica->round);
    replica->apply = (apply_t){
        .overlay = {.db = replica->db, .catalog = replica->catalog, .arena = &replica->portion},
        .report = {.arena = &replica->round},
        .now = 1000,
        .parents = {.arena = &replica->round},
        .world = {.arg = replica, .new_id = make_id},
    };
    if (db_begin(replica->db, &replica->fault) != OK
        || apply_begin(&replica->apply, &replica->fault) != OK)
        fail_msg("%s", replica->fault.text);
}

/*  One stretch, committed unless it fails.  */
static inline err_t
apply_stretch_alone(replica_t *replica, const server_changes_t *stretch)
{
    applied_t applied;
    begin_round(replica);
    const err_t err = apply_stretch(&replica->apply, stretch, &applied, &replica->fault);
    apply_end(&replica->apply);
    if (err != OK)
        db_rollback(replica->db);
    else if (db_commit(replica->db, &replica->fault) != OK)
        fail_msg("%s", replica->fault.text);
    return err;
}

#define IN_REPLICA(test) cmocka_unit_test_setup_teardown(test, make_replica, remove_replica)
