/*  One connection: what it gives, what its errors are called, and how it comes back.  */

#include "tests/postgres/pg_place.h"

static void
sends_parameters_of_every_kind(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    PGresult *rows = NULL;
    pg_array_t texts = {0}, numbers = {0};
    open_place(&place, NULL);
    pg_array_add_text(&texts, "a\"b\\c,{}");
    pg_array_add_text(&texts, NULL);
    pg_array_add_number(&numbers, INT64_MIN);
    must(pg_run(place.pg,
                "SELECT $1::bigint, $2::numeric, $3::text, $4::text, $5::bytea, "
                "($6::text[])[1], ($6::text[])[2] IS NULL, ($7::bigint[])[1], $8::text",
                &rows, &fault, "iuttbaan", INT64_MIN, UINT64_MAX, "it's", NULL,
                (bytes_t){(const uint8_t *) "\0\xff", 2}, &texts, &numbers),
         &fault);
    assert_string_equal(pg_text_at(rows, 0, 0), "-9223372036854775808");
    assert_string_equal(pg_text_at(rows, 0, 1), "18446744073709551615");
    assert_string_equal(pg_text_at(rows, 0, 2), "it's");
    assert_true(PQgetisnull(rows, 0, 3));
    assert_string_equal(pg_text_at(rows, 0, 4), "\\x00ff");
    assert_string_equal(pg_text_at(rows, 0, 5), "a\"b\\c,{}");
    assert_string_equal(pg_text_at(rows, 0, 6), "t");
    assert_int_equal(pg_number_at(rows, 0, 7), INT64_MIN);
    assert_true(PQgetisnull(rows, 0, 8));
    PQclear(rows);
    pg_array_release(&texts);
    pg_array_release(&numbers);
    close_place(&place);
}

static void
an_array_may_grow_after_it_was_sent(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    pg_array_t array = {0};
    int64_t n = -1;
    open_place(&place, NULL);
    static const char sql[] = "SELECT cardinality($1::text[])";
    must(pg_number(place.pg, sql, &n, &fault, "a", &array), &fault);
    assert_int_equal(n, 0);
    for (int64_t i = 1; i <= 3; i++) {
        pg_array_add_text(&array, "}");
        must(pg_number(place.pg, sql, &n, &fault, "a", &array), &fault);
        assert_int_equal(n, i);
    }
    pg_array_release(&array);
    close_place(&place);
}

static void
quotes_names_and_texts(void **state)
{
    (void) state;
    pg_place_t place;
    buffer_t sql = {0};
    open_place(&place, NULL);
    buffer_add_text(&sql, "CREATE TABLE ");
    pg_name(&sql, "a\"; DROP TABLE b; --\\");
    buffer_add_text(&sql, " (id int); SELECT ");
    pg_literal(&sql, "it's \\' \\");
    exec(&place, buffer_text(&sql));
    assert_int_equal(number_of(&place, "SELECT count(*) FROM pg_tables WHERE schemaname = "
                                       "'public' AND tablename = 'a\"; DROP TABLE b; --\\'"),
                     1);
    buffer_release(&sql);
    close_place(&place);
}

/*  Whatever the database and the role have set.  */
static void
a_value_has_one_text(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    buffer_t sql = {0};
    buffer_add_text(&sql, "ALTER DATABASE ");
    pg_name(&sql, place.database->name);
    const char *alter = mem_text(buffer_text(&sql));
    static const char *const odd[] = {"TimeZone = 'Asia/Tokyo'", "DateStyle = 'SQL, DMY'",
                                      "IntervalStyle = 'sql_standard'",
                                      "bytea_output = 'escape'", "extra_float_digits = -5"};
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        buffer_clear(&sql);
        buffer_add_format(&sql, "%s SET %s", alter, odd[i]);
        database_run(place.database, buffer_text(&sql));
    }
    buffer_release(&sql);
    free((char *) alter);
    pg_disconnect(place.pg);
    fault_t fault = {0};
    must(pg_ready(place.pg, &fault), &fault);
    PGresult *rows = NULL;
    must(pg_run(place.pg,
                "SELECT timestamptz '2026-01-02 03:04:05.5+09', interval '1 day -2 hours', "
                "'\\x00'::bytea, 0.1::float8 + 0.2",
                &rows, &fault, ""),
         &fault);
    assert_string_equal(pg_text_at(rows, 0, 0), "2026-01-01 18:04:05.5+00");
    assert_string_equal(pg_text_at(rows, 0, 1), "1 day -02:00:00");
    assert_string_equal(pg_text_at(rows, 0, 2), "\\x00");
    assert_string_equal(pg_text_at(rows, 0, 3), "0.30000000000000004");
    PQclear(rows);
    close_place(&place);
}

/*  ------------------------------------------------------------------------------ errors  */

