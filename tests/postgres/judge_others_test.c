/*  The judge on PostgreSQL beside others who write to the same rows, and while the database is
    away.  */

#include "tests/postgres/judge_world.h"

#include <sys/wait.h>

/*  ------------------------------------------------------------------ beside others  */

/*  In a process of its own, once the judge waits for it.  */
static pid_t
commit_when_waited_for(world_t *world, const char *begun)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        PGconn *sql = PQconnectdb(world->backend.database->address);
        PGresult *result = PQexec(sql, begun);
        PQclear(result);
        (void) !write(ready[1], &byte, 1);
        bool waits = false;
        while (!waits) {
            result = PQexec(sql, "SELECT pg_sleep(0.01), EXISTS (SELECT FROM pg_stat_activity"
                                 " WHERE wait_event_type = 'Lock'"
                                 " AND datname = current_database())");
            waits = PQntuples(result) > 0 && PQgetvalue(result, 0, 1)[0] == 't';
            PQclear(result);
        }
        PQclear(PQexec(sql, "COMMIT"));
        PQfinish(sql);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void
end_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void
tries_again_what_another_writer_was_in_the_way_of(void **state)
{
    world_t *world = *state;
    run(world, "INSERT INTO todo VALUES ('a', 'Tea')");
    const pid_t child = commit_when_waited_for(
        world, "BEGIN; UPDATE todo SET list = NULL, title = 'theirs' WHERE id = 'a'");
    submit_one(world, "one", change("c1 todo update", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    end_of(child);
    expect_verdict(0, "applied");
    expect_text(world, "SELECT title FROM todo", "x");
}

static void
waits_for_whoever_inserts_the_same_row(void **state)
{
    world_t *world = *state;
    const pid_t child =
        commit_when_waited_for(world, "BEGIN; INSERT INTO todo VALUES ('a', 'theirs')");
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    end_of(child);
    expect_verdict(0, "applied");
    expect_text(world, "SELECT title FROM todo", "x");
}

static void
takes_a_change_that_another_server_decides_for_a_duplicate(void **state)
{
    world_t *world = *state;
    const pid_t child =
        commit_when_waited_for(world, "BEGIN; INSERT INTO waybill.client_changes"
                                      " VALUES ('one', 'c1', 'merged', NULL, NULL, 8, 8)");
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    end_of(child);
    expect_verdict(0, "duplicate of merged");
    expect_text(world, "SELECT count(*) FROM todo", "0");
}

/*  ------------------------------------------------------------------ trouble  */

static void
puts_off_while_the_database_is_down(void **state)
{
    world_t *world = *state;
    const client_change_t made = change("c1 todo insert", "{\"id\":\"a\"}", 10);
    cluster_stop(world->backend.database->cluster, true);
    submit_one(world, "one", made);
    expect_verdict(0, "retry RETRY_LATER");
    cluster_start(world->backend.database->cluster);
    database_await(world->backend.database, "SELECT true");
    sim_run_ms(world->sim, 2000);
    submit_one(world, "one", made);
    expect_verdict(0, "applied");
    expect_text(world, "SELECT id FROM todo", "a");
}

static void
starts_while_the_database_is_down(void **state)
{
    world_t *world = *state;
    cluster_stop(world->backend.database->cluster, true);
    restart_judge(world);
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    expect_verdict(0, "retry RETRY_LATER");
    cluster_start(world->backend.database->cluster);
    database_await(world->backend.database, "SELECT true");
    sim_run_ms(world->sim, 2000);
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    expect_verdict(0, "applied");
}

static void
holds_up_nobody_but_whose_change_cannot_be_decided(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE secret (id INT PRIMARY KEY); ALTER PUBLICATION waybill ADD TABLE"
               " secret; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
               " $$BEGIN PERFORM * FROM nowhere; RETURN NEW; END$$;"
               "CREATE TRIGGER f BEFORE INSERT ON secret FOR EACH ROW EXECUTE FUNCTION f()");
    restart_judge(world);
    const client_change_t changes[] = {
        by_itself("c1 todo insert", "{\"id\":\"a\"}"),
        by_itself("c2 secret insert", "{\"id\":1}"),
        by_itself("c3 todo insert", "{\"id\":\"b\"}"),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "applied");
    expect_verdict(1, "retry RETRY_LATER");
    expect_verdict(2, "retry RETRY_LATER");
    submit_one(world, "two", by_itself("c4 todo insert", "{\"id\":\"c\"}"));
    expect_verdict(0, "applied");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LISTS(tries_again_what_another_writer_was_in_the_way_of),
        WITH_LISTS(waits_for_whoever_inserts_the_same_row),
        WITH_LISTS(takes_a_change_that_another_server_decides_for_a_duplicate),
        WITH_CLUSTER(puts_off_while_the_database_is_down),
        WITH_CLUSTER(starts_while_the_database_is_down),
        WITH_LISTS(holds_up_nobody_but_whose_change_cannot_be_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
