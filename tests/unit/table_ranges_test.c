/*  Rows by the page: scanned in order of the key, and pruned where a page does not have them.
 */

#include "tests/unit/catalog_world.h"

#include <stdio.h>

typedef struct page {
    char keys[64];
    size_t left;
} page_t;

static bool
take(void *arg, bytes_t row)
{
    value_t key;
    page_t *page = arg;
    assert_true(row_find(row, "id", &key));
    const size_t size = strlen(page->keys);
    (void) snprintf(page->keys + size, sizeof page->keys - size, "%.*s ", (int) key.bytes.size,
                    (const char *) key.bytes.data);
    return --page->left > 0;
}

/*  No key if there is no text.  */
static bytes_t
key_of(world_t *world, table_t *table, const char *id)
{
    bytes_t key = {0};
    if (id != NULL)
        assert_int_equal(table_key_named(table, id, &world->arena, &key, &world->fault), OK);
    return key;
}

/*  At most three keys, each followed by a blank.  */
static void
expect_page(world_t *world, table_t *table, const char *after, const char *expected)
{
    page_t page = {.left = 3};
    assert_int_equal(table_scan(table, key_of(world, table, after), take, &page, &world->fault),
                     OK);
    assert_string_equal(page.keys, expected);
}

static void
scans_pages_in_order_of_the_key(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('c', 1), ('a', 1), ('d', 1), ('b', 1)");
    expect_page(world, table, NULL, "a b c ");
    expect_page(world, table, "c", "d ");
}

static void
scan_orders_keys_by_their_bytes_however_the_table_collates(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE folded (id TEXT COLLATE NOCASE PRIMARY KEY);"
               " INSERT INTO folded VALUES ('c'), ('A'), ('D'), ('b')");
    table_t *table = catalog_table(world->catalog, "folded");
    expect_page(world, table, NULL, "A D b ");
    expect_page(world, table, "b", "c ");
}

static bool
spare_d(void *arg, const char *key)
{
    (void) arg;
    return strcmp(key, "d") == 0;
}

static void
prune_removes_what_the_page_does_not_have(void **state)
{
    buffer_t rows[2] = {{0}};
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('a', 1), ('b', 1), ('c', 1), ('d', 1),"
               " ('e', 1), ('f', 1), ('g', 1)");
    server_change_t keep[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        const bytes_t row = ROW(world, {"title", text("x")}, {"id", text(i == 0 ? "f" : "c")});
        buffer_add(&rows[i], row.data, row.size);
        keep[i].data = buffer_bytes(&rows[i]);
    }
    const bytes_t after = key_of(world, table, "a");
    const bytes_t up_to = key_of(world, table, "f");
    assert_int_equal(table_prune(table, after, up_to, keep, 2, spare_d, NULL, &world->fault),
                     OK);
    expect(world, "SELECT group_concat(id, '') FROM todo", "acdfg");
    buffer_release(&rows[0]);
    buffer_release(&rows[1]);
}

static void
prune_without_bounds_empties_the_table(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('a', 1), ('b', 1)");
    assert_int_equal(
        table_prune(table, (bytes_t){0}, (bytes_t){0}, NULL, 0, NULL, NULL, &world->fault), OK);
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
prune_of_nothing_is_one_statement(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    const uint64_t before = db_statements_run(world->db);
    const bytes_t after = key_of(world, table, "a");
    assert_int_equal(
        table_prune(table, after, (bytes_t){0}, NULL, 0, NULL, NULL, &world->fault), OK);
    assert_int_equal(db_statements_run(world->db), before + 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(scans_pages_in_order_of_the_key),
        EACH(scan_orders_keys_by_their_bytes_however_the_table_collates),
        EACH(prune_removes_what_the_page_does_not_have),
        EACH(prune_without_bounds_empties_the_table),
        EACH(prune_of_nothing_is_one_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
