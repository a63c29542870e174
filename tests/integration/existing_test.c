/*  A server on a database that was there before, with tables as people make them: whatever
    has a primary key is synchronised, both ways and unharmed, and the rest is left alone.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

static const char database[] =
    "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " shout TEXT AS (name || '!') STORED, size INT AS (length(name)));"
    "CREATE TABLE tag (name TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE tagged (person INTEGER REFERENCES person ON DELETE CASCADE,"
    " tag TEXT REFERENCES tag, weight REAL, PRIMARY KEY (person, tag)) WITHOUT ROWID;"
    "CREATE TABLE \"it's a \"\"table\"\"\" (\"the key\" TEXT, \"b-key\" BLOB, \"select\","
    " PRIMARY KEY (\"b-key\", \"the key\"));"
    "CREATE TABLE exact (id ANY PRIMARY KEY, i INT, r REAL, b BLOB, x ANY) STRICT;"
    "CREATE TABLE odd (id REAL PRIMARY KEY, x \"my_type\");"
    "CREATE TABLE latin (id INTEGER PRIMARY KEY, x TEXT);"
    "CREATE TABLE keyless (a, b);"
    "CREATE VIEW people AS SELECT name FROM person;"
    "CREATE VIRTUAL TABLE search USING fts5 (body);"
    "INSERT INTO person VALUES (1, 'Ann'), (2, 'Bob'), (9007199254740993, '\xf0\x9f\x8d\xb5');"
    "INSERT INTO tag VALUES ('red'), ('Blue');"
    "INSERT INTO tagged VALUES (1, 'red', 1.0), (1, 'Blue', 0.1), (2, 'red', NULL);"
    "INSERT INTO \"it's a \"\"table\"\"\" VALUES ('k', x'00', 'from'), ('', x'00ff', NULL);"
    "INSERT INTO exact VALUES (1, 1, 1.0, x'', 1.0), ('1', NULL, NULL, NULL, '1'),"
    " (x'31', 9223372036854775807, 9e999, x'00', x'31'), (1.5, 0, 1e-300, NULL, 2);"
    "INSERT INTO odd VALUES (1, 'a' || char(0) || 'b'), (0.1, 9007199254740993);"
    "INSERT INTO latin VALUES (1, CAST(x'41ff42' AS TEXT));"
    "INSERT INTO keyless VALUES (1, 2);"
    "INSERT INTO search VALUES ('tea');";

static const struct {
    const char *table, *columns;
    const char *types; /* typeof() of them */
} tables[] = {
    {"person", "id, name", "typeof(id), typeof(name)"},
    {"tag", "name", "typeof(name)"},
    {"tagged", "person, tag, weight", "typeof(person), typeof(tag), typeof(weight)"},
    {"\"it's a \"\"table\"\"\"", "\"the key\", \"b-key\", \"select\"",
     "typeof(\"the key\"), typeof(\"b-key\"), typeof(\"select\")"},
    {"exact", "id, i, r, b, x", "typeof(id), typeof(i), typeof(r), typeof(b), typeof(x)"},
    {"odd", "id, x", "typeof(id), typeof(x)"},
};

typedef struct place {
    char *directory, *server_db, *agent_db, *run;
    process_t *server, *agent;
    sqlite3 *program; /* another one, at the server's database */
} place_t;

/*  Rows that only one of them has; -1 if a table is missing.  */
static int64_t
count_differences(sqlite3 *db, size_t table)
{
    char *row = mem_format("%s, %s", tables[table].columns, tables[table].types);
    char *name = mem_format("%s", tables[table].table);
    char *sql = mem_format("SELECT (SELECT count(*) FROM (SELECT %s FROM server.%s EXCEPT"
                           " SELECT %s FROM agent.%s)) + (SELECT count(*) FROM (SELECT %s FROM"
                           " agent.%s EXCEPT SELECT %s FROM server.%s))",
                           row, name, row, name, row, name, row, name);
    const int64_t n = query_number(db, sql);
    free(row);
    free(name);
    free(sql);
    return n;
}

static void
await_synced(const place_t *place)
{
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", place->run);
    if (synced.status != 0)
        fail_msg("%s%s", synced.out, synced.err);
    outcome_release(&synced);
}

