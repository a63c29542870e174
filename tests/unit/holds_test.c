/*  What a refused change holds back, and what flows on.  */

#include "tests/unit/agent_sim.h"

static void
start_patient(world_t *world, const char *sql)
{
    world->settings.retry_base_ms = 3600000;
    world->settings.retry_cap_ms = 3600000;
    run_sql(world, sql);
    start_agent(world);
}

static const char *
write_to(world_t *world, const char *table, const char *id, const char *json)
{
    entry_t change = {
        .table = table, .operation = "upsert", .id = id, .data = row(world, json)};
    const written_t *written =
        ASK(world, "service", write, written, .changes = &change, .n_changes = 1);
    return arena_text(&world->arena, written->ids[0]);
}

/*  The server takes nothing back, so that rows that need each other stay.  */
static void
refuse(world_t *world, const char *id)
{
    verdict_t verdict = {.id = id, .verdict = "retry", .code = "BUSY"};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
}

/*  Not judged at all: the server's database is down.  */
static void
put_off(world_t *world, const char *id)
{
    verdict_t verdict = {.id = id, .verdict = "retry", .code = "RETRY_LATER"};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
}

static const outbox_batch_t *
fetch(world_t *world)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 100,
               .max_bytes = 100000);
}

static const char *
holder_of(world_t *world, const char *id)
{
    const change_found_t *found = ASK(world, "service", change_get, change_found, .id = id);
    const char *holder = found->changes[0].held_by;
    return holder ? arena_text(&world->arena, holder) : "";
}

static const char family[] =
    "CREATE TABLE list (id TEXT PRIMARY KEY, title TEXT);"
    "CREATE TABLE item (id TEXT PRIMARY KEY, list TEXT REFERENCES list, title TEXT);"
    "CREATE TABLE note (id TEXT PRIMARY KEY, item TEXT REFERENCES item (id))";

static void
holds_rows_that_need_the_missing_one(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    const char *list = write_to(world, "list", "a", "{\"title\": \"Shopping\"}");
    const char *item = write_to(world, "item", "1", "{\"list\": \"a\"}");
    const char *note = write_to(world, "note", "n", "{\"item\": \"1\"}");
    refuse(world, list);
    assert_int_equal(fetch(world)->n_changes, 0);
    assert_string_equal(holder_of(world, item), list);
    assert_string_equal(holder_of(world, note), list);
    assert_string_equal(holder_of(world, list), "");
}

static void
lets_rows_go_that_need_others_or_nothing(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    (void) write_to(world, "list", "b", "{\"title\": \"Work\"}");
    const char *list = write_to(world, "list", "a", "{\"title\": \"Shopping\"}");
    const char *other = write_to(world, "item", "1", "{\"list\": \"b\"}");
    (void) write_to(world, "item", "2", "{\"list\": null}");
    (void) write_to(world, "note", "a", "{\"item\": \"2\"}");
    refuse(world, list);
    assert_int_equal(fetch(world)->n_changes, 4);
    assert_string_equal(holder_of(world, other), "");
}

/*  Only the server may know what a later change needs.  */
static void
lets_nothing_overtake_what_was_put_off(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    (void) write_to(world, "list", "b", "{\"title\": \"Work\"}");
    const char *list = write_to(world, "list", "a", "{\"title\": \"Shopping\"}");
    const char *other = write_to(world, "item", "2", "{\"list\": null}");
    put_off(world, list);
    assert_int_equal(fetch(world)->n_changes, 1);
    assert_string_equal(holder_of(world, other), list);
}

/*  The row is on the server already: only its new title is not.  */
static void
a_refused_update_holds_nobody_who_refers_to_its_row(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    const char *inserted = write_to(world, "list", "a", "{\"title\": \"Shopping\"}");
    decide(world, inserted, "applied", 11, NULL);
    const char *updated = write_to(world, "list", "a", "{\"title\": \"Errands\"}");
    (void) write_to(world, "item", "1", "{\"list\": \"a\"}");
    refuse(world, updated);
    assert_int_equal(fetch(world)->n_changes, 1);
}

