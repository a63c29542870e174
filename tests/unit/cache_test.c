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

/*  ----------------------------------------------------------- as the triggers have it  */

typedef struct variant {
    const char *read, *policy;
} variant_t;

static const char *const dumps[] = {
    "SELECT lsn || tbl || operation || data || updated_at || quote(client_id) ||"
    " quote(change_id) || quote(old) FROM change_log ORDER BY seq",
    "SELECT tbl || key || updated_at || client_id || lsn || deleted FROM waybill_versions"
    " ORDER BY tbl, key",
    "SELECT tbl || key || col || updated_at || client_id FROM waybill_columns"
    " ORDER BY tbl, key, col",
    "SELECT id || quote(title) || quote(n) || quote(big) FROM todo ORDER BY id",
};

static void
dump(world_t *world, db_t *db, buffer_t *out)
{
    for (size_t i = 0; i < COUNT_OF(dumps); i++) {
        err_t err = OK;
        sqlite3_stmt *rows = db_query(db, dumps[i], &world->fault, "");
        while (db_step(db, rows, &err, &world->fault))
            buffer_add_format(out, "%s\n", column_text(rows, 0));
        must(world, err);
    }
}

enum { MANY = 40 }; /* more rows than go into one statement */

static void
write_many_rows(world_t *world)
{
    char number[16];
    for (int i = 1; i <= MANY; i++) {
        (void) snprintf(number, sizeof number, "%d", i);
        insert_into(world, PAIR, TUPLE(world, number, "many", NULL));
        update_of(world, PAIR, TUPLE(world, number, "many", "again"));
        if (i % 3 == 0)
            delete_from(world, PAIR, TUPLE(world, number, "many", NULL));
    }
}

static void
write_through_the_log(world_t *world)
{
    const label_t labels[] = {{"todo", "b", "one", "c1", 3},
                              {"todo", "a", "two", "c2", 40},
                              {"todo", "q", "two", "c3", 50}};
    tell_tables(world);
    begin(world, 2000, 10);
    label_rows(world, labels, 3);
    insert_into(world, TODO, TUPLE(world, "b", "x\x01\n\"\\/\xc3\xa9", "-5", "y"));
    update_of(world, TODO, TUPLE(world, "a", "new", "1", "~"));
    update_of(world, TODO, TUPLE(world, "a", "newer", "1", "~"));
    move_in(world, TODO, 'K', TUPLE(world, "b", NULL, NULL, NULL),
            TUPLE(world, "{\"$hex\":\"00\"}", NULL, "9223372036854775807", "~"));
    insert_into(world, TODO, TUPLE(world, "q", NULL, NULL, NULL));
    delete_from(world, TODO, TUPLE(world, "q", NULL, NULL, NULL));
    insert_into(world, PAIR, TUPLE(world, "7", "seven", "n"));
    write_many_rows(world);
    end(world);
    commit(world);
}

static const char same_in_sql[] =
    "UPDATE waybill_head SET lsn = 1999;"
    "UPDATE waybill_origin SET client_id = 'one', change_id = 'c1', updated_at = 3;"
    "INSERT INTO todo VALUES ('b', 'x' || char(1) || char(10) || '\"\\/\xc3\xa9', -5, 'y');"
    "UPDATE waybill_origin SET client_id = 'two', change_id = 'c2', updated_at = 40;"
    "UPDATE todo SET title = 'new', n = 1 WHERE id = 'a';"
    "UPDATE waybill_origin SET client_id = NULL, change_id = NULL, updated_at = 40;"
    "UPDATE todo SET title = 'newer', n = 1 WHERE id = 'a';"
    "UPDATE waybill_origin SET updated_at = 3;"
    "UPDATE todo SET id = '{\"$hex\":\"00\"}', title = NULL, n = 9223372036854775807"
    " WHERE id = 'b';"
    "UPDATE waybill_origin SET client_id = 'two', change_id = 'c3', updated_at = 50;"
    "INSERT INTO todo (id) VALUES ('q');"
    "UPDATE waybill_origin SET client_id = NULL, change_id = NULL, updated_at = 50;"
    "DELETE FROM todo WHERE id = 'q';"
    "UPDATE waybill_origin SET updated_at = 3;"
    "INSERT INTO pair VALUES (7, 'seven', 'n');";

static void
write_many_rows_in_sql(world_t *world, db_t *db)
{
    for (int64_t i = 1; i <= MANY; i++) {
        must(world, db_run(db, "INSERT INTO pair VALUES (?1, 'many', NULL)", NULL,
                           &world->fault, "i", i));
        must(world, db_run(db, "UPDATE pair SET note = 'again' WHERE a = ?1 AND b = 'many'",
                           NULL, &world->fault, "i", i));
        if (i % 3 == 0)
            must(world, db_run(db, "DELETE FROM pair WHERE a = ?1 AND b = 'many'", NULL,
                               &world->fault, "i", i));
    }
}

/*  The same in a cache with triggers.  */
static void
write_with_triggers(world_t *world, const variant_t *variant, buffer_t *out)
{
    const capture_options_t options = {.keep_old = variant->read[0] != '\0',
                                       .columns = strcmp(variant->policy, "column") == 0};
    catalog_t *catalog = NULL;
    remove_file(world);
    must(world, cache_open(&world->settings, &world->cache, &world->fault));
    cache_trust(world->cache, server_token);
    FILL(world, "a\tx\t1\tvery large\n");
    db_t *db = cache_db(world->cache);
    must(world, catalog_open(db, &catalog, &world->fault));
    must(world, table_capture(catalog_table(catalog, "todo"), &options, &world->fault));
    must(world, table_capture(catalog_table(catalog, "pair"), &options, &world->fault));
    must(world, db_exec(db, same_in_sql, &world->fault));
    write_many_rows_in_sql(world, db);
    dump(world, db, out);
    catalog_close(&catalog);
}

static void
compare_with_triggers(world_t *world, const variant_t *variant)
{
    table_settings_t tables[2];
    buffer_t ours = {0};
    buffer_t theirs = {0};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        tables[i] = *settings_of_table(&world->settings, "");
        tables[i].name = i == 0 ? "todo" : "pair";
        tables[i].tables_read = variant->read;
        tables[i].tables_policy = variant->policy;
    }
    world->settings.tables = tables;
    world->settings.n_tables = COUNT_OF(tables);
    FILL(world, "a\tx\t1\tvery large\n");
    write_through_the_log(world);
    dump(world, cache_db(world->cache), &ours);
    write_with_triggers(world, variant, &theirs);
    assert_string_equal(buffer_text(&ours), buffer_text(&theirs));
    buffer_release(&ours);
    buffer_release(&theirs);
}

static void
says_the_same_as_the_triggers(void **state)
{
    compare_with_triggers(*state, &(variant_t){"", "row"});
}

static void
says_the_same_of_the_rows_before(void **state)
{
    compare_with_triggers(*state, &(variant_t){"1", "row"});
}

static void
says_the_same_of_columns(void **state)
{
    compare_with_triggers(*state, &(variant_t){"", "column"});
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
        CASE(adds_a_column_in_the_middle_of_a_transaction),
        CASE(says_what_it_cannot_follow),
        CASE(says_the_same_as_the_triggers),
        CASE(says_the_same_of_the_rows_before),
        CASE(says_the_same_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
