/*  The actors that both sides run: lines that nobody can forge, and a log that is copied when
   it is due and only then.  */

#include "actors/common/actors.h"
#include "actors/common/db.h"
#include "actors/settings.h"
#include "runtime/sim.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct world {
    char path[64];
    settings_t settings;
    fault_t fault;
    db_t *db;
    sim_t *sim;
    int node;
} world_t;

static void
start_actor(world_t *world, const actor_class_t *class)
{
    static const sim_faults_t no_faults = {0};
    world->sim = sim_new(1, &no_faults);
    world->node = sim_node(world->sim, "node", NULL, &world->settings);
    sim_add(world->sim, world->node, class);
    if (sim_start(world->sim, world->node, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
    sim_run_ms(world->sim, 10); /* its own first words are out */
}

static int
make_world(void **state)
{
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-common-XXXXXX");
    close(mkstemp(world->path));
    assert_int_equal(db_open(world->path, true, &world->db, &world->fault), OK);
    assert_int_equal(db_exec(world->db, "CREATE TABLE t (x)", &world->fault), OK);
    world->settings = (settings_t){.agent_db = world->path,
                                   .server_db = "",
                                   .process_log_level = "info",
                                   .process_log_format = "text"};
    *state = world;
    return 0;
}

static int
remove_world(void **state)
{
    world_t *world = *state;
    sim_destroy(&world->sim);
    db_close(&world->db);
    unlink(world->path);
    free(world);
    return 0;
}

/*  ------------------------------------------------------------------------ checkpointer  */

static void
grow_log(world_t *world, const char *sql)
{
    assert_int_equal(db_exec(world->db, sql, &world->fault), OK);
}

static void
hint(world_t *world, uint64_t virtual_ms)
{
    const wal_grown_t grown = {.pages = (uint64_t) db_wal_pages(world->db)};
    sim_tell(world->sim, world->node, "checkpointer", MSG_wal_grown, &grown);
    sim_run_ms(world->sim, virtual_ms);
}

/*  If the log was copied, the next commit begins it anew.  */
static bool
was_copied(world_t *world)
{
    grow_log(world, "INSERT INTO t VALUES (1)");
    return db_wal_pages(world->db) < 10;
}

static void
copies_a_log_that_has_grown(void **state)
{
    world_t *world = *state;
    start_actor(world, &checkpointer);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(2000000))");
    hint(world, 10);
    assert_true(was_copied(world));
}

static void
leaves_a_short_log_alone(void **state)
{
    world_t *world = *state;
    start_actor(world, &checkpointer);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(900000))");
    hint(world, 10000);
    assert_false(was_copied(world));
}

/*  Opening a locked database waits for seconds; once it is open, nothing does.  */
static void
start_opened(world_t *world)
{
    start_actor(world, &checkpointer);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(2000000))");
    hint(world, 10);
    grow_log(world, "INSERT INTO t VALUES (1)");
    hint(world, 10);
}

static void
tries_again_while_somebody_writes(void **state)
{
    world_t *world = *state;
    start_opened(world);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(2000000))");
    assert_int_equal(db_begin(world->db, &world->fault), OK);
    hint(world, 100);
    db_rollback(world->db);
    sim_run_ms(world->sim, 1000);
    assert_true(was_copied(world));
}

static void
gives_up_until_the_next_hint(void **state)
{
    world_t *world = *state;
    start_opened(world);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(2000000))");
    assert_int_equal(db_begin(world->db, &world->fault), OK);
    hint(world, 60000);
    assert_false(sim_step(world->sim)); /* at rest */
    db_rollback(world->db);
    hint(world, 10);
    assert_true(was_copied(world));
}

static void
a_database_that_cannot_be_opened_stops_nothing(void **state)
{
    world_t *world = *state;
    world->settings.agent_db = "/nowhere/app.db";
    start_actor(world, &checkpointer);
    grow_log(world, "INSERT INTO t VALUES (zeroblob(2000000))");
    hint(world, 10000);
    assert_false(was_copied(world));
}

/*  ------------------------------------------------------------------------------ logger  */

/*  What the logger writes to stderr for this message.  */
static void
logged(world_t *world, message_id_t id, const void *body, char text[static 1024])
{
    char path[] = "/tmp/waybill-stderr-XXXXXX";
    const int file = mkstemp(path);
    const int kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    dup2(file, STDERR_FILENO);
    sim_tell(world->sim, world->node, "logger", id, body);
    sim_run_ms(world->sim, 10);
    dup2(kept, STDERR_FILENO);
    const ssize_t size = pread(file, text, 1023, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    close(kept);
    close(file);
    unlink(path);
}

static void
writes_one_line_of_time_level_actor_and_text(void **state)
{
    char text[1024];
    world_t *world = *state;
    start_actor(world, &logger);
    logged(world, MSG_log_line,
           &(log_line_t){.time = 1700000000123,
                         .level = "warning",
                         .actor = "recorder",
                         .text = "disk \xc3\xa9"},
           text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z warning recorder disk \xc3\xa9\n");
}

static void
nobody_forges_a_line(void **state)
{
    char text[1024];
    world_t *world = *state;
    start_actor(world, &logger);
    logged(world, MSG_log_line,
           &(log_line_t){.level = "error",
                         .actor = "me error you",
                         .text = "a\n2023 error b \x1b[2J \xc2\x9b \\n"},
           text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z error me\\x20error\\x20you "
                              "a\\x0a2023 error b \\x1b[2J \\xc2\\x9b \\x5cn\n");
}

static void
keeps_to_the_level_that_was_set(void **state)
{
    char text[1024];
    world_t *world = *state;
    world->settings.process_log_level = "warning";
    start_actor(world, &logger);
    logged(world, MSG_log_line, &(log_line_t){.level = "info", .actor = "a", .text = "b"},
           text);
    assert_string_equal(text, "");
    logged(world, MSG_actor_state, &(actor_state_t){.actor = "a", .state = "ready"}, text);
    assert_string_equal(text, "");
    logged(world, MSG_actor_state,
           &(actor_state_t){.actor = "a", .state = "backoff", .reason = "why", .restarts = 2},
           text);
    assert_non_null(strstr(text, " warning a backoff: why (restart 2)\n"));
}

static void
writes_errors_with_their_code_and_subject(void **state)
{
    char text[1024];
    world_t *world = *state;
    start_actor(world, &logger);
    logged(world, MSG_problem,
           &(problem_t){.code = "FULL", .message = "the disk is full", .subject = "app.db"},
           text);
    assert_non_null(strstr(text, " error - FULL app.db: the disk is full\n"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(copies_a_log_that_has_grown),
        EACH(leaves_a_short_log_alone),
        EACH(tries_again_while_somebody_writes),
        EACH(gives_up_until_the_next_hint),
        EACH(a_database_that_cannot_be_opened_stops_nothing),
        EACH(writes_one_line_of_time_level_actor_and_text),
        EACH(nobody_forges_a_line),
        EACH(keeps_to_the_level_that_was_set),
        EACH(writes_errors_with_their_code_and_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
