/*  The pipeline: answers in order, errors, what is prepared under way, and no lock-up.  */

#include "tests/postgres/pg_place.h"

static void
begin(pg_place_t *place)
{
    fault_t fault = {0};
    must(pg_pipeline_begin(place->pg, &fault), &fault);
}

static void
send_number(pg_place_t *place, const char *sql, int64_t number)
{
    fault_t fault = {0};
    must(pg_send(place->pg, sql, &fault, "i", number), &fault);
}

static void
sync_up(pg_place_t *place)
{
    fault_t fault = {0};
    must(pg_pipeline_sync(place->pg, &fault), &fault);
}

static err_t
take(pg_place_t *place)
{
    fault_t fault = {0};
    return pg_take(place->pg, NULL, &fault);
}

static int64_t
take_number(pg_place_t *place)
{
    fault_t fault = {0};
    PGresult *result = NULL;
    must(pg_take(place->pg, &result, &fault), &fault);
    const int64_t number = pg_number_at(result, 0, 0);
    PQclear(result);
    return number;
}

static err_t
end(pg_place_t *place)
{
    fault_t fault = {0};
    return pg_pipeline_end(place->pg, &fault);
}

static const char echo[] = "SELECT $1::bigint";
static const char divide[] = "SELECT 1 / $1::bigint";

static void
gives_the_answers_in_order(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    begin(&place);
    for (int64_t i = 0; i < 1000; i++)
        send_number(&place, i % 3 == 0 ? "SELECT $1::bigint + 0" : echo, i);
    sync_up(&place);
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(take_number(&place), i);
    assert_int_equal(end(&place), OK);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    close_place(&place);
}

static void
answers_before_it_is_synchronised(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    begin(&place);
    for (int64_t i = 0; i < 5; i++) {
        send_number(&place, echo, i);
        assert_int_equal(take_number(&place), i);
    }
    assert_int_equal(end(&place), OK);
    close_place(&place);
}

static void
skips_what_follows_an_error(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    begin(&place);
    send_number(&place, echo, 1);
    send_number(&place, divide, 0);
    send_number(&place, "SELECT $1::bigint + 1", 1);
    sync_up(&place);
    send_number(&place, echo, 2);
    sync_up(&place);
    assert_int_equal(take_number(&place), 1);
    assert_int_equal(take(&place), ERR_INVALID_CHANGE);
    assert_int_equal(take(&place), ERR_STOPPED);
    assert_int_equal(take_number(&place), 2);
    assert_int_equal(end(&place), OK);
    close_place(&place);
}

/*  The first use of a statement was skipped, so it is not prepared.  */
static void
prepares_again_what_was_skipped(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    static const char later[] = "SELECT $1::bigint + 5";
    begin(&place);
    send_number(&place, divide, 0);
    send_number(&place, later, 1);
    sync_up(&place);
    assert_int_equal(take(&place), ERR_INVALID_CHANGE);
    assert_int_equal(take(&place), ERR_STOPPED);
    send_number(&place, later, 1);
    sync_up(&place);
    assert_int_equal(take_number(&place), 6);
    assert_int_equal(end(&place), OK);
    close_place(&place);
}

/*  Why it could not be prepared, and not that it was skipped then.  */
static void
tells_why_a_statement_was_not_prepared(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    begin(&place);
    send_number(&place, "SELECT $1::bigint FROM nothing", 1);
    sync_up(&place);
    assert_int_equal(pg_take(place.pg, NULL, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "\"nothing\" does not exist"));
    assert_int_equal(end(&place), OK);
    assert_int_equal(error_of(&place, "SELECT * FROM nothing", &fault), ERR_CONFIG);
    close_place(&place);
}

static void
tells_at_the_end_what_nobody_took(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    begin(&place);
    send_number(&place, echo, 1);
    send_number(&place, divide, 0);
    send_number(&place, echo, 2);
    assert_int_equal(end(&place), ERR_INVALID_CHANGE);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    close_place(&place);
}

