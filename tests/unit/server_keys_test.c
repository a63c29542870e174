/*  Changes of rows with keys that are not simply one text, judged by the server.  */

#include "tests/unit/judge_world.h"

typedef struct keys {
    const char *on_sqlite, *on_postgres;
    const char *key;
} keys_t;

/*  One row of a table of its own: inserted, updated, deleted, and each time somebody is late.
 */
static void
expect_the_last_writer(world_t *world, const keys_t *kind, int number)
{
    static const char *const operations[] = {"insert", "update", "delete"};
    char *columns = mem_text(either(kind->on_sqlite, kind->on_postgres));
    char *sql = mem_format("CREATE TABLE t%d (%s)", number, columns);
    char *count = mem_format("SELECT count(*) FROM t%d", number);
    char *versions =
        mem_format("SELECT count(*) FROM waybill_versions WHERE tbl = 't%d'", number);
    char *row = mem_format("{%s,\"x\":1}", kind->key), *key = mem_format("{%s}", kind->key);
    make_table(world, sql);
    for (int n = 0; n < 3; n++) {
        const char *json = n < 2 ? row : key;
        char *later = mem_format("%d-%d t%d %s", number, n, number, operations[n]);
        char *earlier = mem_format("%d-%d t%d %s", number, n + 10, number, operations[n]);
        submit_one(world, "one", change(later, json, 100 + n));
        expect_verdict(0, "applied");
        expect(world, count, n < 2 ? "1" : "0");
        submit_one(world, "two", change(earlier, json, 50));
        expect_verdict(0, "merged");
        free(later);
        free(earlier);
    }
    expect(world, versions, "1");
    char *texts[] = {columns, sql, count, versions, row, key};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
}

static void
the_last_writer_wins_whatever_the_key_is(void **state)
{
    static const keys_t kinds[] = {
        {"a TEXT, b INTEGER, x, PRIMARY KEY (a, b)",
         "a TEXT, b BIGINT, x INT, PRIMARY KEY (a, b)", "\"a\":\"k\",\"b\":9007199254740993"},
        {"a BLOB PRIMARY KEY, x", "a BYTEA PRIMARY KEY, x INT", "\"a\":{\"$hex\":\"00FF\"}"},
        {"a REAL PRIMARY KEY, x", "a DOUBLE PRECISION PRIMARY KEY, x INT",
         "\"a\":0.30000000000000004"},
        {"a PRIMARY KEY, x", "a NUMERIC PRIMARY KEY, x INT", "\"a\":\"1.5\""},
        {"a BOOLEAN PRIMARY KEY, x", "a BOOLEAN PRIMARY KEY, x INT", "\"a\":1"},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        expect_the_last_writer(*state, &kinds[i], (int) i);
}

/*  The client's table may take both, and only one of them can be the server's row.  */
static void
a_key_that_only_compares_alike_is_refused(void **state)
{
    static const char on_sqlite[] = "CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, x);"
                                    "INSERT INTO t VALUES ('A', 1)";
    static const char in_postgres[] =
        "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2',"
        " deterministic = false);"
        "CREATE TABLE t (id TEXT COLLATE nocase PRIMARY KEY, x INT);"
        "INSERT INTO t VALUES ('A', 1)";
    world_t *world = *state;
    make_table(world, either(on_sqlite, in_postgres));
    submit_one(world, "one", change("1 t insert", "{\"id\":\"a\",\"x\":2}", 100));
    expect_verdict(0, "rejected RULE_VIOLATION");
    submit_one(world, "one", change("2 t update", "{\"id\":\"a\",\"x\":2}", 100));
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    submit_one(world, "one", change("3 t delete", "{\"id\":\"a\"}", 100));
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    expect(world, "SELECT id || x FROM t", "A1");
}

static void
the_rows_that_triggers_write_are_told_from_the_clients_own(void **state)
{
    world_t *world = *state;
    make_table(world, "CREATE TABLE t (a TEXT, b INT, x INT, PRIMARY KEY (a, b))");
    make_trigger(world, "AFTER INSERT ON t", "NEW.b = 1",
                 "INSERT INTO t VALUES (NEW.a, 2, NEW.x);");
    submit_one(world, "one", change("1 t insert", "{\"a\":\"k\",\"b\":1,\"x\":1}", 100));
    expect_verdict(0, "applied");
    expect(world,
           "SELECT json_extract(data, '$.b') || ifnull(client_id, '-') FROM change_log"
           " ORDER BY 1",
           "1one 2-");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JUDGE(the_last_writer_wins_whatever_the_key_is),
        WITH_JUDGE(a_key_that_only_compares_alike_is_refused),
        WITH_JUDGE(the_rows_that_triggers_write_are_told_from_the_clients_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
