/*  The recorder behind the service: what an application writes, and what becomes of it.  */

#include "tests/unit/agent_sim.h"

static void
writes_the_row_and_records_the_change(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_string_equal(text_of(world, "SELECT title FROM todo WHERE id = 'a'"), "Tea");
    assert_string_equal(text_of(world, "SELECT id FROM local_changes"), id);
    assert_string_equal(text_of(world, "SELECT data FROM local_changes"),
                        "{\"id\":\"a\",\"title\":\"Tea\"}");
    assert_string_equal(text_of(world, "SELECT state || processed_local || processed_sync"
                                       " FROM local_changes"),
                        "pending10");
}

static void
keeps_a_key_of_whole_numbers_whole(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE todo (id INTEGER PRIMARY KEY, title TEXT)");
    start_agent(world);
    (void) write_one(world, "insert", "17", "{\"title\": \"Tea\"}");
    assert_string_equal(text_of(world, "SELECT data FROM local_changes"),
                        "{\"id\":17,\"title\":\"Tea\"}");
}

static void
names_the_field_of_an_unknown_table(void **state)
{
    world_t *world = *state;
    start_agent(world);
    const problem_t *problem = write_refused(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_string_equal(problem->code, "INVALID_CHANGE");
    assert_non_null(strstr(problem->message, "changes[0].table: there is no table \"todo\""));
}

static void
names_the_field_of_an_unknown_operation(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const problem_t *problem = write_refused(world, "replace", "a", "{\"title\": \"Tea\"}");
    assert_non_null(strstr(problem->message, "changes[0].operation: \"replace\""));
    problem = write_refused(world, "insert", "", "{\"title\": \"Tea\"}");
    assert_non_null(strstr(problem->message, "changes[0].id: "));
    problem = write_refused(world, "insert", "a", NULL);
    assert_non_null(strstr(problem->message, "changes[0].data: "));
    problem = write_refused(world, "insert", "a", "{\"colour\": \"red\"}");
    assert_non_null(strstr(problem->message, "changes[0].data: "));
    assert_non_null(strstr(problem->message, "colour"));
}

static void
refuses_an_id_that_is_not_the_key_in_the_data(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const problem_t *problem = write_refused(world, "insert", "a", "{\"id\": \"b\"}");
    assert_string_equal(problem->code, "INVALID_CHANGE");
    assert_string_equal(text_of(world, "SELECT id FROM todo"), "none");
}

static void
refuses_what_does_not_fit_the_rows_that_are_there(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_string_equal(write_refused(world, "insert", "a", "{\"title\": \"No\"}")->code,
                        "RULE_VIOLATION");
    assert_string_equal(write_refused(world, "update", "b", "{\"title\": \"No\"}")->code,
                        "ENTITY_NOT_FOUND");
    assert_string_equal(write_refused(world, "delete", "b", NULL)->code, "ENTITY_NOT_FOUND");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "1");
}

static void
records_all_changes_of_a_write_or_none(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    entry_t changes[] = {entry(world, "insert", "a", "{\"title\": \"Tea\"}"),
                         entry(world, "update", "missing", "{\"title\": \"No\"}")};
    const problem_t *problem =
        ASK(world, "service", write, problem, .changes = changes, .n_changes = 2);
    assert_non_null(strstr(problem->message, "changes[1]"));
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "0");
}

static void
records_an_upsert_as_what_it_came_to(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "upsert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "upsert", "a", "{\"done\": 1}");
    assert_string_equal(text_of(world, "SELECT group_concat(operation) FROM local_changes"),
                        "insert,update");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "Tea1");
}

static void
only_records_what_the_application_wrote_itself(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    entry_t change = entry(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) ASK(world, "service", write, written, .changes = &change, .n_changes = 1,
               .written = true);
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "1");
}

#define CHOSEN "0198f000-0000-7000-8000-000000000001"

static void
records_a_write_once_however_often_it_is_repeated(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    entry_t changes[] = {entry(world, "insert", "a", "{\"title\": \"Tea\"}"),
                         entry(world, "insert", "b", "{\"title\": \"Milk\"}")};
    changes[0].change = CHOSEN;
    changes[1].change = "0198f000-0000-7000-8000-000000000002";
    for (int i = 0; i < 3; i++) {
        const written_t *written =
            ASK(world, "service", write, written, .changes = changes, .n_changes = 2);
        assert_string_equal(written->ids[0], CHOSEN);
        assert_int_equal(written->n_ids, 2);
    }
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "2");
    assert_int_equal(ASK(world, "recorder", outbox_counts, verdicts_recorded)->pending, 2);
}

