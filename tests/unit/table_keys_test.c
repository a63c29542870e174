/*  Keys of every kind: each row of the table below is a table with three rows, and everything
    that is done by key must work with it.  */

#include "schemas/codec.h"
#include "schemas/tables.h"
#include "tests/unit/catalog_world.h"

typedef struct key_kind {
    const char *columns; /* of table t; the last one, note, is outside the key */
    const char *rows[3]; /* values as SQL has them, without note, in the order of the bytes */
    const char *texts[3];
} key_kind_t;

static const key_kind_t kinds[] = {
    {"id INTEGER PRIMARY KEY, note",
     {"-5", "7", "9007199254740993"},
     {"-5", "7", "9007199254740993"}},
    {"id INT PRIMARY KEY, note", {"1", "'one'", "x'01'"}, {"1", "one", "{\"$hex\":\"01\"}"}},
    {"id BIGINT PRIMARY KEY, note",
     {"-9223372036854775808", "1.5", "9223372036854775807"},
     {"-9223372036854775808", "1.5", "9223372036854775807"}},
    {"id TEXT PRIMARY KEY, note", {"'1'", "'[\"a\",1]'", "'é'"}, {"1", "[\"a\",1]", "é"}},
    {"id TEXT PRIMARY KEY, note",
     {"''", "'{\"$hex\":\"01\"}'", "x'01'"},
     {"", "{\"$text\":\"{\\\"$hex\\\":\\\"01\\\"}\"}", "{\"$hex\":\"01\"}"}},
    {"id TEXT PRIMARY KEY, note",
     {"'a' || char(0) || 'b'", "'a' || char(1)", "'{\"$'"},
     {"{\"$text\":\"a\\u0000b\"}", "a\001", "{\"$text\":\"{\\\"$\"}"}},
    {"id BLOB PRIMARY KEY, note",
     {"x''", "x'00'", "x'00ff'"},
     {"{\"$hex\":\"\"}", "{\"$hex\":\"00\"}", "{\"$hex\":\"00FF\"}"}},
    {"id REAL PRIMARY KEY, note", {"-1.0", "0.1", "1e300"}, {"-1", "0.1", "1.0e+300"}},
    {"id REAL PRIMARY KEY, note",
     {"-9e999", "0.1 + 0.2", "9e999"},
     {"{\"$real\":\"-Inf\"}", "0.3000000000000000444", "{\"$real\":\"Inf\"}"}},
    {"id PRIMARY KEY, note", {"1", "1.5", "'1'"}, {"1", "1.5", "{\"$text\":\"1\"}"}},
    {"id PRIMARY KEY, note", {"2.0", "'a-1'", "x'31'"}, {"2", "a-1", "{\"$hex\":\"31\"}"}},
    {"id ANY PRIMARY KEY, note ANY", {"1", "1.5", "'one'"}, {"1", "1.5", "one"}},
    {"id VARCHAR(9) COLLATE NOCASE PRIMARY KEY, note", {"'B'", "'Z'", "'a'"}, {"B", "Z", "a"}},
    {"a TEXT, b INTEGER, note, PRIMARY KEY (a, b)",
     {"'x', 1", "'x', 2", "'y', 1"},
     {"[\"x\",1]", "[\"x\",2]", "[\"y\",1]"}},
    {"a INTEGER, b INTEGER, note, PRIMARY KEY (b, a)",
     {"2, 1", "1, 2", "1, 3"},
     {"[1,2]", "[2,1]", "[3,1]"}},
    {"a TEXT COLLATE NOCASE, b BLOB, note, PRIMARY KEY (a, b)",
     {"'B', x'00'", "'a', x''", "'a', x'ff'"},
     {"[\"B\",{\"$hex\":\"00\"}]", "[\"a\",{\"$hex\":\"\"}]", "[\"a\",{\"$hex\":\"FF\"}]"}},
    {"a REAL, b, c TEXT, note, PRIMARY KEY (a, b, c)",
     {"1.0, 1, '\"'", "1.5, 1, 'a,b'", "1.5, '1', ''"},
     {"[1,1,\"\\\"\"]", "[1.5,1,\"a,b\"]", "[1.5,\"1\",\"\"]"}},
    {"\"a b\" TEXT, \"it's \"\"x\"\"\" INTEGER, note, PRIMARY KEY (\"a b\", \"it's "
     "\"\"x\"\"\")",
     {"'1', 1", "'1', 2", "'2', 0"},
     {"[\"1\",1]", "[\"1\",2]", "[\"2\",0]"}},
};

