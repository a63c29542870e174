/*  Local changes and the server's: written alike, each once, each with its row in the
    journal.  */

#include "tests/unit/agent_sim.h"

enum { PRODUCERS = 8, EACH = 25 };

typedef struct step {
    const char *operation, *id, *row;
} step_t;

static const step_t script[] = {
    {"insert", "a", "{\"id\": \"a\", \"title\": \"Tea\", \"done\": 0}"},
    {"insert", "b",
     "{\"id\": \"b\", \"title\": \"\\u00e4 \\u6f22\", \"done\": 9007199254740993}"},
    {"update", "a", "{\"id\": \"a\", \"title\": \"Coffee\", \"done\": 1}"},
    {"insert", "c", "{\"id\": \"c\", \"title\": null, \"done\": -1}"},
    {"delete", "b", "{\"id\": \"b\"}"},
    {"insert", "b", "{\"id\": \"b\", \"title\": \"again\", \"done\": 1.5}"},
    {"delete", "c", "{\"id\": \"c\"}"},
};

/*  The script in one table as the server's, in the other as ours.  */
static void
both_origins_leave_the_same_rows(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE ours (id TEXT PRIMARY KEY, title TEXT, done INTEGER)");
    start_with_todo(world);
    begin_history(world);
    for (size_t i = 0; i < COUNT_OF(script); i++) {
        const bool deletes = strcmp(script[i].operation, "delete") == 0;
        entry_t change =
            entry(world, script[i].operation, script[i].id, deletes ? NULL : script[i].row);
        change.table = "ours";
        (void) ASK(world, "service", write, written, .changes = &change, .n_changes = 1);
        assert_string_equal(apply(world, script[i].operation, 11 + i, script[i].row),
                            "applied");
    }
    assert_string_equal(text_of(world, "SELECT count(*) FROM (SELECT * FROM todo UNION"
                                       " SELECT * FROM ours)"),
                        "2");
    assert_string_equal(text_of(world, "SELECT count(*) FROM (SELECT * FROM todo INTERSECT"
                                       " SELECT * FROM ours)"),
                        "2");
    assert_string_equal(text_of(world, "SELECT count(*) FILTER (WHERE from_server) || '+' ||"
                                       " count(*) FILTER (WHERE NOT from_server)"
                                       " FROM local_changes"),
                        "7+7");
}

static bool
all_are_recorded(void *arg)
{
    return strcmp(text_of(arg, "SELECT count(*) FROM local_changes"), "225") == 0;
}

/*  Nobody waits for anybody.  */
static void
many_producers_and_the_server_lose_nothing(void **state)
{
    world_t *world = *state;
    char id[20], json[40];
    start_with_todo(world);
    begin_history(world);
    for (uint64_t i = 0; i < EACH; i++) {
        for (int producer = 0; producer < PRODUCERS; producer++) {
            (void) snprintf(id, sizeof id, "p%d-%d", producer, (int) i);
            (void) snprintf(json, sizeof json, "{\"done\": %d}", producer);
            entry_t change = entry(world, "insert", id, json);
            (void) sim_ask(world->sim, world->node, "service", MSG_write,
                           &(write_t){.changes = &change, .n_changes = 1});
        }
        (void) snprintf(json, sizeof json, "{\"id\": \"s%d\", \"done\": 100}", (int) i);
        server_change_t change = server_change(world, "insert", 11 + i, json);
        (void) sim_ask(world->sim, world->node, "lsn-manager", MSG_server_changes,
                       &(server_changes_t){.phase = "live",
                                           .epoch = "e",
                                           .prev = 10 + i,
                                           .lsn = 11 + i,
                                           .last = true,
                                           .changes = &change,
                                           .n_changes = 1});
    }
    assert_true(sim_until(world->sim, all_are_recorded, world, SOON_MS));
    assert_string_equal(text_of(world, "SELECT count(*) || ',' || sum(done) FROM todo"),
                        "225,3200");
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "35");
}

static void
many_updates_of_one_row_end_in_the_last(void **state)
{
    world_t *world = *state;
    static server_change_t changes[1000];
    char json[40];
    start_with_todo(world);
    begin_history(world);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        (void) snprintf(json, sizeof json, "{\"id\": \"a\", \"done\": %zu}", i);
        changes[i] = server_change(world, i == 0 ? "insert" : "update", 11, json);
        changes[i].index = i;
    }
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
               .epoch = "e", .prev = 10, .lsn = 11, .last = true, .changes = changes,
               .n_changes = COUNT_OF(changes));
    assert_string_equal(text_of(world, "SELECT count(*) || ',' || done FROM todo"), "1,999");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(both_origins_leave_the_same_rows),
        IN_WORLD(many_producers_and_the_server_lose_nothing),
        IN_WORLD(many_updates_of_one_row_end_in_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
