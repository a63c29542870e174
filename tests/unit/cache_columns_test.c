/*  The cache, and tables whose columns change.  */

#include "tests/unit/cache_world.h"

/*  ------------------------------------------------------------------- other columns  */

static err_t
try_insert(world_t *world, uint32_t relation, pgoutput_tuple_t row)
{
    const pgoutput_message_t message = {
        .kind = PGOUTPUT_INSERT, .relation = relation, .fresh = row};
    return cache_apply(world->cache, &message, &world->fault);
}

static cache_misfit_t
misfit_of(world_t *world, const char *table)
{
    const char *name = NULL;
    const cache_misfit_t misfit = cache_misfit(world->cache, &name);
    assert_string_equal(name, table);
    return misfit;
}

static void
adds_a_column_in_the_middle_of_a_transaction(void **state)
{
    world_t *world = *state;
    pgoutput_column_t columns[] = {{true, "id", TYPE_TEXT, -1},
                                   {false, "title", TYPE_TEXT, -1},
                                   {false, "n", TYPE_BIGINT, -1},
                                   {false, "big", TYPE_TEXT, -1},
                                   {false, "more", TYPE_BIGINT, -1}};
    column_t now[] = {todo_columns[0],
                      todo_columns[1],
                      todo_columns[2],
                      todo_columns[3],
                      {.name = "more", .type = "BIGINT"},
                      {.name = "later", .type = "TEXT"}};
    const table_schema_t schema = {.name = "todo", .columns = now, .n_columns = 6};
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    tell_columns(world, TODO, "todo", columns, COUNT_OF(columns));
    assert_int_equal(try_insert(world, TODO, TUPLE(world, "c", NULL, NULL, NULL, "8")),
                     ERR_STALE);
    assert_int_equal(misfit_of(world, "todo"), CACHE_NEW_COLUMNS);
    must(world, cache_fit(world->cache, &schema, NULL, &world->fault));
    insert_into(world, TODO, TUPLE(world, "c", NULL, NULL, NULL, "8"));
    end(world);
    commit(world);
    expect(world, "SELECT id || quote(more) FROM todo", "aNULL bNULL c8");
    expect(world, "SELECT count(*) FROM pragma_table_info('todo')", "5");
    reopen(world);
    begin(world, 3000, 5);
    tell_columns(world, TODO, "todo", columns, COUNT_OF(columns));
    insert_into(world, TODO, TUPLE(world, "d", NULL, NULL, NULL, "9"));
    end(world);
}

static void
says_what_it_cannot_follow(void **state)
{
    static const struct {
        pgoutput_column_t columns[3];
        size_t n;
        cache_misfit_t misfit;
    } cases[] = {
        {{{true, "a", TYPE_BIGINT, -1}, {true, "b", TYPE_TEXT, -1}}, 2, CACHE_OTHER_COLUMNS},
        {{{true, "a", TYPE_BIGINT, -1}, {true, "b", TYPE_TEXT, -1}, {false, "note", 17, -1}},
         3,
         CACHE_OTHER_COLUMNS},
        {{{true, "a", TYPE_BIGINT, -1}, {true, "b", TYPE_TEXT, -1}, {false, "n2", 25, -1}},
         3,
         CACHE_OTHER_COLUMNS},
    };
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    begin(world, 2000, 5);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tell_columns(world, PAIR, "pair", (pgoutput_column_t *) cases[i].columns, cases[i].n);
        const pgoutput_tuple_t row =
            cases[i].n == 2 ? TUPLE(world, "1", "x") : TUPLE(world, "1", "x", "y");
        assert_int_equal(try_insert(world, PAIR, row), ERR_STALE);
        assert_int_equal(misfit_of(world, "pair"), cases[i].misfit);
    }
    tell_columns(world, 300, "late", (pgoutput_column_t *) cases[0].columns, 2);
    assert_int_equal(try_insert(world, 300, TUPLE(world, "1", "x")), ERR_STALE);
    assert_int_equal(misfit_of(world, "late"), CACHE_UNKNOWN_TABLE);
    cache_ignore(world->cache, "late");
    insert_into(world, 300, TUPLE(world, "1", "x"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(adds_a_column_in_the_middle_of_a_transaction),
        CASE(says_what_it_cannot_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