static void
knows_foreign_keys_of_several_columns_and_others_than_the_key(void **state)
{
    world_t *world = *state;
    start_patient(world, "CREATE TABLE place (id TEXT PRIMARY KEY, land TEXT, town TEXT,"
                         " UNIQUE (land, town));"
                         "CREATE TABLE house (id TEXT PRIMARY KEY, land TEXT, town TEXT,"
                         " FOREIGN KEY (land, town) REFERENCES place (land, town))");
    const char *place = write_to(world, "place", "1", "{\"land\": \"NL\", \"town\": \"Ede\"}");
    const char *there = write_to(world, "house", "2", "{\"land\": \"NL\", \"town\": \"Ede\"}");
    (void) write_to(world, "house", "3", "{\"land\": \"NL\"}");
    refuse(world, place);
    assert_int_equal(fetch(world)->n_changes, 1);
    assert_string_equal(holder_of(world, there), place);
}

static void
lists_what_each_held_change_waits_for(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    const char *list = write_to(world, "list", "a", "{\"title\": \"Shopping\"}");
    (void) write_to(world, "list", "a", "{\"title\": \"Errands\"}");
    (void) write_to(world, "list", "b", "{}");
    refuse(world, list);
    const changes_page_t *page =
        ASK(world, "service", changes_list, changes_page, .filter = "pending");
    assert_int_equal(page->n_changes, 2);
    assert_string_equal(page->changes[0].held_by, list);
    assert_null(page->changes[1].held_by);
}

/*  ------------------------------------------------------------------------- flaws  */

static void
spoil(world_t *world, const char *id, const char *data)
{
    char sql[300];
    (void) snprintf(sql, sizeof sql, "UPDATE local_changes SET data = '%s' WHERE id = '%s'",
                    data, id);
    run_sql(world, sql);
}

static void
refuses_here_what_cannot_be_sent(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    const char *bad = write_to(world, "list", "a", "{}");
    const char *behind = write_to(world, "list", "a", "{\"title\": \"x\"}");
    (void) write_to(world, "list", "b", "{}");
    spoil(world, bad, "{\"id\": ");
    assert_int_equal(fetch(world)->n_changes, 1);
    assert_string_equal(text_of(world, "SELECT state || attempts || (error LIKE"
                                       " 'INVALID_CHANGE: %') FROM local_changes"),
                        "failed11");
    assert_string_equal(holder_of(world, behind), bad);
    assert_int_equal(fetch(world)->n_changes, 1);
    assert_string_equal(text_of(world, "SELECT attempts FROM local_changes"), "1");
}

static void
refuses_here_a_change_of_a_table_that_is_gone(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    const char *bad = write_to(world, "note", "n", "{}");
    run_sql(world, "DROP TABLE note");
    assert_int_equal(fetch(world)->n_changes, 0);
    assert_non_null(
        strstr(ASK(world, "service", change_get, change_found, .id = bad)->changes[0].error,
               "no such table"));
}

static void
refuses_a_local_transaction_with_its_flawed_change(void **state)
{
    world_t *world = *state;
    start_patient(world, family);
    entry_t changes[] = {
        {.table = "list", .operation = "insert", .id = "a", .data = row(world, "{}")},
        {.table = "list", .operation = "insert", .id = "b", .data = row(world, "{}")},
    };
    const written_t *written =
        ASK(world, "service", write, written, .changes = changes, .n_changes = 2);
    spoil(world, written->ids[1], "[1]");
    assert_int_equal(fetch(world)->n_changes, 0);
    assert_string_equal(text_of(world, "SELECT group_concat(state) FROM local_changes"),
                        "failed,failed");
}

/*  A change that nobody can read must not keep the server's changes of its row away.  */
static void
a_flawed_change_is_in_no_servers_way(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    spoil(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "{");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Theirs\"}"),
                        "applied");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Theirs");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(holds_rows_that_need_the_missing_one),
        IN_WORLD(lets_rows_go_that_need_others_or_nothing),
        IN_WORLD(lets_nothing_overtake_what_was_put_off),
        IN_WORLD(a_refused_update_holds_nobody_who_refers_to_its_row),
        IN_WORLD(knows_foreign_keys_of_several_columns_and_others_than_the_key),
        IN_WORLD(lists_what_each_held_change_waits_for),
        IN_WORLD(refuses_here_what_cannot_be_sent),
        IN_WORLD(refuses_here_a_change_of_a_table_that_is_gone),
        IN_WORLD(refuses_a_local_transaction_with_its_flawed_change),
        IN_WORLD(a_flawed_change_is_in_no_servers_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
