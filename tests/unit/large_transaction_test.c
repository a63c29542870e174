/*  A server transaction of many rows: all or nothing, in the memory of one of its parts.  */

#include "tests/unit/apply_world.h"

enum { ROWS = 200000, PART = 1000, PEAK = 2 * 1024 * 1024 };

static const char title[] =
    "a row of about a hundred bytes, so that all of them together are far "
    "more than the memory allowed";

static void
fill(replica_t *replica, server_change_t *changes, uint64_t from)
{
    char json[200];
    arena_clear(&replica->arena);
    for (uint64_t i = 0; i < PART; i++) {
        (void) snprintf(json, sizeof json, "{\"id\": %llu, \"title\": \"%s\"}",
                        (unsigned long long) (from + i), title);
        changes[i] = (server_change_t){.table = "big",
                                       .operation = "insert",
                                       .lsn = 11,
                                       .index = from + i,
                                       .data = row_of(replica, json)};
    }
}

static err_t
send_part(replica_t *replica, const server_change_t *changes, bool last)
{
    const server_changes_t part = {
        .phase = "live",
        .epoch = "e",
        .prev = 10,
        .lsn = last ? 11 : 10,
        .last = last,
        .changes = (server_change_t *) changes,
        .n_changes = PART,
    };
    return apply_by(replica, batch_commit, &part);
}

/*  All but the last part of so many rows.  */
static void
stage_rows(replica_t *replica, server_change_t *changes, uint64_t rows)
{
    run(replica->db, "CREATE TABLE big (id INTEGER PRIMARY KEY, title TEXT)");
    for (uint64_t from = 0; from < rows - PART; from += PART) {
        fill(replica, changes, from);
        if (send_part(replica, changes, false) != OK)
            fail_msg("%s", replica->fault.text);
    }
    fill(replica, changes, rows - PART);
}

static void
a_transaction_of_many_rows_is_applied_in_flat_memory(void **state)
{
    replica_t *replica = *state;
    server_change_t changes[PART];
    stage_rows(replica, changes, ROWS);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM big"), 0);
    if (send_part(replica, changes, true) != OK)
        fail_msg("%s", replica->fault.text);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM big"), ROWS);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM local_changes"), ROWS);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM waybill_staged"), 0);
    assert_int_equal(number_of(replica, "SELECT lsn FROM sync_state"), 11);
    assert_in_range(replica->peak, 1, PEAK);
    assert_int_equal(replica->apply.report.n, REPORT_LISTS);
    assert_true(replica->apply.report.many);
}

static void
a_fault_in_its_last_row_leaves_nothing_of_it(void **state)
{
    replica_t *replica = *state;
    server_change_t changes[PART];
    stage_rows(replica, changes, 3 * (uint64_t) PART);
    changes[PART - 1].data = row_of(replica, "{\"id\": 1000000, \"colour\": \"red\"}");
    assert_int_equal(send_part(replica, changes, true), ERR_INVALID_CHANGE);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM big"), 0);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM local_changes"), 0);
    assert_int_equal(number_of(replica, "SELECT lsn FROM sync_state"), 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPLICA(a_transaction_of_many_rows_is_applied_in_flat_memory),
        IN_REPLICA(a_fault_in_its_last_row_leaves_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