/*  What another program writes is noticed a moment later.  */
static void
expect_same_rows(const place_t *place)
{
    size_t same = 0;
    sqlite3 *db = NULL;
    assert_int_equal(
        sqlite3_open_v2("", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                        NULL),
        SQLITE_OK);
    query_attach(db, place->server_db, "server");
    query_attach(db, place->agent_db, "agent");
    for (size_t tries = 0; same < COUNT_OF(tables) && tries < 1000; tries++) {
        await_synced(place);
        for (same = 0; same < COUNT_OF(tables); same++)
            if (count_differences(db, same) != 0)
                break;
    }
    if (same < COUNT_OF(tables))
        fail_msg("table %s differs", tables[same].table);
    sqlite3_close(db);
}

/*  It also sees what other programs write to its own database.  */
static process_t *
start_capturing_agent(const place_t *place)
{
    char *config = path_in(place->directory, "agent.conf");
    char *log = path_in(place->directory, "log");
    char *text = mem_format("agent\n    db = \"%s\"\n    server = \"ws://%s/api/sync\"\n"
                            "    capture = \"triggers\"\n",
                            place->agent_db, strrchr(place->server->ready, ' ') + 1);
    write_file(config, text);
    process_t *agent = process_new(
        log, NULL,
        (const char *const[]){"agent", "--config", config, "--run-dir", place->run, NULL});
    free(config);
    free(log);
    free(text);
    return agent;
}

