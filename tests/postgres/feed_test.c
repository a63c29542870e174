/*  The feed: what is committed in a PostgreSQL database, by whomever, is in the server's cache
    soon, with its history.  */

#include "actors/server/postgres/labels.h"
#include "tests/postgres/feed_world.h"

static const char todo_sql[] =
    "CREATE TABLE todo (id text PRIMARY KEY, title text, n int, big text);";
static const char log_sql[] = "SELECT operation || data FROM change_log ORDER BY seq";

/*  ---------------------------------------------------------------------- beginning  */

static void
copies_the_rows_that_are_there(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo SELECT 'k' || i, E'a\\tb\\nc\\\\d', i, NULL FROM"
                      " generate_series(1, 5000) AS i;");
    expect(world, "SELECT count(*) || ' ' || sum(n) || ' ' || min(title) FROM todo",
           "5000 12502500 a\tb\nc\\d");
    expect(world, "SELECT count(*) FROM change_log", "0");
    expect(world, "SELECT lsn = floor AND lsn = captured FROM waybill_head", "1");
}

static void
follows_what_plain_sql_writes(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "INSERT INTO todo VALUES ('a', 'x', 1, NULL)");
    run(world,
        "BEGIN; UPDATE todo SET title = 'y'; INSERT INTO todo (id) VALUES ('b'); COMMIT");
    run(world, "DELETE FROM todo WHERE id = 'a'");
    follow(world);
    expect(world, log_sql,
           "insert{\"id\":\"a\",\"title\":\"x\",\"n\":1,\"big\":null}"
           " update{\"id\":\"a\",\"title\":\"y\",\"n\":1,\"big\":null}"
           " insert{\"id\":\"b\",\"title\":null,\"n\":null,\"big\":null}"
           " delete{\"id\":\"a\"}");
    expect(world, "SELECT count(DISTINCT lsn) FROM change_log", "3");
    expect(world, "SELECT id FROM todo", "b");
}

static void
goes_on_where_it_was_after_a_restart(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "INSERT INTO todo (id) VALUES ('a')");
    follow(world);
    sim_crash(world->sim, world->node);
    run(world, "INSERT INTO todo (id) VALUES ('b')");
    start_server(world);
    follow(world);
    run(world, "INSERT INTO todo (id) VALUES ('c')");
    follow(world);
    expect(world, "SELECT json_extract(data, '$.id') FROM change_log ORDER BY seq", "a b c");
}

/*  --------------------------------------------------------------------------- rows  */

static void
keeps_large_values_that_were_not_touched(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    run(world, "ALTER TABLE todo ALTER COLUMN big SET STORAGE EXTERNAL");
    start_with(world, "INSERT INTO todo VALUES ('a', 'x', 1, repeat('0123456789', 2000))");
    run(world, "UPDATE todo SET title = 'y'");
    run(world, "UPDATE todo SET id = 'b'");
    run(world, "ALTER TABLE todo REPLICA IDENTITY FULL");
    run(world, "UPDATE todo SET title = 'z'");
    follow(world);
    expect(world, "SELECT id || title || length(big) FROM todo", "bz20000");
    expect(world,
           "SELECT operation || json_extract(data, '$.id') ||"
           " coalesce(length(json_extract(data, '$.big')), '') FROM change_log ORDER BY seq",
           "updatea20000 deletea insertb20000 updateb20000");
}

static void
logs_each_row_of_a_truncated_table(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) SELECT i FROM generate_series(1, 1200) AS i");
    run(world, "TRUNCATE todo");
    follow(world);
    expect(world, "SELECT count(*) FROM change_log WHERE operation = 'delete'", "1200");
    expect(world, "SELECT count(*) FROM todo", "0");
}

