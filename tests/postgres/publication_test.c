/*  publication_test - which tables are followed, and how rows that were there before get to
   every server.  */

#include "tests/postgres/publication_world.h"

/*  ------------------------------------------------------------------ making  */

static void
a_missing_publication_is_made_with_the_tables_that_fit(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place,
         "CREATE TABLE \"my todo\" (id INT PRIMARY KEY); CREATE TABLE loose (id INT);"
         "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (id INT PRIMARY KEY)");
    ensure(&it);
    assert_true(is_published(&it, "my todo"));
    assert_false(is_published(&it, "loose"));
    assert_int_equal(count_published(&it), 1);
    assert_non_null(strstr(buffer_text(&it.advice), "table loose is not synchronised: "));
    close_it(&it);
}

static void
what_was_said_is_not_said_again(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE loose (id INT)");
    ensure(&it);
    assert_true(it.advice.size > 0);
    ensure(&it);
    assert_int_equal(it.advice.size, 0);
    exec(&it.place, "CREATE TABLE other (id INT)");
    ensure(&it);
    assert_non_null(strstr(buffer_text(&it.advice), "other"));
    close_it(&it);
}

static void
a_database_without_tables_has_a_publication_as_well(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    ensure(&it);
    assert_int_equal(number_of(&it.place, "SELECT count(*) FROM pg_publication"
                                          " WHERE pubname = 'waybill' AND pubviaroot"),
                     1);
    close_it(&it);
}

static void
a_partitioned_table_is_one_and_those_that_inherit_are_several(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id);"
                    "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
                    "CREATE TABLE base (id INT PRIMARY KEY);"
                    "CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base)");
    ensure(&it);
    assert_true(is_published(&it, "parts"));
    assert_true(is_published(&it, "base"));
    assert_true(is_published(&it, "heir"));
    assert_int_equal(count_published(&it), 3);
    close_it(&it);
}

static void
a_publication_that_lacks_something_is_completed(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill WITH (publish = 'insert')");
    ensure(&it);
    assert_int_equal(number_of(&it.place, "SELECT count(*) FROM pg_publication WHERE pubdelete"
                                          " AND pubupdate AND pubtruncate AND pubviaroot"),
                     1);
    close_it(&it);
}

static void
a_publication_of_all_tables_needs_no_adding(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill FOR ALL TABLES"
                    " WITH (publish_via_partition_root = true);"
                    "CREATE TABLE todo (id INT PRIMARY KEY)");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    assert_int_equal(it.advice.size, 0);
    close_it(&it);
}

/*  ------------------------------------------------------------------ adding  */

static void
rows_of_a_table_that_is_added_come_through_the_log(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY, done BOOL, pair CHAR(3), "
                    "twice INT GENERATED ALWAYS AS (id * 2) STORED);"
                    "INSERT INTO todo VALUES (1, true, 'a'), (2, NULL, NULL)");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    exec(&it.place, "INSERT INTO todo VALUES (3)");
    PGresult *log = log_of(&it);
    assert_int_equal(message_at(log, 0, &arena).kind, PGOUTPUT_BEGIN);
    const table_row_t head = row_at(log, 1, &arena);
    assert_string_equal(head.table, "todo");
    assert_int_equal(head.n, 0);
    const table_row_t row = row_at(log, 2, &arena);
    assert_string_equal(row.table, "todo");
    assert_int_equal(row.n, 3);
    assert_string_equal(row.columns[0], "id");
    assert_string_equal(row.columns[1], "done");
    assert_string_equal((const char *) row.values[1].text.data, "t");
    assert_string_equal((const char *) row.values[2].text.data, "a  ");
    assert_int_equal(row_at(log, 3, &arena).values[1].kind, 'n');
    assert_int_equal(message_at(log, 4, &arena).kind, PGOUTPUT_COMMIT);
    assert_int_equal(message_at(log, 7, &arena).kind, PGOUTPUT_INSERT);
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

