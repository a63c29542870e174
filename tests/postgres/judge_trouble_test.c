/*  The judge on PostgreSQL, and what an application's database may answer beside the usual: who
    is refused then, who is put off, and who goes on.  */

#include "tests/postgres/judge_world.h"

static client_change_t
lone(const char *words, const char *json)
{
    client_change_t made = change(words, json, 10);
    made.txn = NULL;
    return made;
}

/*  A table that agents have, beside list and todo.  */
static void
publish(world_t *world, const char *name, const char *columns)
{
    char *sql = mem_format("CREATE TABLE %s (%s); ALTER PUBLICATION waybill ADD TABLE %s", name,
                           columns, name);
    run(world, sql);
    free(sql);
}

static void
call_before_insert(world_t *world, const char *table, const char *body)
{
    char *sql = mem_format("CREATE FUNCTION on_%s() RETURNS trigger LANGUAGE plpgsql AS"
                           " $$BEGIN %s; RETURN NEW; END$$; CREATE TRIGGER on_%s BEFORE INSERT"
                           " ON %s FOR EACH ROW EXECUTE FUNCTION on_%s()",
                           table, body, table, table, table);
    run(world, sql);
    free(sql);
}

/*  ------------------------------------------------------------------ what takes too long  */

static void
puts_off_nobody_but_whose_change_takes_too_long(void **state)
{
    world_t *world = *state;
    publish(world, "slow", "id INT PRIMARY KEY");
    call_before_insert(world, "slow", "PERFORM pg_sleep(600)");
    world->settings.postgres_statement_ms = 500;
    restart_judge(world);
    const client_change_t changes[] = {
        lone("c1 todo insert", "{\"id\":\"a\"}"),
        lone("c2 slow insert", "{\"id\":1}"),
        lone("c3 todo insert", "{\"id\":\"b\"}"),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "applied");
    expect_verdict(1, "retry RETRY_LATER");
    expect_verdict(2, "retry RETRY_LATER");
    submit_one(world, "two", lone("c4 todo insert", "{\"id\":\"c\"}"));
    expect_verdict(0, "applied");
    expect_text(world, "SELECT string_agg(id, ' ' ORDER BY id) FROM todo", "a c");
}

static void
puts_off_nobody_but_whose_row_is_locked(void **state)
{
    world_t *world = *state;
    run(world, "INSERT INTO todo VALUES ('locked', 'x')");
    world->settings.postgres_statement_ms = 500;
    restart_judge(world);
    PGconn *other = PQconnectdb(world->backend.database->address);
    PQclear(PQexec(other, "BEGIN; UPDATE todo SET title = 'y' WHERE id = 'locked'"));
    const client_change_t changes[] = {
        lone("c1 todo insert", "{\"id\":\"a\"}"),
        lone("c2 todo update", "{\"id\":\"locked\",\"title\":\"z\"}"),
        lone("c3 todo insert", "{\"id\":\"b\"}"),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "applied");
    expect_verdict(1, "retry RETRY_LATER");
    expect_verdict(2, "retry RETRY_LATER");
    submit_one(world, "two", lone("c4 todo insert", "{\"id\":\"c\"}"));
    expect_verdict(0, "applied");
    PQfinish(other);
    submit(world, "one", changes, 3);
    expect_verdict(0, "duplicate of applied");
    expect_verdict(1, "applied");
    expect_verdict(2, "applied");
}

/*  ------------------------------------------------------------------ who is refused  */

static void
takes_the_words_of_a_trigger_for_a_refusal_whatever_its_code(void **state)
{
    world_t *world = *state;
    publish(world, "shut", "id INT PRIMARY KEY");
    call_before_insert(world, "shut",
                       "RAISE EXCEPTION 'shut on Sundays' USING ERRCODE = CASE"
                       " NEW.id WHEN 1 THEN 'WB001' ELSE '42501' END");
    restart_judge(world);
    submit_one(world, "one", lone("c1 shut insert", "{\"id\":1}"));
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_message("shut on Sundays");
    submit_one(world, "one", lone("c2 shut insert", "{\"id\":2}"));
    expect_verdict(0, "rejected RULE_VIOLATION");
}

static void
refuses_another_value_for_what_the_database_counts(void **state)
{
    world_t *world = *state;
    publish(world, "part", "id INT PRIMARY KEY, n INT GENERATED ALWAYS AS IDENTITY");
    restart_judge(world);
    submit_one(world, "one", lone("c1 part insert", "{\"id\":1}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c2 part update", "{\"id\":1,\"n\":6}"));
    expect_verdict(0, "rejected INVALID_CHANGE");
    expect_row(0, "{\"id\":1,\"n\":1}");
    submit_one(world, "one", lone("c3 part insert", "{\"id\":2,\"n\":6}"));
    expect_verdict(0, "rejected INVALID_CHANGE");
}

