/*  The cache: what the log of PostgreSQL tells becomes rows and history, in order, once.  */

#include "tests/unit/cache_world.h"

#include <sys/stat.h>

static const char log_sql[] =
    "SELECT lsn || ' ' || tbl || ' ' || operation || ' ' || data || ' '"
    " || updated_at || ' ' || coalesce(client_id || '/' || change_id, '-')"
    " FROM change_log ORDER BY seq";

/*  ---------------------------------------------------------------------- filling  */

static void
has_no_position_before_it_is_filled(void **state)
{
    world_t *world = *state;
    assert_int_equal(cache_state(world->cache)->captured, 0);
    assert_string_equal(cache_state(world->cache)->slot, "");
    expect(world, "SELECT lsn || ' ' || captured FROM waybill_head", "0 0");
}

static void
takes_the_lines_of_a_copy(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\\ty\\\\z\t7\t\\N\n", "b\t\t\\N\tline\\nline\n");
    expect(world, "SELECT id || '=' || quote(title) || quote(n) || quote(big) FROM todo",
           "a='x\ty\\z'7NULL b=''NULL'line\nline'");
}

static void
begins_its_history_where_the_copy_was_made(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    expect(world,
           "SELECT epoch || ' ' || lsn || ' ' || floor || ' ' || captured || ' ' || clock"
           " FROM waybill_head",
           "epoch-1 999 999 999 77");
    expect(world, "SELECT count(*) FROM change_log", "0");
    reopen(world);
    assert_int_equal(cache_state(world->cache)->captured, FILLED);
    assert_int_equal(cache_state(world->cache)->confirmed, FILLED + 1);
    assert_string_equal(cache_state(world->cache)->slot, "waybill_test");
}

static void
leaves_nothing_of_what_was_there_before(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", "y", "2", NULL));
    end(world);
    commit(world);
    FILL(world, "c\tz\t3\t\\N\n");
    expect(world, "SELECT id FROM todo", "c");
    expect(world, "SELECT count(*) FROM change_log", "0");
    expect(world, "SELECT count(*) FROM waybill_versions", "0");
}

static void
keeps_what_was_there_when_filling_is_given_up(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    must(world, cache_fill_begin(world->cache, &world->fault));
    cache_rollback(world->cache);
    expect(world, "SELECT id FROM todo", "a");
}

/*  ------------------------------------------------------------------- transactions  */

static void
need_not_be_sent_again_what_is_on_the_disk(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    assert_int_equal(cache_flushed(world->cache), FILLED + 1);
    begin(world, 2000, 5);
    end(world);
    commit(world);
    assert_int_equal(cache_state(world->cache)->confirmed, 2008);
    assert_int_equal(cache_flushed(world->cache), FILLED + 1);
    must(world, cache_flush(world->cache, &world->fault));
    assert_int_equal(cache_flushed(world->cache), 2008);
}

static off_t
size_of_log(const world_t *world)
{
    struct stat found;
    char *path = mem_format("%s-wal", world->path);
    assert_int_equal(stat(path, &found), 0);
    free(path);
    return found.st_size;
}

/*  SQLite waits for the disk with what it writes, and writes nothing that is there already.  */
static void
writes_something_whenever_it_waits_for_the_disk(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    const off_t before = size_of_log(world);
    must(world, cache_flush(world->cache, &world->fault));
    assert_true(size_of_log(world) > before);
}

/*  Of another process, which may not have waited for the disk.  */
static void
knows_nothing_of_the_disk_when_it_begins(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    reopen(world);
    assert_int_equal(cache_state(world->cache)->confirmed, FILLED + 1);
    assert_int_equal(cache_flushed(world->cache), 0);
}

static void
logs_rows_at_the_place_of_their_commit(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", "say \"hi\"", "2", NULL));
    update_of(world, TODO, TUPLE(world, "a", "new", "1", NULL));
    delete_from(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    end(world);
    commit(world);
    expect(
        world, log_sql,
        "2000 todo insert {\"id\":\"b\",\"title\":\"say \\\"hi\\\"\",\"n\":2,\"big\":null} 5 -"
        " 2000 todo update {\"id\":\"a\",\"title\":\"new\",\"n\":1,\"big\":null} 5 -"
        " 2000 todo delete {\"id\":\"b\"} 5 -");
    expect(world, "SELECT id || title FROM todo", "anew");
    expect(world, "SELECT lsn || ' ' || captured FROM waybill_head", "2000 2000");
    assert_int_equal(cache_state(world->cache)->confirmed, 2008);
}

