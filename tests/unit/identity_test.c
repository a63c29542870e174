/*  Who a database is to the server: kept over everything, found again when it was lost, and
    given up by a copy. Agents against the real server in one simulation.  */

#include "tests/unit/pair_sim.h"

/*  An agent on a copy of the database.  */
typedef struct copy {
    char path[140];
    settings_t settings;
    int node;
} copy_t;

static copy_t copy;

static const char *
identity_of(world_t *world, int node)
{
    return arena_text(&world->arena, status_of(world, node)->client_id);
}

static void
copy_file(const char *from, const char *to)
{
    char *command = mem_format("cp %s %s", from, to);
    assert_int_equal(system(command), 0);
    free(command);
}

/*  As someone does who copies a disk: everything, while the agent is down.  */
static void
copy_database(world_t *world)
{
    (void) snprintf(copy.path, sizeof copy.path, "%s/copy.db", world->directory);
    run_sql(world, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy_file(world->path, copy.path);
    copy.settings = world->settings;
    copy.settings.agent_db = copy.path;
    copy.node = sim_node(world->sim, "copy", NULL, &copy.settings);
    for (size_t i = 0; agent_actors[i]; i++)
        sim_add(world->sim, copy.node, agent_actors[i]);
}

static const char *
text_in(world_t *world, const char *path, const char *sql)
{
    char own[140];
    strcpy(own, world->path);
    (void) snprintf(world->path, sizeof world->path, "%s", path);
    const char *text = text_of(world, sql);
    strcpy(world->path, own);
    return text;
}

/*  As its cache has it, where it has one.  */
static const char *
text_on_server(world_t *world, const char *sql)
{
    if (on_postgres())
        backend_follow(&server.backend);
    return text_in(world, server.path, sql);
}

static void
assert_all_equal(world_t *world, const char *sql)
{
    const char *expected = text_on_server(world, sql);
    assert_string_equal(text_of(world, sql), expected);
    assert_string_equal(text_in(world, copy.path, sql), expected);
}

/*  -------------------------------------------------------------------------- copies  */

static void
gives_a_copy_a_name_of_its_own(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_with_todo(world);
    await_synced(world);
    const char *first = identity_of(world, world->node);
    sim_crash(world->sim, world->node);
    copy_database(world);
    start_agent(world);
    await_synced(world);
    start_node(world->sim, copy.node);
    sim_run_ms(world->sim, 600000);
    await_synced(world);
    await_synced_of(world, copy.node);
    assert_string_not_equal(identity_of(world, world->node), identity_of(world, copy.node));
    assert_true(strcmp(identity_of(world, world->node), first) == 0
                || strcmp(identity_of(world, copy.node), first) == 0);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    sim_run_ms(world->sim, 60000);
    assert_all_equal(world, "SELECT group_concat(id || title) FROM todo");
}

static void
applies_once_what_both_copies_had_not_sent_yet(void **state)
{
    static const char count_sql[] = "SELECT count(*) || ' ' || group_concat(DISTINCT operation)"
                                    " FROM change_log WHERE tbl = 'todo'";
    world_t *world = *state;
    add_server(world);
    start_server(world);
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "update", "a", "{\"title\": \"Milk\"}");
    sim_crash(world->sim, world->node);
    world->settings.agent_connect = true;
    copy_database(world);
    for (int i = 0; i < 2; i++) { /* so that the copy's lease is an old one */
        sim_crash(world->sim, world->node);
        start_agent(world);
        await_synced(world);
    }
    start_node(world->sim, copy.node);
    sim_run_ms(world->sim, 600000);
    await_synced(world);
    await_synced_of(world, copy.node);
    assert_string_equal(text_on_server(world, count_sql), "2 insert,update");
    assert_all_equal(world, "SELECT group_concat(id || title) FROM todo");
    static const char verdicts[] =
        "SELECT group_concat(verdict) FROM local_changes WHERE from_server = 0";
    assert_string_equal(text_of(world, verdicts), "applied,applied");
    assert_string_equal(text_in(world, copy.path, verdicts), "applied,applied");
}

