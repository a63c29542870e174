/*  Servers on PostgreSQL and agents as real processes, killed with SIGKILL at random points
   while changes flow and another program writes plain SQL; PostgreSQL crashes as well. Nothing
   that was acknowledged is lost, nothing is applied twice, and in the end all databases are
   equal.

    WAYBILL_SEED=NUMBER repeats a run's choices, WAYBILL_KILLS=NUMBER kills as often.  */

#include "tests/postgres/caches.h"
#include "tests/postgres/sql_writer.h"

#include <signal.h>
#include <stdlib.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KILLS = 50, HOPS = 6, KILLS_A_BURST = 4, ROWS = 40 };

typedef struct scene {
    chaos_t chaos;
    cluster_t *cluster;
    database_t *database;
    sql_writer_t *writer;
} scene_t;

static scene_t scene;

static void
begin(scene_t *self, size_t n_servers)
{
    chaos_seed();
    self->cluster = CLUSTER(NULL);
    self->database = database_new(self->cluster);
    database_run(self->database, chaos_schema);
    chaos_begin(&self->chaos, self->database->address, n_servers);
    char *notes = path_in(self->chaos.dir, "sql.notes");
    self->writer = sql_writer_new(self->database, notes);
    free(notes);
}

static bool
is_in_database(void *arg, const char *id)
{
    char *sql = mem_format("SELECT count(*) FROM events WHERE id = '%s'", id);
    const bool there = database_number(arg, sql) == 1;
    free(sql);
    return there;
}

static void
finish(scene_t *self, int kills)
{
    sql_writer_end(self->writer);
    chaos_await_synced(&self->chaos);
    caches_follow(&self->chaos, self->database);
    chaos_rest(&self->chaos);
    chaos_check(&self->chaos, kills);
    assert_int_equal(sql_writer_lost(self->writer, is_in_database, self->database), 0);
}

static int
tear_down(void **state)
{
    (void) state;
    sql_writer_destroy(&scene.writer);
    if (scene.chaos.n > 0)
        chaos_end(&scene.chaos);
    if (scene.database)
        database_destroy(&scene.database);
    cluster_destroy(&scene.cluster);
    return 0;
}

/*  ------------------------------------------------------------------------- killing  */

static void
kill_node(scene_t *self, node_t *victim)
{
    chaos_t *chaos = &self->chaos;
    chaos_stop(victim, SIGKILL, 128 + SIGKILL);
    if (!chaos_is_server(chaos, victim))
        chaos_check_position(chaos, victim);
    chaos_start(chaos, victim);
}

/*  As at a loss of power: servers and agents go on meanwhile.  */
static void
crash_database(scene_t *self)
{
    cluster_stop(self->cluster, true);
    cluster_start(self->cluster);
}

/*  Anybody, at any moment: one of those, or PostgreSQL, if number is behind the last.  */
static void
kill_one(scene_t *self, size_t number)
{
    sql_writer_await(self->writer, 1 + chaos_below(ROWS));
    if (number < self->chaos.n)
        kill_node(self, &self->chaos.nodes[number]);
    else
        crash_database(self);
}

/*  Several for each burst, so that who comes back is killed while it makes up for it.  */
static void
loses_nothing_and_applies_nothing_twice(void **state)
{
    const int kills = chaos_kills(KILLS);
    (void) state;
    begin(&scene, 1);
    for (int killed = 0; killed < kills;) {
        burst_t burst = chaos_write(&scene.chaos);
        chaos_watch(&scene.chaos, &burst, 1 + chaos_below(CHAOS_TRANSACTIONS));
        for (int i = 0; i < KILLS_A_BURST && killed < kills; i++, killed++)
            kill_one(&scene, (size_t) chaos_below((int) scene.chaos.n + 1));
        chaos_finish(&scene.chaos, &burst);
    }
    finish(&scene, kills);
}

/*  Two servers, each of which is away for a while: its agents go to the other.  */
static void
agents_hop_between_servers_and_lose_nothing(void **state)
{
    const int kills = chaos_kills(HOPS);
    (void) state;
    begin(&scene, 2);
    for (int round = 0; round < kills; round++) {
        node_t *victim = &scene.chaos.nodes[round % 2];
        burst_t burst = chaos_write(&scene.chaos);
        chaos_watch(&scene.chaos, &burst, 1 + chaos_below(CHAOS_TRANSACTIONS));
        chaos_stop(victim, SIGKILL, 128 + SIGKILL);
        sql_writer_await(scene.writer, ROWS);
        chaos_start(&scene.chaos, victim);
        chaos_finish(&scene.chaos, &burst);
    }
    finish(&scene, kills);
}

int
main(void)
{
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(loses_nothing_and_applies_nothing_twice, tear_down),
        cmocka_unit_test_teardown(agents_hop_between_servers_and_lose_nothing, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