static void
puts_several_transactions_into_one_commit(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    end(world);
    begin(world, 3000, 6);
    insert_into(world, TODO, TUPLE(world, "c", NULL, NULL, NULL));
    end(world);
    assert_int_equal(cache_state(world->cache)->captured, FILLED);
    commit(world);
    expect(world, "SELECT lsn || '/' || updated_at FROM change_log", "2000/5 3000/6");
    expect(world, "SELECT lsn FROM waybill_head", "3000");
}

static void
moves_on_without_a_position_where_nothing_was_written(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    begin(world, 2000, 5);
    end(world);
    commit(world);
    expect(world, "SELECT lsn || ' ' || captured FROM waybill_head", "999 2000");
    cache_note(world->cache, 2500);
    assert_true(cache_is_dirty(world->cache));
    commit(world);
    expect(world, "SELECT lsn || ' ' || captured FROM waybill_head", "999 2499");
    assert_int_equal(cache_state(world->cache)->confirmed, 2500);
}

static void
passes_over_what_comes_again(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    for (int i = 0; i < 2; i++) {
        tell_tables(world);
        begin(world, 2000, 5);
        insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
        end(world);
        begin(world, 3000 + (uint64_t) i, 5);
        insert_into(world, TODO, TUPLE(world, i == 0 ? "c" : "d", NULL, NULL, NULL));
        end(world);
        commit(world);
        reopen(world);
    }
    expect(world, "SELECT lsn || json_extract(data, '$.id') FROM change_log ORDER BY seq",
           "2000b 3000c 3001d");
}

static void
forgets_half_a_transaction(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    assert_true(cache_is_inside(world->cache));
    cache_rollback(world->cache);
    assert_false(cache_is_inside(world->cache));
    expect(world, "SELECT id FROM todo", "a");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    end(world);
    commit(world);
    expect(world, "SELECT id FROM todo", "a b");
}

/*  -------------------------------------------------------------------------- rows  */

static void
keeps_a_value_that_was_not_sent(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\tvery large\n");
    tell_tables(world);
    begin(world, 2000, 5);
    update_of(world, TODO, TUPLE(world, "a", "new", NULL, "~"));
    end(world);
    commit(world);
    expect(world, "SELECT data FROM change_log",
           "{\"id\":\"a\",\"title\":\"new\",\"n\":null,\"big\":\"very large\"}");
    expect(world, "SELECT big FROM todo", "very large");
}

static void
makes_a_new_row_of_a_new_key(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\tvery large\n");
    tell_tables(world);
    begin(world, 2000, 5);
    move_in(world, TODO, 'K', TUPLE(world, "a", NULL, NULL, NULL),
            TUPLE(world, "z", "x", "1", "~"));
    end(world);
    commit(world);
    expect(world, "SELECT operation || data FROM change_log ORDER BY seq",
           "delete{\"id\":\"a\"} "
           "insert{\"id\":\"z\",\"title\":\"x\",\"n\":1,\"big\":\"very large\"}");
    expect(world, "SELECT id || deleted FROM todo, waybill_versions ORDER BY key", "z1 z0");
}

static void
reads_the_key_of_a_whole_old_row(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\tvery large\n");
    tell_tables(world);
    begin(world, 2000, 5);
    move_in(world, TODO, 'O', TUPLE(world, "a", "x", "1", "very large"),
            TUPLE(world, "a", "y", "1", "~"));
    end(world);
    commit(world);
    expect(world, "SELECT operation || data FROM change_log",
           "update{\"id\":\"a\",\"title\":\"y\",\"n\":1,\"big\":\"very large\"}");
}

static void
names_a_key_of_several_columns_in_their_order(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    insert_into(world, PAIR, TUPLE(world, "7", "seven", "n"));
    delete_from(world, PAIR, TUPLE(world, "7", "seven", NULL));
    end(world);
    commit(world);
    expect(world, "SELECT key || deleted FROM waybill_versions", "[\"seven\",7]1");
    expect(world, "SELECT data FROM change_log WHERE operation = 'delete'",
           "{\"b\":\"seven\",\"a\":7}");
}