static const char types_sql[] =
    "CREATE TYPE mood AS ENUM ('good', 'so so');"
    "CREATE DOMAIN small AS int CHECK (VALUE < 10);"
    "CREATE TABLE typed (id uuid PRIMARY KEY, i smallint, b bigint, o boolean, r real,"
    " f double precision, d numeric(30, 10), t text, c char(5), y bytea, at timestamptz,"
    " local timestamp, day date, clock time, span interval, j json, jb jsonb, m mood,"
    " ms mood[], texts text[], r4 int4range, ip inet, dom small,"
    " twice int GENERATED ALWAYS AS (i * 2) STORED);";

static const char *const typed_rows[] = {
    "('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', -32768, 9223372036854775807, true, 'NaN',"
    " 'Infinity', 12345678901234567890.0123456789, E'\\u00e9\\t\\n\\\\\"', 'ab', '\\x00ff5c',"
    " '2026-01-02 03:04:05.678901+05', '0044-03-15 BC', '2026-02-28', '23:59:59.5',"
    " '1 year 2 mons -3 days 04:05:06.7', '{\"b\" : [1, 2]}', '{\"b\" : [1, 2]}', 'so so',"
    " '{good,\"so so\"}', '{\"a,b\",NULL,\"\"}', '[3,7)', '10.1.2.3/8', 9)",
    "('00000000-0000-0000-0000-000000000000', 0, 0, false, '-Infinity', -0.1, 'NaN', '', '',"
    " '', 'infinity', '-infinity', 'infinity', '00:00', '0', 'null', 'null', 'good', '{}',"
    " '{}', 'empty', '::1', -1)",
    "('ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "('11111111-1111-1111-1111-111111111111', 1, -9223372036854775808, true, 1.5e-30,"
    " 1.7976931348623157e308, 0.5, E'\\\\N', E'\\\\', '\\x5c4e', '1970-01-01 00:00:00Z',"
    " '2026-07-01 12:00:00.1', '0001-01-01', '24:00', '-00:00:01', '[]', '{}', 'good', NULL,"
    " '{{1,2},{3,4}}', '(,5)', '10.0.0.0/24', 0)",
};

static const char typed_columns[] = "i, b, o, r, f, d, t, c, y, at, local, day, clock, span, j,"
                                    " jb, m, ms, texts, r4, ip, dom";

static void
insert_typed(world_t *world)
{
    for (size_t i = 0; i < COUNT_OF(typed_rows); i++) {
        buffer_t sql = {0};
        buffer_add_format(&sql, "INSERT INTO typed (id, %s) VALUES %s", typed_columns,
                          typed_rows[i]);
        run(world, buffer_text(&sql));
        buffer_release(&sql);
    }
}

static const char typed_dump[] =
    "SELECT id || quote(i) || quote(b) || quote(o) || quote(r) || quote(f) || quote(d) ||"
    " quote(t) || quote(c) || quote(y) || quote(at) || quote(\"local\") || quote(day) ||"
    " quote(clock) || quote(span) || quote(j) || quote(jb) || quote(m) || quote(ms) ||"
    " quote(texts) || quote(r4) || quote(ip) || quote(dom) || char(10)"
    " FROM typed ORDER BY id";

static void
brings_every_type_the_same_by_copy_and_by_log(void **state)
{
    world_t *world = *state;
    run(world, types_sql);
    insert_typed(world);
    start_server(world);
    rows_of(world, typed_dump, &world->wanted);
    run(world, "DELETE FROM typed");
    follow(world);
    expect(world, typed_dump, "");
    insert_typed(world);
    follow(world);
    expect(world, typed_dump, buffer_text(&world->wanted));
}

static void
writes_types_as_postgres_does(void **state)
{
    world_t *world = *state;
    start_with(world, types_sql);
    insert_typed(world);
    follow(world);
    expect(
        world,
        "SELECT concat FROM (SELECT id || ' ' || i || ' ' || b || ' ' || o || ' ' || r || ' '"
        " || f || ' ' || d || ' ' || c || ' ' || hex(y) || ' ' || at || ' ' || \"local\""
        " || ' ' || span || ' ' || jb || ' ' || ms || ' ' || texts || ' ' || r4 AS concat"
        " FROM typed WHERE o AND r = 'NaN')",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 -32768 9223372036854775807 1 NaN Inf"
        " 12345678901234567890.0123456789 ab    00FF5C 2026-01-01 22:04:05.678901+00"
        " 0044-03-15 00:00:00 BC 1 year 2 mons -3 days +04:05:06.7 {\"b\": [1, 2]}"
        " {good,\"so so\"} {\"a,b\",NULL,\"\"} [3,7)");
    expect(world, "SELECT count(*) FROM pragma_table_xinfo('typed') WHERE name = 'twice'", "0");
}

/*  ------------------------------------------------------------------------- labels  */

static void
add_hex(buffer_t *sql, const buffer_t *bytes)
{
    for (size_t i = 0; i < bytes->size; i++)
        buffer_add_format(sql, "%02x", bytes->data[i]);
}

static void
says_whose_rows_are(void **state)
{
    world_t *world = *state;
    buffer_t sql = {0};
    buffer_t bytes = {0};
    const label_t labels[] = {{"todo", "a", "one", "c1", 33}};
    start_with(world, todo_sql);
    labels_pack(labels, 1, &bytes);
    buffer_add_text(&sql,
                    "BEGIN; PREPARE label (bytea) AS " LABELS_SQL "; EXECUTE label ('\\x");
    add_hex(&sql, &bytes);
    buffer_add_text(&sql, "'); INSERT INTO todo (id) VALUES ('a'), ('b'); COMMIT");
    run(world, buffer_text(&sql));
    follow(world);
    expect(world,
           "SELECT json_extract(data, '$.id') || coalesce(client_id || change_id, '-')"
           " FROM change_log ORDER BY seq",
           "aonec1 b-");
    expect(world, "SELECT updated_at FROM waybill_versions WHERE key = 'a'", "33");
    buffer_release(&sql);
    buffer_release(&bytes);
}

/*  Any role may write messages into the log.  */
static void
believes_labels_of_servers_alone(void **state)
{
    world_t *world = *state;
    buffer_t sql = {0};
    buffer_t bytes = {0};
    const label_t labels[] = {{"todo", "a", "one", "c1", 33}};
    start_with(world, todo_sql);
    labels_pack(labels, 1, &bytes);
    buffer_add_text(&sql, "BEGIN; SELECT pg_logical_emit_message(true, 'waybill', '\\x");
    add_hex(&sql, &bytes);
    buffer_add_text(&sql, "'::bytea); INSERT INTO todo (id) VALUES ('a'); COMMIT");
    run(world, buffer_text(&sql));
    follow(world);
    expect(world, "SELECT coalesce(client_id || change_id, '-') FROM change_log", "-");
    buffer_release(&sql);
    buffer_release(&bytes);
}

/*  --------------------------------------------------------------------- now and then  */

typedef struct question {
    world_t *world;
    const char *sql;
} question_t;

static bool
is_so(void *arg)
{
    const question_t *question = arg;
    sim_run_ms(question->world->sim, LOOK_MS);
    return database_number(question->world->database, question->sql) == 1;
}

/*  Until the first column is 1.  */
static void
await_in_database(world_t *world, const char *sql)
{
    question_t question = {world, sql};
    await_true(is_so, &question, sql);
}

static void
lets_the_log_go_while_nothing_is_written_to_its_tables(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.noise (t text);"
               "INSERT INTO elsewhere.noise SELECT repeat('x', 1000) FROM"
               " generate_series(1, 2000); CREATE TABLE elsewhere.mark AS SELECT"
               " pg_current_wal_lsn() AS lsn");
    await_in_database(world, "SELECT (confirmed_flush_lsn >= lsn)::int FROM elsewhere.mark,"
                             " pg_replication_slots WHERE database = current_database()");
    expect(world, "SELECT count(*) FROM change_log", "0");
}

