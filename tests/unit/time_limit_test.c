/*  How long server changes may take. The clock of the test moves whenever it is looked at, and
    SQLite looks at it after so much work: nothing here depends on how fast the machine is.  */

#include "tests/unit/apply_world.h"

/*  Work in steps of SQLite for each row, as much as its column says.  */
static const char tables[] =
    "CREATE TABLE todo (id TEXT PRIMARY KEY, work INTEGER);"
    "CREATE TRIGGER slow BEFORE INSERT ON todo BEGIN SELECT count(*) FROM"
    " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < new.work)"
    " SELECT i FROM n); END";

enum { LIMIT_MS = 100, MEDIUM = 100000, ENDLESS = 1000000000 };

static server_change_t
row_with_work(replica_t *replica, const char *id, int work)
{
    char json[80];
    (void) snprintf(json, sizeof json, "{\"id\": \"%s\", \"work\": %d}", id, work);
    return change_of(replica, "todo", "insert", json);
}

static void
a_batch_that_takes_too_long_is_rolled_back(void **state)
{
    replica_t *replica = *state;
    replica->limit_ms = LIMIT_MS;
    run(replica->db, tables);
    server_change_t changes[] = {row_with_work(replica, "a", 1),
                                 row_with_work(replica, "b", ENDLESS)};
    const server_changes_t stretch = transaction_of(changes, 2);
    assert_int_equal(apply_by(replica, batch_commit, &stretch), ERR_TIMEOUT);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM todo"), 0);
    assert_int_equal(number_of(replica, "SELECT lsn FROM sync_state"), 10);
}

static void
one_change_that_takes_too_long_is_marked_and_the_rest_applied(void **state)
{
    replica_t *replica = *state;
    replica->limit_ms = LIMIT_MS;
    run(replica->db, tables);
    server_change_t changes[] = {row_with_work(replica, "a", 1),
                                 row_with_work(replica, "b", ENDLESS),
                                 row_with_work(replica, "c", 1)};
    const server_changes_t stretch = transaction_of(changes, 3);
    assert_int_equal(apply_by(replica, batch_commit_carefully, &stretch), OK);
    assert_string_equal(text_of(replica, "SELECT group_concat(id) FROM todo"), "a,c");
    assert_int_equal(number_of(replica, "SELECT lsn FROM sync_state"), 11);
    assert_string_equal(text_of(replica, "SELECT entity_id || code || attempts"
                                         " FROM waybill_held"),
                        "bTIMEOUT1");
    assert_string_equal(text_of(replica, "SELECT substr(error, 1, 8) || attempts || state"
                                         " FROM local_changes WHERE entity_id = 'b'"),
                        "timeout:1failed");
}

static void
many_changes_may_take_longer_than_one(void **state)
{
    char id[2] = "a";
    server_change_t changes[20];
    replica_t *replica = *state;
    replica->limit_ms = LIMIT_MS;
    run(replica->db, tables);
    for (size_t i = 0; i < COUNT_OF(changes); i++, id[0]++)
        changes[i] = row_with_work(replica, id, MEDIUM);
    const server_changes_t stretch = transaction_of(changes, COUNT_OF(changes));
    assert_int_equal(apply_by(replica, batch_commit, &stretch), ERR_TIMEOUT);
    assert_int_equal(apply_by(replica, batch_commit_carefully, &stretch), OK);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM todo"), COUNT_OF(changes));
    assert_int_equal(number_of(replica, "SELECT count(*) FROM waybill_held"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPLICA(a_batch_that_takes_too_long_is_rolled_back),
        IN_REPLICA(one_change_that_takes_too_long_is_marked_and_the_rest_applied),
        IN_REPLICA(many_changes_may_take_longer_than_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
