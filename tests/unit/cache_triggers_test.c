/*  What the cache writes for the log of PostgreSQL is what the triggers of an SQLite database
    write for the same changes.  */

#include "tests/unit/cache_world.h"

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
        CASE(says_the_same_as_the_triggers),
        CASE(says_the_same_of_the_rows_before),
        CASE(says_the_same_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
