/*  An ordered stop while much is written: what was acknowledged is there, nothing is there by
    half, and the rest goes on after the next start.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { TRANSACTIONS = 20000, ROUNDS = 3 };

typedef struct place {
    char *dir, *db, *run, *log, *lines;
    process_t *agent;
} place_t;

static void
start(place_t *self)
{
    self->agent = start_agent(self->dir, world.url, NULL);
    if (!process_await_ready(self->agent))
        fail_msg("the agent did not start: see %s", self->dir);
}

/*  Two rows a transaction, with keys that no other round has.  */
static void
write_lines(const char *path, int round)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < TRANSACTIONS; i++)
        (void) fprintf(file,
                       "{\"changes\":[{\"table\":\"notes\",\"operation\":\"insert\",\"id\":"
                       "\"%d-%d-a\",\"data\":{\"title\":\"x\"}},{\"table\":\"notes\","
                       "\"operation\":\"insert\",\"id\":\"%d-%d-b\",\"data\":{\"title\":"
                       "\"x\"}}]}\n",
                       round, i, round, i);
    assert_int_equal(fclose(file), 0);
}

/*  Checkpoints are the agent's.  */
static sqlite3 *
open_reader(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return db;
}

static int64_t
find_change(sqlite3 *db, const char *id)
{
    char sql[120];
    (void) snprintf(sql, sizeof sql, "SELECT count(*) FROM local_changes WHERE id = '%.36s'",
                    id);
    return query_number(db, sql);
}

/*  Stopped when the first ids are printed; gives how many were.  */
static int64_t
stop_under_load(place_t *self, sqlite3 *db)
{
    char id[64];
    int64_t acknowledged = 1;
    process_t *apply = process_new(
        self->log, NULL,
        (const char *const[]){"apply", "--ids", self->lines, "--run-dir", self->run, NULL});
    assert_true(process_await_ready(apply));
    assert_int_equal(process_end(self->agent, SIGTERM), 0);
    process_destroy(&self->agent);
    assert_int_equal(find_change(db, apply->ready), 1);
    for (; fgets(id, sizeof id, apply->out); acknowledged++)
        assert_int_equal(find_change(db, id), 1);
    (void) process_end(apply, 0);
    process_destroy(&apply);
    return acknowledged;
}

static void
an_ordered_stop_under_load_leaves_nothing_half_done(void **state)
{
    static const char halves[] = "SELECT count(*) FROM (SELECT txn FROM local_changes GROUP BY"
                                 " txn HAVING count(*) <> 2)";
    sqlite3 *db = NULL;
    place_t place = {.dir = directory_new()};
    (void) state;
    place.db = path_in(place.dir, "agent.db");
    place.run = path_in(place.dir, "run");
    place.log = path_in(place.dir, "apply.log");
    place.lines = path_in(place.dir, "lines");
    make_notes(place.db);
    for (int round = 0; round < ROUNDS; round++) {
        start(&place);
        if (db == NULL)
            db = open_reader(place.db);
        write_lines(place.lines, round);
        const int64_t acknowledged = stop_under_load(&place, db);
        assert_in_range(acknowledged, 1, 2 * TRANSACTIONS - 1);
        assert_int_equal(query_number(db, halves), 0);
        assert_int_equal(query_number(db, "SELECT count(*) FROM notes"),
                         query_number(db, "SELECT count(*) FROM local_changes"));
    }
    sqlite3_close(db);
    start(&place);
    outcome_t synced =
        RUN("status", "--wait", "synced", "--timeout", "120", "--run-dir", place.run);
    assert_int_equal(synced.status, 0);
    outcome_release(&synced);
    assert_int_equal(process_end(place.agent, SIGTERM), 0);
    process_destroy(&place.agent);
    directory_destroy(&place.dir);
    free(place.db);
    free(place.run);
    free(place.log);
    free(place.lines);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordered_stop_under_load_leaves_nothing_half_done),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