static void
refuses_a_chosen_id_that_it_cannot_take(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    entry_t changes[] = {entry(world, "insert", "a", "{}"), entry(world, "insert", "b", "{}")};
    changes[0].change = "17";
    const problem_t *problem =
        ASK(world, "service", write, problem, .changes = changes, .n_changes = 1);
    assert_non_null(strstr(problem->message, "changes[0].change: \"17\" is no UUID"));
    changes[0].change = CHOSEN;
    (void) ASK(world, "service", write, written, .changes = changes, .n_changes = 1);
    problem = ASK(world, "service", write, problem, .changes = changes, .n_changes = 2);
    assert_non_null(strstr(problem->message, "changes[1].change: some of these"));
    run_sql(world, "UPDATE local_changes SET from_server = 1");
    problem = ASK(world, "service", write, problem, .changes = changes, .n_changes = 1);
    assert_non_null(strstr(problem->message, "is the id of another change"));
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "1");
}

static void
refuses_a_transaction_larger_than_the_limit(void **state)
{
    world_t *world = *state;
    world->settings.outbox_txn_changes = 1;
    start_with_todo(world);
    entry_t changes[] = {entry(world, "insert", "a", "{\"title\": \"Tea\"}"),
                         entry(world, "insert", "b", "{\"title\": \"Tea\"}")};
    const problem_t *problem =
        ASK(world, "service", write, problem, .changes = changes, .n_changes = 2);
    assert_string_equal(problem->code, "TOO_LARGE");
}

/*  One frame takes it to the server, and has a limit there: what a change is beside its data
    counts.  */
static void
refuses_a_transaction_that_no_frame_could_take(void **state)
{
    enum { MANY = 9000 };
    world_t *world = *state;
    start_with_todo(world);
    entry_t *changes = arena_new(&world->arena, MANY * sizeof *changes);
    for (size_t i = 0; i < MANY; i++)
        changes[i] = entry(world, "upsert", "a", "{\"done\": 1}");
    const problem_t *problem =
        ASK(world, "service", write, problem, .changes = changes, .n_changes = MANY);
    assert_string_equal(problem->code, "TOO_LARGE");
}

/*  A change that was tried again has a later position than one recorded after it.  */
static void
never_dates_a_change_before_an_older_one(void **state)
{
    fault_t fault = {0};
    world_t *world = *state;
    start_with_todo(world);
    const char *first = write_one(world, "insert", "a", "{}");
    const char *second = write_one(world, "insert", "b", "{}");
    run_sql(world, "UPDATE local_changes SET timestamp = 9000000000000 WHERE entity_id = 'b'");
    decide(world, second, "applied", 11, NULL);
    decide(world, first, "applied", 12, NULL);
    sim_stop(world->sim, world->node);
    assert_int_equal(sim_start(world->sim, world->node, &fault), OK);
    (void) write_one(world, "insert", "c", "{}");
    assert_string_equal(text_of(world, "SELECT timestamp FROM local_changes"
                                       " WHERE entity_id = 'c'"),
                        "9000000000000");
}

/*  Takes the five seconds that a writer waits for another.  */
static void
acknowledges_nothing_while_another_program_holds_the_lock(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    sqlite3 *db = open_database(world);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_string_equal(write_refused(world, "insert", "a", "{\"title\": \"Tea\"}")->code,
                        "BUSY");
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "1");
}

/*  ------------------------------------------------------------------------- the outbox  */

static const outbox_batch_t *
fetch(world_t *world, uint64_t limit)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .after = 0, .limit = limit,
               .max_bytes = 100000);
}

static void
hands_out_whole_transactions_in_order(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    entry_t changes[] = {entry(world, "insert", "a", "{\"title\": \"Tea\"}"),
                         entry(world, "delete", "a", NULL)};
    (void) ASK(world, "service", write, written, .changes = changes, .n_changes = 2);
    (void) write_one(world, "insert", "b", "{\"title\": \"Milk\"}");
    const outbox_batch_t *batch = fetch(world, 1);
    assert_int_equal(batch->n_changes, 2);
    assert_true(batch->more);
    assert_int_equal(batch->last, 2);
    assert_int_equal(batch->pending, 3);
    assert_string_equal(batch->changes[0].txn, batch->changes[1].txn);
    assert_string_equal(batch->changes[1].operation, "delete");
    assert_int_equal(fetch(world, 100)->n_changes, 3);
}

static void
holds_back_what_depends_on_a_failed_change(void **state)
{
    world_t *world = *state;
    world->settings.retry_base_ms = 3600000;
    world->settings.retry_cap_ms = 3600000;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    (void) write_one(world, "insert", "b", "{\"title\": \"Milk\"}");
    decide(world, id, "retry", 0, NULL);
    const outbox_batch_t *batch = fetch(world, 100);
    assert_int_equal(batch->n_changes, 1);
    assert_int_equal(batch->last, 3);
}

