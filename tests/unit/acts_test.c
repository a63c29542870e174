/*  What a person does to refused changes, through the service.  */

#include "tests/unit/agent_sim.h"

/*  Refused once, and then it waits for a person. The server's row is the JSON given.  */
static const char *
park(world_t *world, const char *key, const char *json)
{
    const char *id = write_one(world, "upsert", key, "{\"title\": \"Mine\"}");
    decide(world, id, "rejected", 20, json);
    sim_run_ms(world->sim, 1000);
    return id;
}

static void
start_impatient(world_t *world)
{
    world->settings.retry_attempts = 1;
    start_with_todo(world);
}

static const acted_t *
act(world_t *world, const char *what, const char *id)
{
    return ASK(world, "service", act, acted, .act = what, .ids = &id, .n_ids = 1,
               .reason = "no use");
}

static const problem_t *
act_refused(world_t *world, const char *what, const char *id)
{
    return ASK(world, "service", act, problem, .act = what, .ids = &id, .n_ids = 1,
               .reason = "no use");
}

static const char *
state_of(world_t *world, const char *id)
{
    char sql[200];
    (void) snprintf(sql, sizeof sql,
                    "SELECT state || ',' || ifnull(verdict, '-') || ',' || attempts"
                    " FROM local_changes WHERE id = '%s'",
                    id);
    return text_of(world, sql);
}

static const outbox_batch_t *
fetch(world_t *world)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 100,
               .max_bytes = 100000);
}

static void
a_retried_change_is_pending_and_counted_anew(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", "{\"id\": \"a\", \"title\": \"Theirs\"}");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Theirs");
    assert_string_equal(state_of(world, id), "parked,rejected,1");
    assert_string_equal(act(world, "retry", id)->ids[0], id);
    assert_string_equal(state_of(world, id), "pending,-,0");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Mine");
    assert_int_equal(fetch(world)->n_changes, 1);
    assert_int_equal(fetch(world)->pending, 1);
}

static void
a_retried_change_is_made_on_the_servers_row(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    begin_history(world);
    const char *id = park(world, "a", "{\"id\": \"a\", \"title\": \"Theirs\"}");
    assert_int_equal(fetch(world)->n_changes, 0);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"b\"}"), "applied");
    (void) act(world, "retry", id);
    assert_int_equal(fetch(world)->changes[0].base, 11);
}

static void
a_skipped_change_keeps_the_reason_and_gives_the_row_back(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", "{\"id\": \"a\", \"title\": \"Theirs\"}");
    (void) act(world, "skip", id);
    assert_string_equal(state_of(world, id), "done,skipped,1");
    assert_string_equal(text_of(world, "SELECT skip_reason FROM local_changes"), "no use");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Theirs");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_server_rows"), "0");
}

static void
a_discarded_change_lets_those_behind_it_go(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", "{\"id\": \"a\", \"title\": \"Theirs\"}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    assert_int_equal(fetch(world)->n_changes, 0);
    (void) act(world, "discard", id);
    assert_string_equal(state_of(world, id), "done,discarded,1");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "Theirs1");
    assert_int_equal(fetch(world)->n_changes, 1);
}

static void
an_act_takes_the_whole_local_transaction(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    entry_t changes[] = {entry(world, "insert", "a", "{}"), entry(world, "insert", "b", "{}")};
    const written_t *written =
        ASK(world, "service", write, written, .changes = changes, .n_changes = 2);
    const char *first = arena_text(&world->arena, written->ids[0]);
    const char *second = arena_text(&world->arena, written->ids[1]);
    decide(world, first, "rejected", 20, NULL);
    decide(world, second, "rejected", 20, NULL);
    assert_int_equal(act(world, "retry", second)->n_ids, 2);
    assert_string_equal(state_of(world, first), "pending,-,0");
}

static void
all_means_whatever_was_refused(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    (void) park(world, "a", NULL);
    (void) park(world, "b", NULL);
    (void) write_one(world, "insert", "c", "{}");
    assert_int_equal(ASK(world, "service", act, acted, .act = "discard", .all = true)->n_ids,
                     2);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "c");
    assert_int_equal(ASK(world, "service", act, acted, .act = "retry", .all = true)->n_ids, 0);
}

static void
refuses_what_the_server_may_have_taken(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *parked = park(world, "a", NULL);
    const char *held = write_one(world, "upsert", "a", "{}");
    const problem_t *problem = act_refused(world, "discard", held);
    assert_string_equal(problem->code, "REFUSED");
    assert_non_null(strstr(problem->message, "was not refused"));
    assert_string_equal(act_refused(world, "retry", "nobody")->code, "NOT_FOUND");
    (void) act(world, "discard", parked);
    assert_non_null(strstr(act_refused(world, "retry", parked)->message, "done already"));
}

static void
does_all_that_it_was_asked_or_nothing(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *ids[] = {park(world, "a", NULL), "nobody"};
    (void) ASK(world, "service", act, problem, .act = "discard", .ids = ids, .n_ids = 2);
    assert_string_equal(state_of(world, ids[0]), "parked,rejected,1");
}