static const char *const options[] = {"", " WITHOUT ROWID"};

typedef struct rows {
    bytes_t rows[4];
    size_t n;
    size_t left; /* until the page is full */
    arena_t *arena;
} rows_t;

static bool
take(void *arg, bytes_t row)
{
    rows_t *rows = arg;
    assert_true(rows->n < COUNT_OF(rows->rows));
    rows->rows[rows->n++] = arena_bytes(rows->arena, row);
    return --rows->left > 0;
}

/*  The rows are written by another program, in another order than that of the key.  */
static table_t *
make_table(world_t *world, const key_kind_t *kind, const char *option)
{
    static const size_t order[] = {2, 0, 1};
    char *sql = mem_format("DROP TABLE IF EXISTS t; DELETE FROM change_log;"
                           " DELETE FROM waybill_versions; CREATE TABLE t (%s)%s%s",
                           kind->columns, option,
                           strstr(kind->columns, "ANY") == NULL ? ""
                           : option[0] == '\0'                  ? " STRICT"
                                                                : ", STRICT");
    run(world, sql);
    free(sql);
    table_t *table = catalog_table(world->catalog, "t");
    assert_int_equal(table_capture(table, &(capture_options_t){0}, &world->fault), OK);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        sql = mem_format("INSERT INTO t VALUES (%s, 'n%zu')", kind->rows[order[i]], order[i]);
        run(world, sql);
        free(sql);
    }
    return catalog_table(world->catalog, "t");
}

static void
for_each_kind(void **state,
              void (*check)(world_t *, table_t *, const key_kind_t *, const bytes_t *))
{
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(kinds) * COUNT_OF(options); i++) {
        const key_kind_t *kind = &kinds[i / COUNT_OF(options)];
        table_t *table = make_table(world, kind, options[i % COUNT_OF(options)]);
        rows_t rows = {.left = 4, .arena = &world->arena};
        assert_int_equal(table_scan(table, (bytes_t){0}, take, &rows, &world->fault), OK);
        if (rows.n != 3)
            fail_msg("%s: %zu rows", kind->columns, rows.n);
        check(world, table, kind, rows.rows);
    }
}

static const char *
note_of(world_t *world, bytes_t row)
{
    value_t note = {0};
    assert_true(row_find(row, "note", &note));
    return value_text(&note, &world->arena);
}

static bytes_t
key_named(world_t *world, const table_t *table, const char *text)
{
    bytes_t key = {0};
    if (table_key_named(table, text, &world->arena, &key, &world->fault) != OK)
        fail_msg("%s: %s", text, world->fault.text);
    return key;
}

/*  ------------------------------------------------------------------------------- texts  */

static void
check_texts(world_t *world, table_t *table, const key_kind_t *kind, const bytes_t *rows)
{
    for (size_t i = 0; i < 3; i++) {
        const char *text = NULL;
        assert_int_equal(table_check(table, rows[i], &world->arena, &text, &world->fault), OK);
        assert_string_equal(text, kind->texts[i]);
        const bytes_t key = key_named(world, table, text);
        assert_int_equal(table_check(table, key, &world->arena, &text, &world->fault), OK);
        assert_string_equal(text, kind->texts[i]);

        char *sql = mem_format("SELECT count(*) FROM waybill_versions WHERE key = ?1");
        assert_int_equal(db_number(world->db, "SELECT count(*) FROM waybill_versions", -1), 3);
        err_t err = OK;
        sqlite3_stmt *count = db_query(world->db, sql, &world->fault, "t", kind->texts[i]);
        assert_true(db_step(world->db, count, &err, &world->fault));
        if (sqlite3_column_int(count, 0) != 1)
            fail_msg("%s: the triggers know no %s", kind->columns, kind->texts[i]);
        sqlite3_reset(count);
        free(sql);
    }
}

static void
triggers_and_we_give_a_key_one_text_that_names_it(void **state)
{
    for_each_kind(state, check_texts);
}