static void
names_its_errors(void **state)
{
    (void) state;
    static const struct {
        const char *sql;
        err_t err;
    } cases[] = {
        {"INSERT INTO todo VALUES (1, 1)", ERR_RULE_VIOLATION},
        {"INSERT INTO todo VALUES (NULL, 1)", ERR_RULE_VIOLATION},
        {"INSERT INTO todo VALUES (2, 9)", ERR_RULE_VIOLATION},
        {"DO $$ BEGIN RAISE EXCEPTION 'not on sundays'; END $$", ERR_RULE_VIOLATION},
        {"SELECT 'x'::integer", ERR_INVALID_CHANGE},
        {"SELECT 99999::smallint", ERR_INVALID_CHANGE},
        {"SELECT 1 / 0", ERR_INVALID_CHANGE},
        {"SELECT * FROM nothing", ERR_CONFIG},
        {"SELECT pg_terminate_backend(pg_backend_pid())", ERR_OFFLINE},
    };
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    exec(&place, "CREATE TABLE todo (id int PRIMARY KEY, parent int REFERENCES todo);"
                 "INSERT INTO todo VALUES (1, NULL)");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(err_name(error_of(&place, cases[i].sql, &fault)),
                            err_name(cases[i].err));
    close_place(&place);
}

static void
tells_a_client_nothing_of_the_rest_of_a_row(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    exec(&place, "CREATE TABLE t (id int PRIMARY KEY, salary int CHECK (salary > 0), "
                 "secret text DEFAULT 'hush', name text NOT NULL)");
    assert_int_equal(error_of(&place, "INSERT INTO t (id, salary) VALUES (1, 1)", &fault),
                     ERR_RULE_VIOLATION);
    assert_null(strstr(fault.text, "hush"));
    assert_int_equal(
        error_of(&place, "INSERT INTO t (id, salary, name) VALUES (1, -1, '')", &fault),
        ERR_RULE_VIOLATION);
    assert_null(strstr(fault.text, "hush"));
    assert_non_null(strstr(fault.text, "t_salary_check"));
    close_place(&place);
}

/*  Locks are waited for as long as for a statement.  */
static void
gives_up_a_lock_that_another_holds(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    database_run(place.database, "CREATE TABLE t (id int)");
    database_run(place.database, "BEGIN; LOCK TABLE t");
    exec(&place, "SET lock_timeout = 10");
    assert_int_equal(error_of(&place, "SELECT * FROM t", &fault), ERR_BUSY);
    exec(&place, "SET lock_timeout = 0; SET statement_timeout = 10");
    assert_int_equal(error_of(&place, "SELECT * FROM t", &fault), ERR_TIMEOUT);
    database_run(place.database, "ROLLBACK");
    close_place(&place);
}

static void
a_deadlock_is_something_to_try_again(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    database_run(place.database, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    exec(&place, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t");
    database_run(place.database, "UPDATE t SET id = 2");
    assert_int_equal(error_of(&place, "UPDATE t SET id = 3", &fault), ERR_BUSY);
    assert_int_equal(error_of(&place, "ROLLBACK", &fault), OK);
    close_place(&place);
}

/*  --------------------------------------------------------------------------- prepared  */

static void
prepares_a_statement_once(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    static const char count[] = "SELECT count(*) FROM pg_prepared_statements";
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(&place, count), 1);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    assert_int_equal(number_of(&place, count), 2);
    close_place(&place);
}

static void
keeps_a_limited_number_of_statements(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    for (int i = 0; i < 1200; i++) {
        char *sql = mem_format("SELECT %d", i);
        assert_int_equal(number_of(&place, sql), i);
        free(sql);
    }
    assert_in_range(number_of(&place, "SELECT count(*) FROM pg_prepared_statements"), 1, 512);
    close_place(&place);
}

static void
gets_over_a_table_that_was_altered(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    static const char read[] = "SELECT * FROM t";
    database_run(place.database, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    assert_int_equal(number_of(&place, read), 1);
    database_run(place.database, "ALTER TABLE t ALTER id TYPE bigint");
    assert_int_equal(error_of(&place, read, &fault), ERR_BUSY);
    assert_int_equal(number_of(&place, read), 1);
    close_place(&place);
}

static void
gets_over_statements_that_a_pooler_has_dropped(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    exec(&place, "DISCARD ALL");
    assert_int_equal(error_of(&place, "SELECT 7", &fault), ERR_BUSY);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_parameters_of_every_kind),
        cmocka_unit_test(an_array_may_grow_after_it_was_sent),
        cmocka_unit_test(quotes_names_and_texts),
        cmocka_unit_test(a_value_has_one_text),
        cmocka_unit_test(names_its_errors),
        cmocka_unit_test(tells_a_client_nothing_of_the_rest_of_a_row),
        cmocka_unit_test(gives_up_a_lock_that_another_holds),
        cmocka_unit_test(a_deadlock_is_something_to_try_again),
        cmocka_unit_test(prepares_a_statement_once),
        cmocka_unit_test(keeps_a_limited_number_of_statements),
        cmocka_unit_test(gets_over_a_table_that_was_altered),
        cmocka_unit_test(gets_over_statements_that_a_pooler_has_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