static void
leaves_what_was_only_put_off(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = write_one(world, "insert", "a", "{}");
    verdict_t verdict = {.id = id, .verdict = "retry", .code = "RETRY_LATER"};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
    assert_non_null(strstr(act_refused(world, "discard", id)->message, "put off"));
    assert_int_equal(ASK(world, "service", act, acted, .act = "discard", .all = true)->n_ids,
                     0);
    assert_int_equal(act(world, "retry", id)->n_ids, 1);
}

/*  Triggers have captured it, so that nobody could refuse it when it was written.  */
static void
sends_nothing_again_that_fits_no_frame(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = write_one(world, "insert", "a", "{}");
    run_sql(world, "UPDATE local_changes SET state = 'parked', error = 'TOO_LARGE: it is'");
    sim_stop(world->sim, world->node);
    start_agent(world);
    assert_non_null(strstr(act_refused(world, "retry", id)->message, "too large"));
    assert_int_equal(ASK(world, "service", act, acted, .act = "retry", .all = true)->n_ids, 0);
    assert_int_equal(act(world, "discard", id)->n_ids, 1);
}

static void
names_the_field_of_a_bad_request(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", NULL);
    assert_non_null(strstr(act_refused(world, "forget", id)->message, "act: \"forget\""));
    assert_non_null(strstr(
        ASK(world, "service", act, problem, .act = "retry", .ids = &id, .n_ids = 1, .all = true)
            ->message,
        "ids: "));
    assert_non_null(strstr(
        ASK(world, "service", act, problem, .act = "skip", .ids = &id, .n_ids = 1)->message,
        "reason: "));
}

/*  The newest change of all is given up, and with it the only row that has its time.  */
static void
remembers_the_time_of_a_change_that_was_given_up(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", NULL);
    run_sql(world, "UPDATE local_changes SET timestamp = 9000000000000");
    sim_stop(world->sim, world->node);
    start_agent(world);
    (void) act(world, "discard", id);
    sim_stop(world->sim, world->node);
    start_agent(world);
    (void) write_one(world, "insert", "b", "{}");
    assert_string_equal(
        text_of(world, "SELECT timestamp FROM local_changes WHERE entity_id = 'b'"),
        "9000000000001");
}

static void
tells_all_about_one_change(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", NULL);
    (void) act(world, "retry", id);
    decide(world, id, "rejected", 21, NULL);
    const change_found_t *found = ASK(world, "service", change_get, change_found, .id = id);
    assert_int_equal(found->n_changes, 1);
    assert_string_equal(found->changes[0].verdict, "rejected");
    assert_int_equal(found->n_errors, 2);
    assert_string_equal(found->errors[1].code, "REFUSED");
    assert_int_equal(found->errors[1].attempt, 1);
    assert_int_equal(ASK(world, "service", change_get, change_found, .id = "nobody")->n_changes,
                     0);
}

static void
lists_those_that_wait_for_a_person(void **state)
{
    world_t *world = *state;
    start_impatient(world);
    const char *id = park(world, "a", NULL);
    (void) write_one(world, "insert", "b", "{}");
    const changes_page_t *page =
        ASK(world, "service", changes_list, changes_page, .filter = "parked");
    assert_int_equal(page->n_changes, 1);
    assert_string_equal(page->changes[0].id, id);
    assert_int_equal(page->changes[0].attempts, 1);
    assert_non_null(strstr(page->changes[0].error, "REFUSED: "));
}

static void
keeps_what_the_application_wants_kept_and_the_position(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    entry_t change = entry(world, "insert", "a", "{}");
    change.metadata = row(world, "{\"who\": \"Ann\"}");
    (void) ASK(world, "service", write, written, .changes = &change, .n_changes = 1);
    assert_string_equal(text_of(world, "SELECT metadata || base FROM local_changes"),
                        "{\"who\":\"Ann\"}10");
    assert_int_equal(fetch(world)->changes[0].base, 10);
    assert_string_equal(
        ASK(world, "service", changes_list, changes_page, .filter = "all")->changes[0].metadata,
        "{\"who\":\"Ann\"}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_retried_change_is_pending_and_counted_anew),
        IN_WORLD(a_retried_change_is_made_on_the_servers_row),
        IN_WORLD(a_skipped_change_keeps_the_reason_and_gives_the_row_back),
        IN_WORLD(a_discarded_change_lets_those_behind_it_go),
        IN_WORLD(an_act_takes_the_whole_local_transaction),
        IN_WORLD(all_means_whatever_was_refused),
        IN_WORLD(refuses_what_the_server_may_have_taken),
        IN_WORLD(does_all_that_it_was_asked_or_nothing),
        IN_WORLD(leaves_what_was_only_put_off),
        IN_WORLD(sends_nothing_again_that_fits_no_frame),
        IN_WORLD(names_the_field_of_a_bad_request),
        IN_WORLD(remembers_the_time_of_a_change_that_was_given_up),
        IN_WORLD(tells_all_about_one_change),
        IN_WORLD(lists_those_that_wait_for_a_person),
        IN_WORLD(keeps_what_the_application_wants_kept_and_the_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