/*  A column converts what is put into it; the text is that of what it stores.  */
static void
a_value_is_named_as_its_column_stores_it(void **state)
{
    static const struct {
        const char *columns, *row, *text;
    } given[] = {
        {"id REAL PRIMARY KEY", "{\"id\":9007199254740993}", "9007199254740992"},
        {"id REAL PRIMARY KEY", "{\"id\":-0.0}", "0"},
        {"id TEXT PRIMARY KEY", "{\"id\":7}", "7"},
        {"id INTEGER PRIMARY KEY", "{\"id\":\"7\"}", "7"},
        {"id NUMERIC PRIMARY KEY", "{\"id\":1e3}", "1000"},
        {"a INT, b TEXT, c REAL, PRIMARY KEY (a, b, c)", "{\"a\":\"-1\",\"b\":2,\"c\":3}",
         "[-1,\"2\",3]"},
        {"a INT, b TEXT, c, PRIMARY KEY (a, b, c)", "{\"a\":2.0,\"b\":\"\",\"c\":\"3\"}",
         "[2,\"\",\"3\"]"},
    };
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        buffer_t row = {0};
        const char *text = NULL;
        char *sql = mem_format("DROP TABLE IF EXISTS t; DELETE FROM waybill_versions;"
                               " CREATE TABLE t (%s)",
                               given[i].columns);
        run(world, sql);
        table_t *table = catalog_table(world->catalog, "t");
        assert_int_equal(table_capture(table, &(capture_options_t){0}, &world->fault), OK);
        assert_int_equal(
            json_to_msgpack(given[i].row, strlen(given[i].row), &row, &world->fault), OK);
        assert_int_equal(
            table_check(table, buffer_bytes(&row), &world->arena, &text, &world->fault), OK);
        assert_string_equal(text, given[i].text);
        assert_int_equal(table_insert(table, buffer_bytes(&row), &world->fault), OK);
        expect(world, "SELECT key FROM waybill_versions", given[i].text);
        buffer_release(&row);
        free(sql);
    }
}

/*  -------------------------------------------------------------------------- operations  */

static void
expect_note(world_t *world, table_t *table, bytes_t key, const char *expected)
{
    bool found = false;
    buffer_t row = {0};
    assert_int_equal(table_read(table, key, &row, &found, &world->fault), OK);
    assert_int_equal(found, expected != NULL);
    if (found)
        assert_string_equal(note_of(world, buffer_bytes(&row)), expected);
    buffer_release(&row);
}

/*  The row with another note.  */
static bytes_t
with_note(world_t *world, const table_t *table, bytes_t row, const char *note)
{
    const bytes_t key = table_key_row(table, row, &world->arena);
    const row_reader_t rest = row_read(key);
    const value_t value = text(note);
    buffer_clear(&world->row);
    row_begin(&world->row, rest.left + 1);
    row_add_name(&world->row, "note");
    row_add(&world->row, &value);
    buffer_add(&world->row, rest.at, (size_t) (rest.end - rest.at));
    return buffer_bytes(&world->row);
}

static void
check_operations(world_t *world, table_t *table, const key_kind_t *kind, const bytes_t *rows)
{
    bool changed = false;
    const bytes_t key = key_named(world, table, kind->texts[1]);
    expect_note(world, table, key, "n1");
    assert_int_equal(
        table_update(table, with_note(world, table, key, "updated"), &changed, &world->fault),
        OK);
    assert_true(changed);
    expect_note(world, table, key, "updated");
    assert_int_equal(table_upsert(table, rows[1], &world->fault), OK);
    expect_note(world, table, key, "n1");
    assert_int_equal(table_upsert(table, key, &world->fault), OK);
    expect_note(world, table, key, "n1");
    assert_int_equal(table_insert(table, rows[1], &world->fault), ERR_RULE_VIOLATION);
    assert_int_equal(table_delete(table, key, &changed, &world->fault), OK);
    assert_true(changed);
    expect_note(world, table, key, NULL);
    expect_note(world, table, rows[0], "n0");
    expect_note(world, table, rows[2], "n2");
    assert_int_equal(table_insert(table, rows[1], &world->fault), OK);
    expect_note(world, table, key, "n1");
}