/*  A transaction that failed takes nothing but its end; and that end is told from the rest.  */
static void
ends_a_transaction_that_failed(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    exec(&place, "CREATE TABLE t (id bigint)");
    assert_int_equal(error_of(&place, "BEGIN", &fault), OK);
    begin(&place);
    send_number(&place, "INSERT INTO t VALUES ($1)", 1);
    send_number(&place, divide, 0);
    assert_int_equal(end(&place), ERR_INVALID_CHANGE);
    assert_int_equal(error_of(&place, "ROLLBACK", &fault), OK);
    assert_int_equal(number_of(&place, "SELECT count(*) FROM t"), 0);
    close_place(&place);
}

/*  More than both sockets hold, both ways, and no answer taken before all is sent.  */
static void
large_pipelines_do_not_lock_up(void **state)
{
    (void) state;
    enum { STATEMENTS = 400, BYTES = 100000 };
    pg_place_t place;
    fault_t fault = {0};
    char *text = mem_new(BYTES + 1);
    memset(text, 'x', BYTES);
    open_place(&place, NULL);
    begin(&place);
    for (int i = 0; i < STATEMENTS; i++)
        must(pg_send(place.pg, "SELECT $1::text || $1::text", &fault, "t", text), &fault);
    sync_up(&place);
    for (int i = 0; i < STATEMENTS; i++) {
        PGresult *result = NULL;
        must(pg_take(place.pg, &result, &fault), &fault);
        assert_int_equal(strlen(pg_text_at(result, 0, 0)), 2 * BYTES);
        PQclear(result);
    }
    assert_int_equal(end(&place), OK);
    free(text);
    close_place(&place);
}

static void
more_statements_than_are_kept_fit_into_one_pipeline(void **state)
{
    (void) state;
    enum { STATEMENTS = 1300 };
    pg_place_t place;
    open_place(&place, NULL);
    begin(&place);
    for (int64_t i = 0; i < STATEMENTS; i++) {
        char *sql = mem_format("SELECT $1::bigint + %lld", (long long) i);
        send_number(&place, sql, 1);
        free(sql);
    }
    sync_up(&place);
    for (int64_t i = 0; i < STATEMENTS; i++)
        assert_int_equal(take_number(&place), i + 1);
    assert_int_equal(end(&place), OK);
    close_place(&place);
}

static void
a_connection_that_breaks_under_way_fails_the_rest(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    begin(&place);
    send_number(&place, echo, 1);
    send_number(&place, "SELECT pg_terminate_backend(pg_backend_pid(), $1)", 0);
    send_number(&place, echo, 2);
    sync_up(&place);
    assert_int_equal(take_number(&place), 1);
    assert_int_equal(take(&place), ERR_OFFLINE);
    assert_int_equal(take(&place), ERR_OFFLINE);
    assert_int_equal(end(&place), ERR_OFFLINE);
    assert_int_equal(pg_send(place.pg, echo, &fault, "i", (int64_t) 1), ERR_OFFLINE);
    must(pg_ready(place.pg, &fault), &fault);
    assert_int_equal(number_of(&place, "SELECT 7"), 7);
    close_place(&place);
}

/*  Values as the types make them, NULL and bytes among them.  */
static void
sends_rows(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    exec(&place, "CREATE TABLE t (id bigint, name text, data bytea)");
    const pg_parameter_t row[] = {
        {.text = "7"}, {0}, {.text = "\0\1", .length = 2, .binary = true}};
    begin(&place);
    must(pg_send_values(place.pg, "INSERT INTO t VALUES ($1, $2, $3)", row, COUNT_OF(row),
                        &fault),
         &fault);
    assert_int_equal(end(&place), OK);
    assert_int_equal(number_of(&place, "SELECT count(*) FROM t WHERE id = 7 AND name IS NULL "
                                       "AND data = '\\x0001'"),
                     1);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_answers_in_order),
        cmocka_unit_test(answers_before_it_is_synchronised),
        cmocka_unit_test(skips_what_follows_an_error),
        cmocka_unit_test(prepares_again_what_was_skipped),
        cmocka_unit_test(tells_why_a_statement_was_not_prepared),
        cmocka_unit_test(tells_at_the_end_what_nobody_took),
        cmocka_unit_test(ends_a_transaction_that_failed),
        cmocka_unit_test(large_pipelines_do_not_lock_up),
        cmocka_unit_test(more_statements_than_are_kept_fit_into_one_pipeline),
        cmocka_unit_test(a_connection_that_breaks_under_way_fails_the_rest),
        cmocka_unit_test(sends_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