/*  ------------------------------------------------------------------- keeping, finding  */

static void
keeps_its_name_over_ten_connections_and_restarts(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_with_todo(world);
    await_synced(world);
    const char *name = identity_of(world, world->node);
    for (int i = 0; i < 10; i++) {
        if (i % 2 == 0) {
            sim_link(world->sim, world->node, false);
            sim_run_ms(world->sim, 1000);
            sim_link(world->sim, world->node, true);
        } else {
            sim_crash(world->sim, world->node);
            start_agent(world);
        }
        await_synced(world);
        assert_string_equal(identity_of(world, world->node), name);
    }
}

static void
finds_its_name_and_place_again_whatever_happened_to_its_state(void **state)
{
    static const char *const accidents[] = {
        "DELETE FROM sync_state",
        "DROP TABLE sync_state",
        "UPDATE sync_state SET lsn = -1",
        "UPDATE sync_state SET lsn = 'far'",
        "UPDATE sync_state SET lsn = x'00'",
        "UPDATE sync_state SET epoch = ''",
        "UPDATE sync_state SET epoch = x'00ff'",
        "UPDATE sync_state SET client_id = ''",
        "UPDATE sync_state SET client_id = x'c328'",
        "UPDATE sync_state SET lease = zeroblob(9)",
        "UPDATE sync_state SET epoch = hex(zeroblob(200))",
    };
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_with_todo(world);
    await_synced(world);
    for (size_t i = 0; i < COUNT_OF(accidents); i++) {
        char id[8];
        (void) snprintf(id, sizeof id, "a%zu", i);
        (void) write_one(world, "insert", id, "{\"title\": \"kept\"}");
        sim_crash(world->sim, world->node);
        run_sql(world, accidents[i]);
        start_agent(world);
        await_synced(world);
    }
    assert_string_equal(text_on_server(world, "SELECT count(*) FROM todo"), "11");
    assert_string_equal(
        text_on_server(world, "SELECT count(*) FROM change_log WHERE tbl = 'todo'"), "11");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "11");
}

static void
is_welcome_at_a_server_that_has_forgotten_it(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_with_todo(world);
    await_synced(world);
    const char *name = identity_of(world, world->node);
    sim_crash(world->sim, server.node);
    run_on_server("DELETE FROM waybill_clients");
    start_server(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    await_synced(world);
    assert_string_equal(identity_of(world, world->node), name);
    assert_string_equal(text_on_server(world, "SELECT count(*) FROM todo"), "1");
}

/*  The leases of the lost days are not known there.  */
static void
keeps_its_name_at_a_server_that_got_an_older_copy(void **state)
{
    world_t *world = *state;
    char older[160];
    ONLY_ON_SQLITE("it is the file that is restored; for PostgreSQL see postgres/faults:"
                   " a_database_that_is_an_older_copy_begins_another_history");
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_with_todo(world);
    await_synced(world);
    const char *name = identity_of(world, world->node);
    sim_crash(world->sim, server.node);
    (void) snprintf(older, sizeof older, "%s/older.db", world->directory);
    (void) text_in(world, server.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy_file(server.path, older);
    for (int i = 0; i < 3; i++) {
        start_server(world);
        await_synced(world);
        (void) write_one(world, "upsert", "a", "{\"title\": \"Tea\"}");
        await_synced(world);
        sim_run_ms(world->sim, 5000);
        sim_crash(world->sim, server.node);
    }
    (void) text_in(world, server.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy_file(older, server.path);
    start_server(world);
    sim_run_ms(world->sim, 120000);
    await_synced(world);
    assert_string_equal(identity_of(world, world->node), name);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(gives_a_copy_a_name_of_its_own),
        IN_PAIR(applies_once_what_both_copies_had_not_sent_yet),
        IN_PAIR(keeps_its_name_over_ten_connections_and_restarts),
        IN_PAIR(finds_its_name_and_place_again_whatever_happened_to_its_state),
        IN_PAIR(is_welcome_at_a_server_that_has_forgotten_it),
        IN_PAIR(keeps_its_name_at_a_server_that_got_an_older_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
