/*  Changes of rows with keys that are not simply one text, judged by the server.  */

#include "tests/unit/server_world.h"

static void
make_table(world_t *world, const char *sql)
{
    plain_sql(world, sql);
    follow_schema(world);
}

static void
the_last_writer_wins_whatever_the_key_is(void **state)
{
    static const struct {
        const char *columns, *key;
    } kinds[] = {
        {"a TEXT, b INTEGER, x, PRIMARY KEY (a, b)", "\"a\":\"k\",\"b\":9007199254740993"},
        {"a BLOB PRIMARY KEY, x", "\"a\":{\"$hex\":\"00FF\"}"},
        {"a REAL PRIMARY KEY, x", "\"a\":0.30000000000000004"},
        {"a PRIMARY KEY, x", "\"a\":\"1.5\""},
    };
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *operations[] = {"insert", "update", "delete"};
        char *sql = mem_format("DROP TABLE IF EXISTS t; CREATE TABLE t (%s);"
                               " DELETE FROM waybill_versions; DELETE FROM client_changes",
                               kinds[i].columns);
        char *row = mem_format("{%s,\"x\":1}", kinds[i].key);
        char *key = mem_format("{%s}", kinds[i].key);
        make_table(world, sql);
        for (int n = 0; n < 3; n++) {
            const char *json = n < 2 ? row : key;
            char *later = mem_format("%d t %s", n, operations[n]);
            char *earlier = mem_format("%d t %s", n + 10, operations[n]);
            submit_one(world, "one", change(world, later, json, 100 + n));
            expect_verdict(world, 0, "applied");
            expect(world, "SELECT count(*) FROM t", n < 2 ? "1" : "0");
            submit_one(world, "two", change(world, earlier, json, 50));
            expect_verdict(world, 0, "merged");
            free(later);
            free(earlier);
        }
        expect(world, "SELECT count(*) FROM waybill_versions", "1");
        free(sql);
        free(row);
        free(key);
    }
}

/*  The client's table may take both, and only one of them can be the server's row.  */
static void
a_key_that_only_compares_alike_is_refused(void **state)
{
    world_t *world = *state;
    make_table(world, "CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, x);"
                      "INSERT INTO t VALUES ('A', 1)");
    submit_one(world, "one", change(world, "1 t insert", "{\"id\":\"a\",\"x\":2}", 100));
    expect_verdict(world, 0, "rejected RULE_VIOLATION");
    submit_one(world, "one", change(world, "2 t update", "{\"id\":\"a\",\"x\":2}", 100));
    expect_verdict(world, 0, "rejected ENTITY_NOT_FOUND");
    submit_one(world, "one", change(world, "3 t delete", "{\"id\":\"a\"}", 100));
    expect_verdict(world, 0, "rejected ENTITY_NOT_FOUND");
    expect(world, "SELECT id || x FROM t", "A1");
}

static void
the_rows_that_triggers_write_are_told_from_the_clients_own(void **state)
{
    world_t *world = *state;
    make_table(world, "CREATE TABLE t (a, b, x, PRIMARY KEY (a, b));"
                      "CREATE TRIGGER twin AFTER INSERT ON t WHEN NEW.b = 1"
                      " BEGIN INSERT INTO t VALUES (NEW.a, 2, NEW.x); END");
    submit_one(world, "one", change(world, "1 t insert", "{\"a\":\"k\",\"b\":1,\"x\":1}", 100));
    expect_verdict(world, 0, "applied");
    expect(world,
           "SELECT json_extract(data, '$.b') || ifnull(client_id, '-') FROM change_log"
           " ORDER BY 1",
           "1one 2-");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_last_writer_wins_whatever_the_key_is),
        WITH_WORLD(a_key_that_only_compares_alike_is_refused),
        WITH_WORLD(the_rows_that_triggers_write_are_told_from_the_clients_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
