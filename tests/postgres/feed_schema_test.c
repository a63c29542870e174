/*  The feed and changes of the schema that the log tells of in passing, or not at all: keys,
    names, and what was written to rows without a word.  */

#include "tests/postgres/feed_world.h"

typedef struct glance {
    world_t *world;
    const char *sql;
    const char *expected;
} glance_t;

static bool
shows(void *arg)
{
    const glance_t *glance = arg;
    sim_run_ms(glance->world->sim, LOOK_MS);
    rows_of(glance->world, glance->sql, &glance->world->seen);
    return strcmp(buffer_text(&glance->world->seen), glance->expected) == 0;
}

/*  It may be read anew for that, more than once.  */
static void
await_rows(world_t *world, const char *sql, const char *expected)
{
    glance_t glance = {world, sql, expected};
    await_true(shows, &glance, expected);
    follow(world);
    expect(world, sql, expected);
}

static const char part_sql[] = "CREATE TABLE part (id text PRIMARY KEY, code text NOT NULL);"
                               "INSERT INTO part VALUES ('a', 'x'), ('b', 'y'), ('c', 'z');";

/*  ------------------------------------------------------------------------- keys  */

static void
deletes_by_a_key_that_is_another_than_before(void **state)
{
    world_t *world = *state;
    start_with(world, part_sql);
    run(world, "ALTER TABLE part DROP CONSTRAINT part_pkey; ALTER TABLE part ADD PRIMARY KEY "
               "(code); DELETE FROM part WHERE code = 'y'");
    await_rows(world, "SELECT id FROM part ORDER BY id", "a c");
    run(world, "DELETE FROM part WHERE code = 'x'");
    await_rows(world, "SELECT id FROM part", "c");
}

static const char has_part[] =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'part'";

static void
lets_go_of_a_table_whose_log_does_not_name_the_key(void **state)
{
    world_t *world = *state;
    start_with(world, part_sql);
    run(world, "CREATE UNIQUE INDEX by_code ON part (code)");
    run(world, "ALTER TABLE part REPLICA IDENTITY USING INDEX by_code");
    run(world, "DELETE FROM part WHERE id = 'b'");
    await_rows(world, has_part, "0");
    run(world, "ALTER TABLE part REPLICA IDENTITY DEFAULT");
    await_rows(world, has_part, "1");
    expect(world, "SELECT id FROM part ORDER BY id", "a c");
}

/*  ------------------------------------------------------------------------- columns  */

static void
takes_null_in_a_column_that_takes_it_now(void **state)
{
    world_t *world = *state;
    start_with(world, part_sql);
    run(world, "ALTER TABLE part ALTER COLUMN code DROP NOT NULL");
    run(world, "INSERT INTO part VALUES ('d', NULL)");
    await_rows(world, "SELECT id FROM part WHERE code IS NULL", "d");
}

/*  Not even the catalog remembers a default that is no constant.  */
static void
sees_what_a_default_left_behind(void **state)
{
    world_t *world = *state;
    start_with(world, part_sql);
    run(world, "ALTER TABLE part ADD COLUMN n int NOT NULL DEFAULT 5 + floor(random());"
               " ALTER TABLE part ALTER COLUMN n DROP DEFAULT");
    run(world, "INSERT INTO part VALUES ('d', 'x', 7)");
    await_rows(world, "SELECT count(*) FROM pragma_table_info('part')", "3");
    expect(world, "SELECT id || quote(n) FROM part ORDER BY id", "a5 b5 c5 d7");
}

/*  ------------------------------------------------------------------------- names  */

static void
knows_a_table_from_another_that_had_its_name(void **state)
{
    world_t *world = *state;
    start_with(world, part_sql);
    run(world, "BEGIN; DROP TABLE part; CREATE TABLE part (id text PRIMARY KEY, code text NOT "
               "NULL); ALTER PUBLICATION waybill ADD TABLE part; COMMIT");
    run(world, "INSERT INTO part VALUES ('d', 'x')");
    await_rows(world, "SELECT id FROM part", "d");
}

static void
knows_tables_that_changed_their_names(void **state)
{
    world_t *world = *state;
    run(world, part_sql);
    start_with(world, "CREATE TABLE other (id text PRIMARY KEY, code text NOT NULL)");
    run(world, "BEGIN; ALTER TABLE part RENAME TO was; ALTER TABLE other RENAME TO part;"
               " ALTER TABLE was RENAME TO other; COMMIT");
    run(world, "INSERT INTO part VALUES ('d', 'x')");
    await_rows(world, "SELECT id FROM part", "d");
    expect(world, "SELECT id FROM other ORDER BY id", "a b c");
}

/*  ------------------------------------------------------------------------- partitions  */

static const char pieces_sql[] =
    "CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id);"
    "CREATE TABLE low PARTITION OF event FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE high PARTITION OF event FOR VALUES FROM (10) TO (20);"
    "INSERT INTO event VALUES (1), (2), (11);";
static const char events[] = "SELECT id FROM event ORDER BY id";

static void
knows_that_rows_went_with_a_partition(void **state)
{
    world_t *world = *state;
    start_with(world, pieces_sql);
    expect(world, events, "1 2 11");
    run(world, "DROP TABLE low");
    await_rows(world, events, "11");
    run(world, "INSERT INTO event VALUES (12)");
    await_rows(world, events, "11 12");
}

static void
knows_that_rows_came_with_a_partition(void **state)
{
    world_t *world = *state;
    start_with(world, pieces_sql);
    run(world, "BEGIN; CREATE TABLE top (id int PRIMARY KEY); INSERT INTO top VALUES (21);"
               "ALTER TABLE event ATTACH PARTITION top FOR VALUES FROM (20) TO (30); COMMIT");
    await_rows(world, events, "1 2 11 21");
}

static void
takes_an_empty_partition_as_it_comes(void **state)
{
    world_t *world = *state;
    start_with(world, pieces_sql);
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world, "CREATE TABLE top PARTITION OF event FOR VALUES FROM (20) TO (30)");
    await_rows(world,
               "SELECT length(pieces) - length(replace(pieces, ' ', ''))"
               " FROM waybill_cache",
               "2");
    run(world, "INSERT INTO event VALUES (21)");
    await_rows(world, events, "1 2 11 21");
    assert_int_equal(cached_number(world, "SELECT floor FROM waybill_head"), floor);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(deletes_by_a_key_that_is_another_than_before),
        CASE(lets_go_of_a_table_whose_log_does_not_name_the_key),
        CASE(takes_null_in_a_column_that_takes_it_now),
        CASE(sees_what_a_default_left_behind),
        CASE(knows_a_table_from_another_that_had_its_name),
        CASE(knows_tables_that_changed_their_names),
        CASE(knows_that_rows_went_with_a_partition),
        CASE(knows_that_rows_came_with_a_partition),
        CASE(takes_an_empty_partition_as_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