static void
forgets_old_verdicts_of_the_ledger(void **state)
{
    world_t *world = *state;
    world->settings.stream_verdicts_ms = 1000;
    start_with(world, todo_sql);
    run(world, "INSERT INTO waybill.client_changes (client_id, id, verdict, lsn, time)"
               " SELECT 'c', 'i' || i, 'applied', 1, i % 2 * 10000000000000"
               " FROM generate_series(1, 3000) AS i");
    await_in_database(
        world, "SELECT (count(*) = 1500)::int FROM waybill.client_changes WHERE time > 5");
    await_in_database(world,
                      "SELECT (count(*) = 0)::int FROM waybill.client_changes WHERE time < 5");
}

static void
goes_on_after_its_connection_was_cut(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    for (int i = 0; i < 5; i++) {
        run(world, "INSERT INTO todo (id) SELECT 'a' || count(*) FROM todo;"
                   "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                   " WHERE database = current_database() AND active;"
                   "INSERT INTO todo (id) SELECT 'b' || count(*) FROM todo");
        follow(world);
    }
    expect(world, "SELECT json_extract(data, '$.id') FROM change_log ORDER BY seq",
           "a0 b1 a2 b3 a4 b5 a6 b7 a8 b9");
}

static void
fills_a_cache_that_was_lost_in_the_same_history(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    rows_of(world, "SELECT epoch FROM waybill_head", &world->wanted);
    sim_crash(world->sim, world->node);
    remove_cache(world);
    run(world, "INSERT INTO todo (id) VALUES ('b')");
    start_server(world);
    follow(world);
    expect(world, "SELECT epoch FROM waybill_head", buffer_text(&world->wanted));
    expect(world, "SELECT id FROM todo ORDER BY id", "a b");
    assert_int_equal(database_number(world->database,
                                     "SELECT count(*) FROM pg_replication_slots WHERE"
                                     " database = current_database()"),
                     1);
}