static int
start_place(void **state)
{
    place_t *place = mem_new(sizeof *place);
    *state = place;
    place->directory = directory_new();
    place->server_db = path_in(place->directory, "server.db");
    place->agent_db = path_in(place->directory, "agent.db");
    place->run = path_in(place->directory, "run");
    char *log = path_in(place->directory, "server.log");
    char *server_run = path_in(place->directory, "server");
    assert_int_equal(sqlite3_open(place->server_db, &place->program), SQLITE_OK);
    sqlite3_db_config(place->program, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(place->program, 60000);
    query_run(place->program, database);
    place->server =
        process_new(log, NULL,
                    (const char *const[]){"server", "--db", place->server_db, "--listen",
                                          "127.0.0.1:0", "--run-dir", server_run, NULL});
    free(log);
    free(server_run);
    if (!process_await_ready(place->server))
        return -1;
    place->agent = start_capturing_agent(place);
    return process_await_ready(place->agent) ? 0 : -1;
}

static int
stop_place(void **state)
{
    place_t *place = *state;
    const int agent = place->agent ? process_end(place->agent, SIGTERM) : 0;
    const int server = place->server ? process_end(place->server, SIGTERM) : 0;
    sqlite3_close(place->program);
    process_destroy(&place->agent);
    process_destroy(&place->server);
    directory_destroy(&place->directory);
    free(place->server_db);
    free(place->agent_db);
    free(place->run);
    free(place);
    return agent + server;
}

static void
change(const place_t *place, const char *operation, const char *table, const char *id,
       const char *row)
{
    outcome_t outcome = row != NULL
                            ? RUN(operation, table, id, row, "--wait", "--run-dir", place->run)
                            : RUN(operation, table, id, "--wait", "--run-dir", place->run);
    if (outcome.status != 0 || strstr(outcome.out, " applied") == NULL)
        fail_msg("%s %s %s: %s%s", operation, table, id, outcome.out, outcome.err);
    outcome_release(&outcome);
}

static void
gives_a_new_agent_every_row_that_has_a_key(void **state)
{
    const place_t *place = *state;
    expect_same_rows(place);
    sqlite3 *agent = NULL;
    assert_int_equal(sqlite3_open_v2(place->agent_db, &agent, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(query_number(agent, "SELECT count(*) FROM pragma_table_list WHERE name"
                                         " LIKE 'search%' OR name IN ('keyless', 'people')"),
                     0);
    assert_int_equal(query_number(agent, "SELECT count(*) FROM tagged"), 3);
    sqlite3_close(agent);
}

static void
says_which_tables_are_left_out(void **state)
{
    const place_t *place = *state;
    char line[400];
    bool named = false;
    char *path = path_in(place->directory, "server.log");
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log) != NULL)
        if (strstr(line, "is not synchronised: it has no primary key") != NULL) {
            assert_contains(line, "table keyless");
            named = true;
        }
    assert_true(named);
    (void) fclose(log);
    free(path);
}

static void
takes_changes_of_rows_with_any_key(void **state)
{
    const place_t *place = *state;
    await_synced(place);
    change(place, "upsert", "tagged", "[2, \"Blue\"]", "{\"weight\":0.25}");
    change(place, "delete", "tagged", "[1,\"red\"]", NULL);
    change(place, "upsert", "it's a \"table\"", "[{\"$hex\":\"00ff\"},\"\"]",
           "{\"select\":{\"$blob\":\"AAE=\"}}");
    change(place, "upsert", "exact", "1.5", "{\"i\":9007199254740993}");
    change(place, "upsert", "exact", "{\"$text\":\"1\"}", "{\"x\":null}");
    change(place, "delete", "exact", "{\"$hex\":\"31\"}", NULL);
    change(place, "upsert", "odd", "0.30000000000000004", "{\"x\":\"\xc3\xa9\"}");
    change(place, "delete", "odd", "1", NULL);
    change(place, "upsert", "person", "2", "{\"name\":\"Rob\"}");
    expect_same_rows(place);
    assert_int_equal(query_number(place->program, "SELECT count(*) FROM tagged WHERE weight"
                                                  " = 0.25 AND person = 2 AND tag = 'Blue'"),
                     1);
    assert_int_equal(
        query_number(place->program, "SELECT shout = 'Rob!' FROM person WHERE id = 2"), 1);
}

static void
sends_what_other_programs_write_to_rows_with_any_key(void **state)
{
    const place_t *place = *state;
    await_synced(place);
    query_run(
        place->program,
        "UPDATE tagged SET person = 9007199254740993 WHERE person = 2;"
        "INSERT INTO tagged VALUES (1, 'red', 9e999);"
        "UPDATE \"it's a \"\"table\"\"\" SET \"the key\" = 'moved', \"select\" = 1.0;"
        "INSERT INTO exact VALUES (x'00', 1, 2.0, NULL, 'x'); DELETE FROM exact WHERE id = 1;"
        "UPDATE odd SET id = id + 1; PRAGMA foreign_keys = ON;"
        "DELETE FROM person WHERE id = 1");
    expect_same_rows(place);
}

static void
takes_what_other_programs_write_to_rows_of_an_agent(void **state)
{
    const place_t *place = *state;
    sqlite3 *program = NULL;
    await_synced(place);
    assert_int_equal(sqlite3_open(place->agent_db, &program), SQLITE_OK);
    sqlite3_db_config(program, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(program, 60000);
    query_run(program,
              "BEGIN; INSERT INTO person VALUES (-1, 'Cid'); INSERT INTO tag VALUES ('x''\"y');"
              "INSERT INTO tagged VALUES (-1, 'x''\"y', -9e999); COMMIT;"
              "UPDATE tagged SET weight = 0.1 + 0.2 WHERE tag = 'Blue';"
              "UPDATE \"it's a \"\"table\"\"\" SET \"b-key\" = x'01', \"select\" = x'0001'"
              " WHERE \"b-key\" = x'00';"
              "INSERT INTO exact VALUES ('2', 9223372036854775807, 3.0, x'00', 3.0),"
              " (2, NULL, NULL, NULL, NULL); DELETE FROM exact WHERE id = x'00';"
              "UPDATE odd SET id = id * 2, x = x || char(0)");
    sqlite3_close(program);
    expect_same_rows(place);
    assert_int_equal(
        query_number(place->program, "SELECT count(*) FROM exact WHERE id IN ('2', 2)"), 2);
}

/*  SQLite takes any bytes for a text, and one such row must not stop the rest.  */
static void
a_text_that_is_not_utf8_arrives_with_its_bad_bytes_marked(void **state)
{
    const place_t *place = *state;
    sqlite3 *agent = NULL;
    int64_t marked = 0;
    query_run(place->program, "INSERT INTO latin VALUES (2, CAST(x'41ff42' AS TEXT));"
                              "INSERT INTO person VALUES (77, 'behind it')");
    assert_int_equal(sqlite3_open_v2(place->agent_db, &agent, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    for (size_t tries = 0; marked < 2 && tries < 1000; tries++) {
        await_synced(place);
        marked = query_number(agent, "SELECT count(*) FROM latin"
                                     " WHERE x = 'A' || char(0xfffd) || 'B'");
    }
    assert_int_equal(marked, 2);
    sqlite3_close(agent);
    expect_same_rows(place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_a_new_agent_every_row_that_has_a_key),
        cmocka_unit_test(says_which_tables_are_left_out),
        cmocka_unit_test(takes_changes_of_rows_with_any_key),
        cmocka_unit_test(sends_what_other_programs_write_to_rows_with_any_key),
        cmocka_unit_test(takes_what_other_programs_write_to_rows_of_an_agent),
        cmocka_unit_test(a_text_that_is_not_utf8_arrives_with_its_bad_bytes_marked),
    };
    return cmocka_run_group_tests(tests, start_place, stop_place);
}