/*  What only shows at the end of the transaction is nobody's in particular.  */
static void
rejects_the_guilty_even_beside_a_rule_that_fails(void **state)
{
    static table_settings_t rules[] = {{.name = "ruled",
                                        .tables_policy = "row",
                                        .tables_read = "1 / n > 0",
                                        .tables_write = "",
                                        .tables_check = "",
                                        .tables_server_only = "",
                                        .tables_capture = "",
                                        .tables_plugin = ""}};
    world_t *world = *state;
    publish(world, "ruled", "id INT PRIMARY KEY, n INT");
    publish(world, "late", "id INT PRIMARY KEY, n INT UNIQUE DEFERRABLE INITIALLY DEFERRED");
    run(world, "INSERT INTO ruled VALUES (1, 0); INSERT INTO late VALUES (1, 1)");
    world->settings.tables = rules;
    world->settings.n_tables = 1;
    restart_judge(world);
    const client_change_t changes[] = {
        lone("c1 todo insert", "{\"id\":\"a\"}"),
        lone("c2 ruled update", "{\"id\":1,\"n\":2}"),
        lone("c3 late insert", "{\"id\":2,\"n\":1}"),
        lone("c4 todo insert", "{\"id\":\"b\"}"),
    };
    submit(world, "one", changes, 4);
    expect_verdict(0, "applied");
    expect_verdict(1, "rejected ENTITY_NOT_FOUND");
    expect_verdict(2, "rejected RULE_VIOLATION");
    expect_verdict(3, "applied");
}

/*  ------------------------------------------------------------------ keys  */

static void
refuses_a_key_that_is_another_one_when_it_is_read(void **state)
{
    world_t *world = *state;
    publish(world, "blobs", "id BYTEA PRIMARY KEY, n INT");
    publish(world, "flags", "id BOOLEAN PRIMARY KEY, n INT");
    publish(world, "reals", "id REAL PRIMARY KEY, n INT");
    restart_judge(world);
    submit_one(world, "one", lone("c1 blobs insert", "{\"id\":\"abc\"}"));
    expect_verdict(0, "rejected INVALID_CHANGE");
    submit_one(world, "one", lone("c2 flags insert", "{\"id\":\"true\"}"));
    expect_verdict(0, "rejected INVALID_CHANGE");
    submit_one(world, "one", lone("c3 flags insert", "{\"id\":1}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c4 flags update", "{\"id\":1,\"n\":2}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c5 reals insert", "{\"id\":0.1234567890123}"));
    expect_verdict(0, "rejected INVALID_CHANGE");
    submit_one(world, "one", lone("c6 reals insert", "{\"id\":0.1}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c7 reals insert", "{\"id\":2.0}"));
    expect_verdict(0, "applied");
}

/*  ------------------------------------------------------------------ kinds of tables  */

static void
moves_a_row_to_another_partition(void **state)
{
    world_t *world = *state;
    run(world,
        "CREATE TABLE parted (id INT, n INT, PRIMARY KEY (id, n)) PARTITION BY RANGE (n);"
        "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20);"
        "ALTER TABLE parted ADD title TEXT; ALTER PUBLICATION waybill"
        " SET (publish_via_partition_root); ALTER PUBLICATION waybill ADD TABLE parted");
    restart_judge(world);
    submit_one(world, "one", lone("c1 parted insert", "{\"id\":1,\"n\":5,\"title\":\"x\"}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c2 parted update", "{\"id\":1,\"n\":5,\"title\":\"y\"}"));
    expect_verdict(0, "applied");
    submit_one(world, "one", lone("c3 parted insert", "{\"id\":1,\"n\":25}"));
    expect_verdict(0, "rejected RULE_VIOLATION");
    submit_one(world, "one", lone("c4 parted delete", "{\"id\":1,\"n\":5}"));
    expect_verdict(0, "applied");
}

/*  ------------------------------------------------------------------ values  */

static void
takes_names_and_values_for_nothing_but_themselves(void **state)
{
    world_t *world = *state;
    publish(world, "\"odd \"\"; DROP TABLE todo; --\"",
            "\"a'b\" TEXT PRIMARY KEY, \":user_id $1\" TEXT");
    restart_judge(world);
    client_change_t odd = lone("c1 x insert", "{\"a'b\":\"'); DROP TABLE todo; --\\\\ {\\\"}\","
                                              "\":user_id $1\":\"{\\\"a\\\",NULL}\\n\\t\"}");
    odd.table = "odd \"; DROP TABLE todo; --";
    submit_one(world, "one'; DROP TABLE todo; --", odd);
    expect_verdict(0, "applied");
    expect_row(0, "");
    expect_text(world, "SELECT count(*) FROM todo", "0");
    expect_text(world, "SELECT client_id FROM waybill.versions", "one'; DROP TABLE todo; --");
}

