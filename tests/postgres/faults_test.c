/*  What can become of a PostgreSQL database behind a server: its slot lost or dropped, an older
    copy in its place, a standby promoted, no connection left, nobody there. Servers and agents
    are real processes; in the end all databases are equal, and what agents had not sent yet is
    there as well.  */

#include "tests/postgres/caches.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST_SESSIONS = 64 };

typedef struct scene {
    chaos_t chaos;
    cluster_t *cluster, *other;
    database_t *database;
    PGconn *sessions[MOST_SESSIONS];
    size_t n_sessions;
} scene_t;

static scene_t scene;

/*  One server and two agents, all of them synchronised and with rows.  */
static node_t *
begin(const char *setting)
{
    scene.cluster = CLUSTER("--set", setting);
    scene.database = database_new(scene.cluster);
    database_run(scene.database, chaos_schema);
    chaos_begin(&scene.chaos, scene.database->address, 1);
    burst_t burst = chaos_write(&scene.chaos);
    chaos_finish(&scene.chaos, &burst);
    chaos_await_synced(&scene.chaos);
    return &scene.chaos.nodes[0];
}

static int
tear_down(void **state)
{
    (void) state;
    for (size_t i = 0; i < scene.n_sessions; i++)
        PQfinish(scene.sessions[i]);
    if (scene.chaos.n > 0)
        chaos_end(&scene.chaos);
    database_destroy(&scene.database);
    cluster_destroy(&scene.other);
    cluster_destroy(&scene.cluster);
    scene = (scene_t){0};
    return 0;
}

/*  Agents record what they cannot send now.  */
static void
write_meanwhile(void)
{
    burst_t burst = chaos_write(&scene.chaos);
    chaos_finish(&scene.chaos, &burst);
}

static char *
epoch_of_agent(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(chaos_agent(&scene.chaos, 0)->db, &db), SQLITE_OK);
    char *epoch = query_text(db, "SELECT epoch FROM sync_state");
    sqlite3_close(db);
    return epoch;
}

/*  Whatever happened, and whether the agents' history is the same as before.  */
static void
expect_equal(char *epoch_before, bool same)
{
    chaos_await_synced(&scene.chaos);
    caches_follow(&scene.chaos, scene.database);
    chaos_rest(&scene.chaos);
    char *epoch = epoch_of_agent();
    assert_true((strcmp(epoch, epoch_before) == 0) == same);
    free(epoch);
    free(epoch_before);
}

static void
expect_all_acknowledged(void)
{
    char *lost = mem_format("SELECT count(*) FROM waybill.client_changes"
                            " WHERE verdict = 'applied'");
    const int64_t acks = query_number(scene.chaos.notes, "SELECT count(*) FROM acks");
    assert_int_equal(database_number(scene.database, lost), acks);
    free(lost);
}

/*  --------------------------------------------------------------------------- the slot  */

static void
a_slot_that_lost_its_log_is_made_anew_in_the_same_history(void **state)
{
    (void) state;
    node_t *server = begin("max_slot_wal_keep_size=16MB");
    char *epoch = epoch_of_agent();
    chaos_stop(server, SIGTERM, 0);
    write_meanwhile();
    database_run(scene.database, "INSERT INTO events VALUES ('plain', 'sql', 1)");
    for (int i = 0; i < 6; i++) {
        database_run(scene.database, "SELECT pg_logical_emit_message(true, 'x', 'x')");
        database_run(scene.database, "SELECT pg_switch_wal()");
    }
    database_run(scene.database, "CHECKPOINT");
    database_await(scene.database, "SELECT wal_status = 'lost' FROM pg_replication_slots");
    chaos_start(&scene.chaos, server);
    expect_equal(epoch, true);
    expect_all_acknowledged();
}