static void
logs_each_row_of_a_truncated_table(void **state)
{
    world_t *world = *state;
    FILL(world, "a\t\\N\t1\t\\N\n", "b\t\\N\t2\t\\N\n");
    uint32_t tables[] = {TODO, PAIR};
    tell_tables(world);
    begin(world, 2000, 5);
    apply(world, (pgoutput_message_t){
                     .kind = PGOUTPUT_TRUNCATE, .relations = tables, .n_relations = 2});
    end(world);
    commit(world);
    expect(world, "SELECT operation || data FROM change_log ORDER BY seq",
           "delete{\"id\":\"a\"} delete{\"id\":\"b\"}");
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
passes_over_tables_of_other_schemas(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    pgoutput_column_t columns[] = {{true, "id", TYPE_TEXT, -1}};
    begin(world, 2000, 5);
    apply(world, (pgoutput_message_t){.kind = PGOUTPUT_RELATION,
                                      .relation = 7,
                                      .schema = "elsewhere",
                                      .table = "todo",
                                      .columns = columns,
                                      .n_columns = 1});
    insert_into(world, 7, TUPLE(world, "b"));
    end(world);
    commit(world);
    expect(world, "SELECT id FROM todo", "a");
}

/*  ------------------------------------------------------------------------- labels  */

static void
puts_each_label_on_the_first_row_with_its_key(void **state)
{
    world_t *world = *state;
    const label_t labels[] = {{"todo", "b", "one", "c1", 3}, {"todo", "a", "two", "c2", 4}};
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    label_rows(world, labels, 2);
    update_of(world, TODO, TUPLE(world, "a", "1", NULL, NULL));
    insert_into(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    update_of(world, TODO, TUPLE(world, "a", "2", NULL, NULL));
    insert_into(world, TODO, TUPLE(world, "c", NULL, NULL, NULL));
    end(world);
    begin(world, 3000, 6);
    update_of(world, TODO, TUPLE(world, "b", NULL, NULL, NULL));
    end(world);
    commit(world);
    expect(world,
           "SELECT json_extract(data, '$.id') || updated_at || coalesce(client_id || change_id,"
           " '-') FROM change_log ORDER BY seq",
           "a4twoc2 b3onec1 a4- c3- b6-");
    expect(world, "SELECT key || updated_at || client_id FROM waybill_versions ORDER BY key",
           "a4 b6 c3");
}

static void
takes_a_second_label_for_a_row_that_has_used_its_first(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 9);
    for (int i = 1; i <= 3; i++) {
        const label_t label = {"todo", "a", "one", i == 1 ? "c1" : i == 2 ? "c2" : "c3", i};
        label_rows(world, &label, 1);
        if (i != 2)
            update_of(world, TODO, TUPLE(world, "a", "1", NULL, NULL));
    }
    end(world);
    commit(world);
    expect(world, "SELECT change_id FROM change_log ORDER BY seq", "c1 c3");
}

static err_t
try_delete(world_t *world, pgoutput_tuple_t key)
{
    const pgoutput_message_t message = {
        .kind = PGOUTPUT_DELETE, .relation = TODO, .old_kind = 'K', .old = key};
    return cache_apply(world->cache, &message, &world->fault);
}

/*  As from a partition with another replica identity than the whole table has.  */
static void
does_not_lose_a_row_that_is_not_named_by_its_key(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    tell_tables(world);
    begin(world, 2000, 5);
    assert_int_equal(try_delete(world, TUPLE(world, NULL, "x", NULL, NULL)), ERR_GAP);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(has_no_position_before_it_is_filled),
        CASE(takes_the_lines_of_a_copy),
        CASE(begins_its_history_where_the_copy_was_made),
        CASE(leaves_nothing_of_what_was_there_before),
        CASE(keeps_what_was_there_when_filling_is_given_up),
        CASE(need_not_be_sent_again_what_is_on_the_disk),
        CASE(writes_something_whenever_it_waits_for_the_disk),
        CASE(knows_nothing_of_the_disk_when_it_begins),
        CASE(logs_rows_at_the_place_of_their_commit),
        CASE(puts_several_transactions_into_one_commit),
        CASE(moves_on_without_a_position_where_nothing_was_written),
        CASE(passes_over_what_comes_again),
        CASE(forgets_half_a_transaction),
        CASE(keeps_a_value_that_was_not_sent),
        CASE(makes_a_new_row_of_a_new_key),
        CASE(reads_the_key_of_a_whole_old_row),
        CASE(names_a_key_of_several_columns_in_their_order),
        CASE(logs_each_row_of_a_truncated_table),
        CASE(passes_over_tables_of_other_schemas),
        CASE(puts_each_label_on_the_first_row_with_its_key),
        CASE(takes_a_second_label_for_a_row_that_has_used_its_first),
        CASE(does_not_lose_a_row_that_is_not_named_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
