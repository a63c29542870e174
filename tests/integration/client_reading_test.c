/*  libwaybill's caches and live queries: they are as the database is, whoever writes to it.  */

#include "tests/integration/client_world.h"

/*  An application without a handle: the command line.  */
static void
upsert(const char *id, const char *json)
{
    outcome_t outcome =
        RUN("upsert", "--wait", "notes", id, json, "--run-dir", world.agent_dir);
    assert_int_equal(outcome.status, 0);
    outcome_release(&outcome);
}

static bool
title_is(waybill_cache_t *cache, const char *id, const char *title)
{
    waybill_value_t value;
    return waybill_cache_value(cache, id, "title", &value) && value.kind == WAYBILL_TEXT
           && value.size == strlen(title) && memcmp(value.bytes, title, value.size) == 0;
}

/*  ------------------------------------------------------------------------------- caches  */

static void
a_cache_follows_every_writer(void **state)
{
    (void) state;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    upsert("k1", "{\"title\": \"first\"}");
    assert_ok(handle, waybill_cache_open(handle, "Notes", 1000, &cache));
    assert_string_equal(waybill_cache_get(cache, "k1"),
                        "{\"id\":\"k1\",\"title\":\"first\",\"body\":null}");
    upsert("k1", "{\"title\": \"second\"}");
    WAIT_FOR(handle, title_is(cache, "k1", "second"));
    run_in("server.db", "UPDATE notes SET title = 'third' WHERE id = 'k1'");
    WAIT_FOR(handle, title_is(cache, "k1", "third"));
    run_in("server.db", "DELETE FROM notes WHERE id = 'k1'");
    WAIT_FOR(handle, waybill_cache_get(cache, "k1") == NULL);
    waybill_cache_close(&cache);
    waybill_close(&handle);
}

static bool
count_row(const char *id, const char *json, void *context)
{
    assert_contains(json, id);
    ++*(size_t *) context;
    return true;
}

/*  As a whole, after every kind of change.  */
static void
a_cache_equals_its_table(void **state)
{
    enum { ROWS = 300 };
    (void) state;
    size_t n = 0;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    assert_ok(handle, waybill_cache_open(handle, "notes", 1000, &cache));
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        (void) snprintf(id, sizeof id, "eq%d", i);
        assert_ok(handle, waybill_upsert(handle, "notes", id, "{\"title\": \"x\"}", NULL));
        if (i % 3 == 0)
            assert_ok(handle, waybill_remove(handle, "notes", id, NULL));
    }
    const int64_t rows = number_in("agent.db", "SELECT count(*) FROM notes");
    WAIT_FOR(handle, waybill_cache_count(cache) == (size_t) rows);
    waybill_cache_each(cache, count_row, &n);
    assert_int_equal(n, rows);
    waybill_cache_close(&cache);
    waybill_close(&handle);
}

static void
a_cache_takes_no_more_rows_than_it_may(void **state)
{
    (void) state;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    upsert("big1", "{\"title\": \"x\"}");
    upsert("big2", "{\"title\": \"x\"}");
    assert_int_equal(waybill_cache_open(handle, "notes", 1, &cache), WAYBILL_TOO_LARGE);
    assert_null(cache);
    assert_int_equal(waybill_cache_open(handle, "nowhere", 1, &cache), WAYBILL_NOT_FOUND);
    const size_t rows = (size_t) number_in("agent.db", "SELECT count(*) FROM notes");
    assert_ok(handle, waybill_cache_open(handle, "notes", rows, &cache));
    upsert("big3", "{\"title\": \"x\"}");
    waybill_code_t code = WAYBILL_OK;
    WAIT_FOR(handle, (code = waybill_dispatch(handle)) != WAYBILL_OK
                         || waybill_error(handle)->code == WAYBILL_TOO_LARGE);
    assert_contains(waybill_error(handle)->text, "notes");
    waybill_cache_close(&cache);
    waybill_close(&handle);
}

