/*  A publication that the server may not make, complete or add to.  */

#include "tests/postgres/publication_world.h"

/*  ------------------------------------------------------------------ rights  */

/*  Goes on as a role that may read and write, and owns nothing.  */
static void
become_plain(looked_after_t *self)
{
    char *sql = mem_format("CREATE ROLE %s; GRANT ALL ON ALL TABLES IN SCHEMA public TO %s",
                           self->place.database->name, self->place.database->name);
    exec(&self->place, sql);
    free(sql);
    sql = mem_format("SET SESSION AUTHORIZATION %s", self->place.database->name);
    exec(&self->place, sql);
    free(sql);
}

static void
become_owner(looked_after_t *self)
{
    char *sql = mem_format("RESET SESSION AUTHORIZATION; DROP OWNED BY %s; DROP ROLE %s",
                           self->place.database->name, self->place.database->name);
    exec(&self->place, sql);
    free(sql);
}

static void
who_may_not_make_it_is_told_the_sql(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY); CREATE TABLE \"b\"\"c\" (id INT"
                    " PRIMARY KEY)");
    become_plain(&it);
    assert_int_equal(try(&it), ERR_CONFIG);
    assert_non_null(strstr(it.fault.text, "publication waybill is missing"));
    assert_string_equal(buffer_text(&it.advice),
                        "CREATE PUBLICATION \"waybill\" FOR TABLE ONLY \"public\".\"b\"\"c\", "
                        "ONLY \"public\".\"todo\" WITH (publish = 'insert, update, delete, "
                        "truncate', publish_via_partition_root = true)\n");
    become_owner(&it);
    exec(&it.place, buffer_text(&it.advice));
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    close_it(&it);
}

static void
who_may_not_add_is_told_the_sql_once_and_goes_on(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    ensure(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY)");
    become_plain(&it);
    ensure(&it);
    assert_string_equal(
        buffer_text(&it.advice),
        "table todo is not synchronised: ALTER PUBLICATION \"waybill\" ADD TABLE"
        " ONLY \"public\".\"todo\"\n");
    ensure(&it);
    assert_int_equal(it.advice.size, 0);
    become_owner(&it);
    close_it(&it);
}

static void
who_may_not_complete_it_is_told_the_sql_and_goes_on(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill WITH (publish = 'insert')");
    become_plain(&it);
    ensure(&it);
    assert_non_null(strstr(buffer_text(&it.advice), "ALTER PUBLICATION \"waybill\" SET ("));
    become_owner(&it);
    close_it(&it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_not_make_it_is_told_the_sql),
        cmocka_unit_test(who_may_not_add_is_told_the_sql_once_and_goes_on),
        cmocka_unit_test(who_may_not_complete_it_is_told_the_sql_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