static void
refuses_what_no_column_takes(void **state)
{
    world_t *world = *state;
    publish(world, "typed",
            "id INT PRIMARY KEY, n NUMERIC(5,2), s SMALLINT, j JSONB, a TEXT[],"
            " t TIMESTAMPTZ, c VARCHAR(3)");
    restart_judge(world);
    static const char *const bad[] = {
        "{\"id\":1,\"n\":\"1e9\"}",
        "{\"id\":1,\"s\":70000}",
        "{\"id\":1,\"j\":\"{\"}",
        "{\"id\":1,\"a\":\"{\"}",
        "{\"id\":1,\"t\":\"some day\"}",
        "{\"id\":1,\"c\":\"abcd\"}",
        "{\"id\":1,\"c\":\"a\\u0000\"}",
        "{\"id\":3000000000}",
        "{\"id\":1,\"j\":\"\\\"\\\\u0000\\\"\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char words[40];
        (void) snprintf(words, sizeof words, "c%zu typed insert", i);
        submit_one(world, "one", lone(words, bad[i]));
        expect_verdict(0, "rejected INVALID_CHANGE");
    }
    submit_one(world, "one",
               lone("d typed insert", "{\"id\":1,\"j\":\"{\\\"a\\\":1,\\\"a\\\":2}\","
                                      "\"t\":\"2026-01-01 12:00:00+02\",\"n\":1.005}"));
    expect_verdict(0, "applied");
    expect_row(0, "{\"id\":1,\"n\":\"1.01\",\"s\":null,\"j\":\"{\\\"a\\\": 2}\",\"a\":null,"
                  "\"t\":\"2026-01-01 10:00:00+00\",\"c\":null}");
}

/*  Kept for whoever looks into it, as well as that can be written.  */
static void
refuses_what_is_no_text_of_a_table_that_nobody_knows(void **state)
{
    static const uint8_t row[] = {0x81, 0xa2, 'i', 'd', 0xa1, 0xff};
    world_t *world = *state;
    client_change_t broken = lone("c1 nowhere insert", "{}");
    broken.data = (bytes_t){row, sizeof row};
    submit_one(world, "one", broken);
    expect_verdict(0, "rejected INVALID_CHANGE");
    broken.id = "c2";
    broken.table = "todo";
    submit_one(world, "one", broken);
    expect_verdict(0, "rejected INVALID_CHANGE");
}

/*  ------------------------------------------------------------------ rules  */

static void
takes_names_in_a_rule_for_columns_of_its_table(void **state)
{
    static table_settings_t rules[] = {
        {.name = "ours",
         .tables_policy = "row",
         .tables_read = "NOT deleted AND xid = 1 AND time = 1 AND lsn = 1 AND number = 1",
         .tables_write = "client_id = 'x' AND updated_at = 1 AND key = 'k' AND tbl = 't'",
         .tables_check = "",
         .tables_server_only = "",
         .tables_capture = "",
         .tables_plugin = ""}};
    world_t *world = *state;
    publish(world, "ours",
            "id INT PRIMARY KEY, n INT, deleted BOOL DEFAULT false, xid INT"
            " DEFAULT 1, time INT DEFAULT 1, lsn INT DEFAULT 1, number INT"
            " DEFAULT 1, client_id TEXT DEFAULT 'x', updated_at INT DEFAULT 1,"
            " key TEXT DEFAULT 'k', tbl TEXT DEFAULT 't'");
    run(world, "INSERT INTO ours VALUES (1)");
    world->settings.tables = rules;
    world->settings.n_tables = 1;
    restart_judge(world);
    submit_one(world, "one", lone("c1 ours update", "{\"id\":1,\"n\":2}"));
    expect_verdict(0, "applied");
}

/*  ------------------------------------------------------------------ secrets  */

static void
tells_nothing_of_the_row_that_is_in_the_way(void **state)
{
    world_t *world = *state;
    publish(world, "stay",
            "id INT PRIMARY KEY, place INT4RANGE, EXCLUDE USING gist"
            " (place WITH &&)");
    publish(world, "seat",
            "id INT PRIMARY KEY, n INT, secret TEXT DEFAULT 'hush',"
            " UNIQUE (n, secret)");
    run(world, "INSERT INTO stay VALUES (1, '[10,4711)'); INSERT INTO seat VALUES (1, 1)");
    restart_judge(world);
    submit_one(world, "one", lone("c1 stay insert", "{\"id\":2,\"place\":\"[20,30)\"}"));
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_message("exclusion constraint");
    assert_null(strstr(judged.verdicts[0].message, "4711"));
    submit_one(world, "one", lone("c2 seat insert", "{\"id\":2,\"n\":1}"));
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_message("seat_n_secret_key");
    assert_null(strstr(judged.verdicts[0].message, "hush"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LISTS(puts_off_nobody_but_whose_change_takes_too_long),
        WITH_LISTS(puts_off_nobody_but_whose_row_is_locked),
        WITH_LISTS(takes_the_words_of_a_trigger_for_a_refusal_whatever_its_code),
        WITH_LISTS(refuses_another_value_for_what_the_database_counts),
        WITH_LISTS(rejects_the_guilty_even_beside_a_rule_that_fails),
        WITH_LISTS(refuses_a_key_that_is_another_one_when_it_is_read),
        WITH_LISTS(moves_a_row_to_another_partition),
        WITH_LISTS(takes_names_and_values_for_nothing_but_themselves),
        WITH_LISTS(refuses_what_no_column_takes),
        WITH_LISTS(refuses_what_is_no_text_of_a_table_that_nobody_knows),
        WITH_LISTS(takes_names_in_a_rule_for_columns_of_its_table),
        WITH_LISTS(tells_nothing_of_the_row_that_is_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