static void
a_slot_that_vanished_begins_another_history(void **state)
{
    (void) state;
    node_t *server = begin("work_mem=4MB");
    char *epoch = epoch_of_agent();
    chaos_stop(server, SIGTERM, 0);
    write_meanwhile();
    database_run(scene.database,
                 "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots;");
    database_run(scene.database, "DELETE FROM events WHERE number % 7 = 0");
    chaos_start(&scene.chaos, server);
    expect_equal(epoch, false);
    expect_all_acknowledged();
}

/*  --------------------------------------------------------------- another database  */

static void
a_database_that_is_an_older_copy_begins_another_history(void **state)
{
    (void) state;
    node_t *server = begin("work_mem=4MB");
    char *epoch = epoch_of_agent();
    scene.other = CLUSTER("--copy-of", scene.cluster->dir);
    cluster_stop(scene.other, false);
    write_meanwhile();
    chaos_await_synced(&scene.chaos);
    chaos_stop(server, SIGTERM, 0);
    write_meanwhile();
    cluster_replace(scene.other, scene.cluster);
    chaos_start(&scene.chaos, server);
    expect_equal(epoch, false);
}

/*  While the server runs.  */
static void
a_promoted_standby_begins_another_history_with_all_rows(void **state)
{
    (void) state;
    (void) begin("work_mem=4MB");
    char *epoch = epoch_of_agent();
    scene.other = CLUSTER("--copy-of", scene.cluster->dir, "--standby");
    write_meanwhile();
    chaos_await_synced(&scene.chaos);
    database_t *copy = database_open(scene.other, scene.database->name);
    char *place = database_text(scene.database, "SELECT pg_current_wal_insert_lsn()");
    char *reached = mem_format("SELECT pg_last_wal_replay_lsn() >= '%s'", place);
    database_await(copy, reached);
    database_destroy(&copy);
    free(place);
    free(reached);
    cluster_replace(scene.other, scene.cluster);
    cluster_promote(scene.other);
    write_meanwhile();
    expect_equal(epoch, false);
    expect_all_acknowledged();
}

/*  --------------------------------------------------------------------- out of reach  */

static void
nothing_is_lost_while_nobody_is_there(void **state)
{
    (void) state;
    node_t *server = begin("work_mem=4MB");
    char *epoch = epoch_of_agent();
    cluster_stop(scene.cluster, false);
    write_meanwhile();
    chaos_await_logged(server, "PostgreSQL");
    cluster_start(scene.cluster);
    expect_equal(epoch, true);
    expect_all_acknowledged();
}

static void
take_all_connections(void)
{
    while (scene.n_sessions < MOST_SESSIONS) {
        PGconn *session = PQconnectdb(scene.database->address);
        scene.sessions[scene.n_sessions++] = session;
        if (PQstatus(session) != CONNECTION_OK)
            return;
    }
    fail_msg("there is always another connection");
}

static void
a_server_without_a_connection_goes_on_when_it_gets_one(void **state)
{
    (void) state;
    node_t *server = begin("max_connections=20");
    char *epoch = epoch_of_agent();
    take_all_connections();
    database_run(scene.database,
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                 " current_database() AND application_name LIKE 'waybill%'");
    take_all_connections();
    write_meanwhile();
    chaos_await_logged(server, "too many clients");
    for (size_t i = 0; i < scene.n_sessions; i++)
        PQfinish(scene.sessions[i]);
    scene.n_sessions = 0;
    expect_equal(epoch, true);
    expect_all_acknowledged();
}

#define IN_SCENE(test) cmocka_unit_test_teardown(test, tear_down)

int
main(void)
{
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        IN_SCENE(a_slot_that_lost_its_log_is_made_anew_in_the_same_history),
        IN_SCENE(a_slot_that_vanished_begins_another_history),
        IN_SCENE(a_database_that_is_an_older_copy_begins_another_history),
        IN_SCENE(a_promoted_standby_begins_another_history_with_all_rows),
        IN_SCENE(nothing_is_lost_while_nobody_is_there),
        IN_SCENE(a_server_without_a_connection_goes_on_when_it_gets_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