static void
holds_back_what_depends_on_a_parked_change(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    decide(world, id, "rejected", 20, NULL);
    sim_run_ms(world->sim, 1000);
    assert_string_equal(text_of(world, "SELECT state FROM local_changes"), "parked");
    (void) write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    (void) write_one(world, "insert", "b", "{\"title\": \"Bread\"}");
    const outbox_batch_t *batch = fetch(world, 100);
    assert_int_equal(batch->n_changes, 1);
    assert_int_equal(batch->last, 3);
}

/*  -------------------------------------------------------------------------- verdicts  */

static void
keeps_a_verdict_given_twice_once(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    decide(world, id, "applied", 20, NULL);
    decide(world, id, "rejected", 21, NULL);
    assert_string_equal(text_of(world, "SELECT state || verdict || lsn FROM local_changes"),
                        "doneapplied20");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Tea");
}

static void
passes_over_a_verdict_on_an_unknown_change(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    decide(world, "nobody", "applied", 20, NULL);
    assert_int_equal(fetch(world, 100)->pending, 0);
}

static void
takes_a_refused_change_off_its_row_and_tries_it_again(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    decide(world, id, "rejected", 20, NULL);
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "none");
    assert_string_equal(text_of(world, "SELECT code FROM waybill_errors"), "REFUSED");
    assert_int_equal(fetch(world, 100)->pending, 0);
    sim_run_ms(world->sim, 5000);
    assert_int_equal(fetch(world, 100)->pending, 1);
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Tea");
}

/*  Without a rest in between, no time would ever pass here.  */
static void
waits_with_what_is_due_while_the_database_refuses(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{}");
    decide(world, id, "rejected", 11, NULL);
    run_sql(world, "CREATE TRIGGER full BEFORE UPDATE ON local_changes WHEN new.state ="
                   " 'pending' BEGIN SELECT raise(ABORT, 'disk full'); END");
    sim_run_ms(world->sim, 5000);
    assert_int_equal(fetch(world, 100)->pending, 0);
    run_sql(world, "DROP TRIGGER full");
    sim_run_ms(world->sim, 5000);
    assert_int_equal(fetch(world, 100)->pending, 1);
}

static void
counts_what_waits_after_a_restart(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    sim_crash(world->sim, world->node);
    start_agent(world);
    assert_int_equal(ASK(world, "recorder", outbox_counts, verdicts_recorded)->pending, 1);
}

static void
lists_changes_page_by_page(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "insert", "b", "{\"title\": \"Milk\"}");
    const changes_page_t *page =
        ASK(world, "service", changes_list, changes_page, .filter = "all", .limit = 1);
    assert_int_equal(page->n_changes, 1);
    assert_true(page->more);
    page = ASK(world, "service", changes_list, changes_page, .filter = "pending", .after = 1);
    assert_string_equal(page->changes[0].entity_id, "b");
    assert_false(page->more);
    assert_non_null(ASK(world, "service", changes_list, problem, .filter = "odd")->message);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(writes_the_row_and_records_the_change),
        IN_WORLD(keeps_a_key_of_whole_numbers_whole),
        IN_WORLD(names_the_field_of_an_unknown_table),
        IN_WORLD(names_the_field_of_an_unknown_operation),
        IN_WORLD(refuses_an_id_that_is_not_the_key_in_the_data),
        IN_WORLD(refuses_what_does_not_fit_the_rows_that_are_there),
        IN_WORLD(records_all_changes_of_a_write_or_none),
        IN_WORLD(records_an_upsert_as_what_it_came_to),
        IN_WORLD(only_records_what_the_application_wrote_itself),
        IN_WORLD(records_a_write_once_however_often_it_is_repeated),
        IN_WORLD(refuses_a_chosen_id_that_it_cannot_take),
        IN_WORLD(refuses_a_transaction_larger_than_the_limit),
        IN_WORLD(refuses_a_transaction_that_no_frame_could_take),
        IN_WORLD(never_dates_a_change_before_an_older_one),
        IN_WORLD(acknowledges_nothing_while_another_program_holds_the_lock),
        IN_WORLD(hands_out_whole_transactions_in_order),
        IN_WORLD(holds_back_what_depends_on_a_failed_change),
        IN_WORLD(holds_back_what_depends_on_a_parked_change),
        IN_WORLD(keeps_a_verdict_given_twice_once),
        IN_WORLD(passes_over_a_verdict_on_an_unknown_change),
        IN_WORLD(takes_a_refused_change_off_its_row_and_tries_it_again),
        IN_WORLD(waits_with_what_is_due_while_the_database_refuses),
        IN_WORLD(counts_what_waits_after_a_restart),
        IN_WORLD(lists_changes_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
