/*  Reading an outbox in which very much waits.  */

#include "actors/agent/folding.h"
#include "tests/unit/apply_world.h"

enum { MANY = 5000 };

/*  An insert, and updates of its row of a thousand bytes each.  */
static void
fill(replica_t *replica, const char *state_of_first)
{
    run(replica->db, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT)");
    char *sql = mem_format(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO local_changes (id, txn, entity_type, entity_id, operation, data,"
        " timestamp, processed_local, state) SELECT i, i, 'todo', 'a',"
        " iif(i = 1, 'insert', 'update'), printf('{\"id\":\"a\",\"title\":\"%%01000d\"}', i), "
        "1,"
        " 1, iif(i = 1, '%s', 'pending') FROM n",
        MANY, state_of_first);
    run(replica->db, sql);
    free(sql);
}

static outbox_reader_t
reader_of(replica_t *replica)
{
    return (outbox_reader_t){
        .db = replica->db, .catalog = replica->catalog, .arena = &replica->round};
}

static outbox_batch_t
read_outbox(replica_t *replica, const outbox_reader_t *reader)
{
    outbox_batch_t batch = {0};
    outbox_flaws_t flaws = {0};
    const outbox_fetch_t request = {.limit = 10, .max_bytes = 100000};
    if (catalog_refresh(replica->catalog, &replica->fault) != OK
        || outbox_read(reader, &request, &batch, &flaws, &replica->fault) != OK)
        fail_msg("%s", replica->fault.text);
    return batch;
}

static void
what_is_held_back_takes_no_memory(void **state)
{
    replica_t *replica = *state;
    fill(replica, "parked");
    run(replica->db, "INSERT INTO local_changes (id, txn, entity_type, entity_id, operation,"
                     " data, timestamp) VALUES ('x', 'x', 'todo', 'b', 'insert',"
                     " '{\"id\":\"b\"}', 2)");
    outbox_reader_t reader = reader_of(replica);
    reader.blocked = true;
    const outbox_batch_t batch = read_outbox(replica, &reader);
    assert_int_equal(batch.n_changes, 1);
    assert_string_equal(batch.changes[0].id, "x");
    assert_in_range(arena_room(&replica->round), 1, 200000);
}

static void
not_all_is_looked_at_to_be_folded(void **state)
{
    bool any = false;
    replica_t *replica = *state;
    fill(replica, "pending");
    outbox_reader_t reader = reader_of(replica);
    assert_int_equal(catalog_refresh(replica->catalog, &replica->fault), OK);
    assert_int_equal(folding_run(&reader, 0, &any, &replica->fault), OK);
    assert_true(any);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM local_changes WHERE folded_into"
                                        " = '1' AND rowid BETWEEN 2 AND 2000"),
                     1999);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM local_changes WHERE folded_into"
                                        " IS NOT NULL"),
                     1999);
    reader.folds = true;
    const outbox_batch_t batch = read_outbox(replica, &reader);
    assert_string_equal(batch.changes[0].id, "1");
    assert_int_equal(batch.n_changes, 10);
    assert_string_equal(batch.changes[1].id, "2001");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPLICA(what_is_held_back_takes_no_memory),
        IN_REPLICA(not_all_is_looked_at_to_be_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