/*  ------------------------------------------------------------------------ large ones  */

static void
takes_a_large_transaction(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "INSERT INTO todo SELECT i, 'title ' || i, i, NULL"
               " FROM generate_series(1, 100000) AS i");
    follow(world);
    expect(world,
           "SELECT count(*) || ' ' || count(DISTINCT lsn) || ' ' || (min(lsn) ="
           " (SELECT lsn FROM waybill_head)) FROM change_log",
           "100000 1 1");
}

static void
begins_a_transaction_again_in_whose_middle_it_was_killed(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "INSERT INTO todo SELECT i, 'title ' || i, i, NULL"
               " FROM generate_series(1, 20000) AS i");
    for (int i = 0; i < 6; i++) {
        sim_run_ms(world->sim, 3 * (uint64_t) i);
        sim_crash(world->sim, world->node);
        start_server(world);
    }
    follow(world);
    expect(world, "SELECT count(*) || ' ' || count(DISTINCT lsn) FROM change_log", "20000 1");
    expect(world, "SELECT count(*) FROM todo", "20000");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(copies_the_rows_that_are_there),
        CASE(follows_what_plain_sql_writes),
        CASE(goes_on_where_it_was_after_a_restart),
        CASE(keeps_large_values_that_were_not_touched),
        CASE(logs_each_row_of_a_truncated_table),
        CASE(brings_every_type_the_same_by_copy_and_by_log),
        CASE(writes_types_as_postgres_does),
        CASE(says_whose_rows_are),
        CASE(believes_labels_of_servers_alone),
        CASE(lets_the_log_go_while_nothing_is_written_to_its_tables),
        CASE(forgets_old_verdicts_of_the_ledger),
        CASE(goes_on_after_its_connection_was_cut),
        CASE(fills_a_cache_that_was_lost_in_the_same_history),
        CASE(takes_a_large_transaction),
        CASE(begins_a_transaction_again_in_whose_middle_it_was_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