static void
a_cache_knows_keys_of_numbers_and_of_several_columns(void **state)
{
    (void) state;
    static const char tables[] =
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY, title TEXT);"
        "CREATE TABLE pairs (a TEXT, b INTEGER, title TEXT, PRIMARY KEY (a, b))";
    waybill_cache_t *numbers = NULL, *pairs = NULL;
    static const char rows[] =
        "INSERT INTO numbers VALUES (7, 'seven'); INSERT INTO pairs VALUES ('x', 1, 'one')";
    run_in("agent.db", tables);
    run_in("agent.db", rows);
    run_in("server.db", tables); /* else the server refuses what is written, and it is undone */
    run_in("server.db", rows);
    waybill_t *handle = join();
    assert_ok(handle, waybill_cache_open(handle, "numbers", 100, &numbers));
    assert_ok(handle, waybill_cache_open(handle, "pairs", 100, &pairs));
    assert_true(title_is(numbers, "7", "seven"));
    assert_true(title_is(pairs, "[\"x\",1]", "one"));
    assert_ok(handle, waybill_upsert(handle, "numbers", "7", "{\"title\": \"VII\"}", NULL));
    assert_ok(handle,
              waybill_upsert(handle, "pairs", "[\"x\",2]", "{\"title\": \"two\"}", NULL));
    WAIT_FOR(handle, title_is(numbers, "7", "VII") && title_is(pairs, "[\"x\",2]", "two"));
    waybill_close(&handle);
}

/*  Nobody tells of what a program writes with plain SQL, if triggers do not capture it.  */
static void
a_cache_sees_what_no_event_told(void **state)
{
    (void) state;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    assert_ok(handle, waybill_cache_open(handle, "notes", 1000, &cache));
    run_in("agent.db", "INSERT INTO notes VALUES ('silent', 'x', NULL)");
    WAIT_FOR(handle, title_is(cache, "silent", "x"));
    waybill_close(&handle);
}

static void
a_cache_is_right_after_the_agent_was_away(void **state)
{
    (void) state;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    assert_ok(handle, waybill_cache_open(handle, "notes", 1000, &cache));
    restart_agent(SIGKILL);
    upsert("away", "{\"title\": \"missed\"}");
    WAIT_FOR(handle, title_is(cache, "away", "missed"));
    upsert("away", "{\"title\": \"heard\"}");
    WAIT_FOR(handle, title_is(cache, "away", "heard"));
    waybill_close(&handle);
}

static void
count_event(const waybill_event_t *event, void *context)
{
    (void) event;
    ++*(int *) context;
}

/*  Who lets too much lie hears that events were lost, and the cache is right all the same.  */
static void
a_cache_is_right_after_events_were_lost(void **state)
{
    enum { BATCHES = 45, CHANGES = 250 };
    (void) state;
    int missed = 0;
    uint64_t number;
    waybill_cache_t *cache = NULL;
    waybill_t *handle = join();
    const waybill_filter_t filter = {.kinds = WAYBILL_MISSED};
    assert_ok(handle, waybill_subscribe(handle, &filter, count_event, &missed, &number));
    assert_ok(handle, waybill_cache_open(handle, "notes", 1000, &cache));
    for (int i = 0; i < BATCHES; i++) {
        assert_ok(handle, waybill_begin(handle));
        for (int k = 0; k < CHANGES; k++) {
            char id[16];
            (void) snprintf(id, sizeof id, "lost%d", k);
            assert_ok(handle, waybill_upsert(handle, "notes", id,
                                             i % 2 == 0 ? "{\"title\": \"even\"}"
                                                        : "{\"title\": \"odd\"}",
                                             NULL));
        }
        assert_ok(handle, waybill_commit(handle, 0, PATIENCE_MS));
    }
    assert_ok(handle, waybill_dispatch(handle));
    assert_true(missed > 0);
    assert_true(title_is(cache, "lost0", "even"));
    waybill_close(&handle);
}

/*  -------------------------------------------------------------------------- live queries  */

typedef struct told {
    size_t n; /* calls */
    size_t added, removed, changed;
    char last[256];
} told_t;

static void
tell(const waybill_difference_t *differences, size_t n, void *context)
{
    told_t *told = context;
    told->n++;
    for (size_t i = 0; i < n; i++) {
        const waybill_difference_t *one = &differences[i];
        told->added += one->before == NULL;
        told->removed += one->after == NULL;
        told->changed += one->before != NULL && one->after != NULL;
        (void) snprintf(told->last, sizeof told->last, "%s -> %s",
                        one->before != NULL ? one->before : "",
                        one->after != NULL ? one->after : "");
    }
}