static void
rows_are_written_read_and_deleted_by_any_key(void **state)
{
    for_each_kind(state, check_operations);
}

/*  ------------------------------------------------------------------------------ ranges  */

static void
check_pages(world_t *world, table_t *table, const key_kind_t *kind, const bytes_t *all)
{
    (void) kind;
    (void) all;
    bytes_t after = {0};
    for (size_t i = 0; i < 4; i++) {
        rows_t page = {.left = 1, .arena = &world->arena};
        assert_int_equal(table_scan(table, after, take, &page, &world->fault), OK);
        assert_int_equal(page.n, i < 3 ? 1 : 0);
        if (i == 3)
            break;
        char expected[] = {'n', (char) ('0' + i), '\0'};
        assert_string_equal(note_of(world, page.rows[0]), expected);
        after = table_key_row(table, page.rows[0], &world->arena);
    }
}

static void
pages_go_on_behind_any_key(void **state)
{
    for_each_kind(state, check_pages);
}

static void
check_prune(world_t *world, table_t *table, const key_kind_t *kind, const bytes_t *rows)
{
    (void) kind;
    const server_change_t keep = {.data = rows[1]};
    assert_int_equal(table_prune(table, rows[0], rows[1], &keep, 1, NULL, NULL, &world->fault),
                     OK);
    expect(world, "SELECT count(*) FROM t", "3");
    assert_int_equal(
        table_prune(table, rows[0], (bytes_t){0}, &keep, 1, NULL, NULL, &world->fault), OK);
    expect(world, "SELECT count(*) || min(note) || max(note) FROM t", "2n0n1");
    assert_int_equal(
        table_prune(table, (bytes_t){0}, rows[1], NULL, 0, NULL, NULL, &world->fault), OK);
    expect(world, "SELECT count(*) FROM t", "0");
}

static void
prune_spares_what_a_page_has_under_any_key(void **state)
{
    for_each_kind(state, check_prune);
}

/*  ----------------------------------------------------------------------------- capture  */

static bytes_t
logged(world_t *world, const char *where)
{
    err_t err = OK;
    buffer_t row = {0};
    char *sql = mem_format("SELECT data FROM change_log WHERE %s", where);
    sqlite3_stmt *data = db_statement(world->db, sql, &world->fault);
    assert_true(db_step(world->db, data, &err, &world->fault));
    const bytes_t json = column_bytes(data, 0);
    assert_int_equal(json_to_msgpack((const char *) json.data, json.size, &row, &world->fault),
                     OK);
    sqlite3_reset(data);
    free(sql);
    const bytes_t kept = arena_bytes(&world->arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}

static void
check_log(world_t *world, table_t *table, const key_kind_t *kind, const bytes_t *rows)
{
    (void) kind;
    const bytes_t inserted = logged(world, "data LIKE '%\"n1\"%'");
    assert_int_equal(inserted.size, rows[1].size);
    assert_memory_equal(inserted.data, rows[1].data, rows[1].size);

    run(world, "DELETE FROM change_log; DELETE FROM t WHERE note = 'n1'");
    table = catalog_table(world->catalog, "t");
    const bytes_t deleted = logged(world, "operation = 'delete'");
    const bytes_t key = table_key_row(table, rows[1], &world->arena);
    assert_int_equal(deleted.size, key.size);
    assert_memory_equal(deleted.data, key.data, key.size);
}

static void
the_log_gives_any_key_back_as_it_was(void **state)
{
    for_each_kind(state, check_log);
}

static int
make_server(void **state)
{
    assert_int_equal(make_world(state), 0);
    run(*state, "PRAGMA synchronous = OFF");
    run(*state, server_sql);
    run(*state, "INSERT INTO waybill_head (one, epoch, lsn) VALUES (1, 'e', 10)");
    return 0;
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_server, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(triggers_and_we_give_a_key_one_text_that_names_it),
        EACH(a_value_is_named_as_its_column_stores_it),
        EACH(rows_are_written_read_and_deleted_by_any_key),
        EACH(pages_go_on_behind_any_key),
        EACH(prune_spares_what_a_page_has_under_any_key),
        EACH(the_log_gives_any_key_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