/*  format() must give what the log gives: each value as its type writes it.  */
static void
values_are_written_as_the_log_writes_them(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    exec(&it.place, "CREATE TYPE pair AS (a INT, b TEXT)");
    ensure(&it);
    make_slot(&it);
    exec(
        &it.place,
        "CREATE TABLE v (id INT PRIMARY KEY, b BOOL, y BYTEA, n NUMERIC, r REAL, t TIMESTAMPTZ,"
        " i INTERVAL, j JSONB, a TEXT[], p pair, c CHAR(4), g INT4RANGE, x XML);"
        "INSERT INTO v VALUES (1, true, '\\x00ff', 1.50, 0.1, '2024-02-03 04:05:06+07',"
        " '1 day 2 hours', '{\"k\": [1, \"ä\"]}', '{\"a b\",NULL,\"\\\"\"}', '(,)', 'x',"
        " '[1,5)', '<a>1</a>')");
    ensure(&it);
    exec(&it.place, "UPDATE v SET b = b");
    PGresult *log = log_of(&it);
    const table_row_t row = row_at(log, 2, &arena);
    const pgoutput_message_t update = message_at(log, PQntuples(log) - 2, &arena);
    assert_int_equal(update.kind, PGOUTPUT_UPDATE);
    assert_int_equal(row.n, update.fresh.n);
    for (size_t i = 0; i < row.n; i++) {
        const bytes_t text = update.fresh.values[i].text;
        assert_int_equal(row.values[i].kind, update.fresh.values[i].kind);
        assert_string_equal((const char *) row.values[i].text.data,
                            arena_text_of(&arena, text.data, text.size));
    }
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

static void
rows_of_partitions_come_with_their_root(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id);"
                    "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
                    "INSERT INTO parts VALUES (1)");
    ensure(&it);
    PGresult *log = log_of(&it);
    assert_string_equal(row_at(log, 2, &arena).table, "parts");
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

/*  Its rows would keep writers waiting.  */
static void
a_large_table_is_announced_instead(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE large (id INT PRIMARY KEY, data TEXT);"
                    "ALTER TABLE large ALTER data SET STORAGE EXTERNAL;"
                    "INSERT INTO large SELECT i, repeat('x', 1000000)"
                    " FROM generate_series(1, 70) i");
    ensure(&it);
    assert_true(is_published(&it, "large"));
    PGresult *log = log_of(&it);
    assert_int_equal(PQntuples(log), 3);
    const pgoutput_message_t message = message_at(log, 1, &arena);
    assert_string_equal(message.prefix, TABLE_COPY_PREFIX);
    assert_memory_equal(message.content.data, "{secret,large}", message.content.size);
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

static void
a_table_that_others_write_to_waits_for_the_next_time(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY);"
                    "CREATE PUBLICATION waybill WITH (publish_via_partition_root = true)");
    database_run(it.place.database, "BEGIN; INSERT INTO todo VALUES (1)");
    ensure(&it);
    assert_false(is_published(&it, "todo"));
    assert_non_null(strstr(buffer_text(&it.advice), "todo"));
    database_run(it.place.database, "COMMIT");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    close_it(&it);
}

static void
a_second_server_finds_what_the_first_has_made(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    publication_t *second = publication_new(&it.place.settings);
    ensure(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY)");
    ensure(&it);
    must(publication_ensure(second, it.place.pg, &it.tables, &it.advice, &it.fault), &it.fault);
    assert_true(is_published(&it, "todo"));
    assert_int_equal(it.advice.size, 0);
    publication_destroy(&second);
    close_it(&it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_publication_is_made_with_the_tables_that_fit),
        cmocka_unit_test(what_was_said_is_not_said_again),
        cmocka_unit_test(a_database_without_tables_has_a_publication_as_well),
        cmocka_unit_test(a_partitioned_table_is_one_and_those_that_inherit_are_several),
        cmocka_unit_test(a_publication_that_lacks_something_is_completed),
        cmocka_unit_test(a_publication_of_all_tables_needs_no_adding),
        cmocka_unit_test(rows_of_a_table_that_is_added_come_through_the_log),
        cmocka_unit_test(values_are_written_as_the_log_writes_them),
        cmocka_unit_test(rows_of_partitions_come_with_their_root),
        cmocka_unit_test(a_large_table_is_announced_instead),
        cmocka_unit_test(a_table_that_others_write_to_waits_for_the_next_time),
        cmocka_unit_test(a_second_server_finds_what_the_first_has_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