static void
a_live_query_tells_the_difference(void **state)
{
    (void) state;
    told_t told = {0};
    waybill_live_t *live = NULL;
    waybill_t *handle = join();
    const waybill_value_t like = {.kind = WAYBILL_TEXT, .bytes = "lq%", .size = 3};
    const waybill_query_t query = {.sql = "SELECT id, title FROM notes WHERE id LIKE ?1",
                                   .values = &like,
                                   .n_values = 1,
                                   .callback = tell,
                                   .context = &told};
    upsert("lq1", "{\"title\": \"1\"}");
    assert_ok(handle, waybill_live_open(handle, &query, &live));
    assert_int_equal(told.added, 1);
    upsert("lq2", "{\"title\": \"2\"}");
    WAIT_FOR(handle, told.added == 2);
    assert_string_equal(told.last, " -> {\"id\":\"lq2\",\"title\":\"2\"}");
    upsert("lq2", "{\"title\": \"3\"}");
    WAIT_FOR(handle, told.changed == 1);
    assert_string_equal(told.last, "{\"id\":\"lq2\",\"title\":\"2\"} -> "
                                   "{\"id\":\"lq2\",\"title\":\"3\"}");
    upsert("other", "{\"title\": \"3\"}");
    run_in("server.db", "DELETE FROM notes WHERE id = 'lq2'");
    WAIT_FOR(handle, told.removed == 1);
    assert_int_equal(told.n, 4);
    waybill_live_close(&live);
    waybill_close(&handle);
}

static void
a_live_query_may_read_the_journal(void **state)
{
    (void) state;
    told_t told = {0};
    waybill_live_t *live = NULL;
    waybill_t *handle = join();
    const waybill_query_t query = {
        .sql = "SELECT id, state FROM local_changes WHERE entity_id = 'journal'",
        .callback = tell,
        .context = &told};
    assert_ok(handle, waybill_live_open(handle, &query, &live));
    assert_int_equal(told.n, 0);
    upsert("journal", "{\"title\": \"1\"}");
    WAIT_FOR(handle, strstr(told.last, "\"done\"") != NULL);
    waybill_close(&handle);
}

static void
a_live_query_must_be_one_select(void **state)
{
    static const char *const wrong[] = {"SELEC", "DELETE FROM notes", "SELECT 1; SELECT 2", "",
                                        "SELECT * FROM nowhere"};
    (void) state;
    told_t told = {0};
    waybill_live_t *live = NULL;
    waybill_t *handle = join();
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const waybill_query_t query = {.sql = wrong[i], .callback = tell, .context = &told};
        assert_int_equal(waybill_live_open(handle, &query, &live), WAYBILL_USAGE);
        assert_contains(waybill_error(handle)->text, "sql: ");
    }
    const waybill_value_t value = {.kind = WAYBILL_NULL};
    const waybill_query_t query = {
        .sql = "SELECT 1", .values = &value, .n_values = 1, .callback = tell, .context = &told};
    assert_int_equal(waybill_live_open(handle, &query, &live), WAYBILL_USAGE);
    assert_int_equal(told.n, 0);
    waybill_close(&handle);
}

typedef struct leaver {
    waybill_live_t *live;
    int n;
} leaver_t;

static void
leave(const waybill_difference_t *differences, size_t n, void *context)
{
    leaver_t *leaver = context;
    (void) differences;
    (void) n;
    if (++leaver->n == 2)
        waybill_live_close(&leaver->live);
}

static void
a_live_query_may_close_itself(void **state)
{
    (void) state;
    leaver_t leaver = {0};
    waybill_t *handle = join();
    const waybill_query_t query = {
        .sql = "SELECT count(*) FROM notes", .callback = leave, .context = &leaver};
    assert_ok(handle, waybill_live_open(handle, &query, &leaver.live));
    upsert("leave", "{\"title\": \"1\"}");
    WAIT_FOR(handle, leaver.n == 2);
    assert_null(leaver.live);
    upsert("left", "{\"title\": \"1\"}");
    (void) waybill_dispatch(handle);
    assert_int_equal(leaver.n, 2);
    waybill_close(&handle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cache_follows_every_writer),
        cmocka_unit_test(a_cache_equals_its_table),
        cmocka_unit_test(a_cache_takes_no_more_rows_than_it_may),
        cmocka_unit_test(a_cache_knows_keys_of_numbers_and_of_several_columns),
        cmocka_unit_test(a_cache_sees_what_no_event_told),
        cmocka_unit_test(a_cache_is_right_after_the_agent_was_away),
        cmocka_unit_test(a_live_query_tells_the_difference),
        cmocka_unit_test(a_live_query_may_read_the_journal),
        cmocka_unit_test(a_live_query_must_be_one_select),
        cmocka_unit_test(a_live_query_may_close_itself),
        cmocka_unit_test(a_cache_is_right_after_events_were_lost),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
