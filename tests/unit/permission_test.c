/*  Who may write what: conditions on rows before and after, business rules, and what nobody
    is told.  */

#include "tests/unit/judge_world.h"

static table_settings_t note_settings;
static const table_settings_t usual = {
    .name = "note",
    .tables_policy = "row",
    .tables_read = "owner = :user_id OR shared = 1",
    .tables_write = "owner = :user_id",
    .tables_check =
        "CASE WHEN length(title) > 5 THEN 'the title ' || title || ' is too long' END",
    .tables_server_only = "secret, score",
};

static const char note_sql[] =
    "CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, owner TEXT, shared INTEGER, title TEXT,"
    " secret TEXT, score INTEGER DEFAULT 0);";

static void
open_rights(world_t *world)
{
    world->settings.tables = &note_settings;
    world->settings.n_tables = 1;
    restart_server(world);
}

static int
make_notes(void **state)
{
    const int result = make_judge(state);
    world_t *world = *state;
    note_settings = usual;
    foreign_sql(world, note_sql);
    open_rights(world);
    judged.user = "ann";
    foreign_sql(world, "INSERT INTO note VALUES ('ann', 'ann', 0, 'a', 's', 7),"
                       " ('bob', 'bob', 0, 'b', 's', 7), ('both', 'bob', 1, 'c', 's', 7)");
    age_rows(world, 1);
    return result;
}

static void
submit_note(world_t *world, const char *words, const char *json)
{
    submit_one(world, "client", change(words, json, LATER));
}

/*  ------------------------------------------------------------------------- writing  */

static void
denies_a_change_of_a_row_that_is_not_the_users(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"both\",\"title\":\"x\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    expect(world, "SELECT title FROM note WHERE id = 'both'", "c");
    submit_note(world, "c2 note delete", "{\"id\":\"both\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    expect(world, "SELECT count(*) FROM note", "3");
    expect(world, "SELECT code FROM changes_history", "PERMISSION_DENIED PERMISSION_DENIED");
}

static void
denies_giving_a_row_away_or_taking_one(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"owner\":\"bob\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    submit_note(world, "c2 note update", "{\"id\":\"both\",\"owner\":\"ann\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    submit_note(world, "c3 note insert", "{\"id\":\"new\",\"owner\":\"bob\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    expect(world, "SELECT owner FROM note ORDER BY id", "ann bob bob");
}

static void
lets_a_user_change_what_is_the_users(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"title\":\"x\"}");
    expect_verdict(0, "applied");
    submit_note(world, "c2 note insert", "{\"id\":\"new\",\"owner\":\"ann\"}");
    expect_verdict(0, "applied");
    submit_note(world, "c3 note delete", "{\"id\":\"ann\"}");
    expect_verdict(0, "applied");
    expect(world, "SELECT id FROM note ORDER BY id", "bob both new");
}

static void
rejects_the_whole_transaction_for_one_denied_change(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 note update", "{\"id\":\"ann\",\"title\":\"x\"}", LATER),
        change("c2 note update", "{\"id\":\"both\",\"title\":\"x\"}", LATER),
    };
    submit(world, "client", changes, 2);
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_verdict(1, "rejected PERMISSION_DENIED");
    expect(world, "SELECT title FROM note WHERE id = 'ann'", "a");
}

static void
refuses_a_row_that_breaks_a_rule_in_the_words_of_the_rule(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"title\":\"longer\"}");
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_message("the title longer is too long");
    expect(world, "SELECT title FROM note WHERE id = 'ann'", "a");
    expect(world, "SELECT message FROM changes_history", "the title longer is too long");
    submit_note(world, "c2 note insert",
                "{\"id\":\"n\",\"owner\":\"ann\",\"title\":\"longer\"}");
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect(world, "SELECT count(*) FROM note", "3");
}

static void
does_not_apply_a_change_whose_rule_cannot_be_evaluated(void **state)
{
    world_t *world = *state;
    note_settings.tables_check = "";
    note_settings.tables_write =
        either("json_extract(title, '$.a') = 1", "1 / length(title) = 1");
    open_rights(world);
    submit_note(world, "c1 note insert",
                either("{\"id\":\"n\",\"owner\":\"ann\",\"title\":\"{\"}",
                       "{\"id\":\"n\",\"owner\":\"ann\",\"title\":\"\"}"));
    expect_verdict(0, "rejected PERMISSION_DENIED");
}

/*  -------------------------------------------------------------------- nobody is told  */

static void
answers_for_an_unreadable_row_as_if_there_were_none(void **state)
{
    static const char *const words[] = {"c1 note update", "c2 note delete"};
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        submit_note(world, words[i], "{\"id\":\"bob\",\"title\":\"x\"}");
        expect_verdict(0, "rejected ENTITY_NOT_FOUND");
        char *seen = mem_text(judged.verdicts[0].message);
        assert_int_equal(judged.verdicts[0].row.size, 0);
        submit_note(world, words[i], "{\"id\":\"nil\",\"title\":\"x\"}");
        expect_verdict(0, "rejected ENTITY_NOT_FOUND");
        memcpy(strstr(seen, "bob"), "nil", 3);
        assert_string_equal(judged.verdicts[0].message, seen);
        free(seen);
    }
    expect(world, "SELECT count(*) FROM note", "3");
}

static void
never_overwrites_an_unreadable_row_by_an_insert(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note insert", "{\"id\":\"bob\",\"owner\":\"ann\"}");
    expect_verdict(0, "rejected PERMISSION_DENIED");
    assert_int_equal(judged.verdicts[0].row.size, 0);
    expect(world, "SELECT owner FROM note WHERE id = 'bob'", "bob");
}

static void
gives_readable_rows_back_without_their_hidden_columns(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"both\",\"title\":\"x\"}");
    expect_row(0, "{\"id\":\"both\",\"owner\":\"bob\",\"shared\":1,\"title\":\"c\"}");
}

static void
knows_no_hidden_column_of_a_clients_change(void **state)
{
    world_t *world = *state;
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"secret\":\"x\"}");
    expect_verdict(0, "rejected INVALID_CHANGE");
    expect_message("no column \"secret\"");
    submit_note(world, "c2 note insert", "{\"id\":\"n\",\"owner\":\"ann\"}");
    expect_verdict(0, "applied");
    assert_int_equal(judged.verdicts[0].row.size, 0);
    expect(world, "SELECT secret FROM note WHERE id = 'ann'", "s");
}

static void
takes_a_row_away_that_the_user_has_moved_out_of_sight(void **state)
{
    world_t *world = *state;
    note_settings.tables_write = "";
    open_rights(world);
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"owner\":\"bob\"}");
    expect_verdict(0, "merged");
    assert_int_equal(judged.verdicts[0].row.size, 0);
    expect(world, "SELECT owner FROM note WHERE id = 'ann'", "bob");
}

static void
tells_the_user_of_rows_that_triggers_wrote_for_a_row_moved_out_of_sight(void **state)
{
    world_t *world = *state;
    note_settings.tables_write = "";
    make_trigger(world, "AFTER UPDATE OF owner ON note", NULL,
                 "INSERT INTO list VALUES (1, 'moved');");
    open_rights(world);
    submit_note(world, "c1 note update", "{\"id\":\"ann\",\"owner\":\"bob\"}");
    expect_verdict(0, "merged");
    expect(world, "SELECT tbl FROM change_log WHERE tbl = 'list' AND client_id IS NULL",
           "list");
}

static void
does_not_tell_by_a_bad_time_that_there_is_an_unreadable_row(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change("c1 note update", "{\"id\":\"bob\"}", 0));
    expect_verdict(0, "rejected INVALID_CHANGE");
    submit_one(world, "client", change("c2 note update", "{\"id\":\"none\"}", 0));
    expect_verdict(0, "rejected INVALID_CHANGE");
}

/*  ---------------------------------------------------------------------- truth table  */

enum { ABSENT, MINE, THEIRS, UNREADABLE, N_STANDINGS };

static const char *const standing_sql[N_STANDINGS] = {
    "DELETE FROM note WHERE id = 'x'",
    "INSERT INTO note VALUES ('x', 'ann', 1, 'old', NULL, 0)",
    "INSERT INTO note VALUES ('x', 'bob', 1, 'old', NULL, 0)",
    "INSERT INTO note VALUES ('x', 'bob', 0, 'old', NULL, 0)",
};

#define DENIED_VERDICT "rejected PERMISSION_DENIED"
#define BROKEN_VERDICT "rejected RULE_VIOLATION"
#define ABSENT_VERDICT "rejected ENTITY_NOT_FOUND"
/*  What becomes of a change: of a row that is ..., keeping the rule or not, newer or older
    than the row.  */
typedef struct decision_case {
    int standing;
    const char *operation;
    bool keeps, newer;
    const char *verdict;
} decision_case_t;

static const decision_case_t cases[] = {
    {ABSENT, "insert", true, true, "applied"},
    {ABSENT, "insert", false, true, BROKEN_VERDICT},
    {ABSENT, "update", true, true, ABSENT_VERDICT},
    {ABSENT, "update", false, true, ABSENT_VERDICT},
    {ABSENT, "delete", true, true, ABSENT_VERDICT},
    {MINE, "insert", true, true, "applied"},
    {MINE, "insert", true, false, "merged"},
    {MINE, "insert", false, true, BROKEN_VERDICT},
    {MINE, "insert", false, false, "merged"},
    {MINE, "update", true, true, "applied"},
    {MINE, "update", true, false, "merged"},
    {MINE, "update", false, true, BROKEN_VERDICT},
    {MINE, "update", false, false, "merged"},
    {MINE, "delete", true, true, "applied"},
    {MINE, "delete", true, false, "merged"},
    {THEIRS, "insert", true, true, DENIED_VERDICT},
    {THEIRS, "insert", true, false, DENIED_VERDICT},
    {THEIRS, "insert", false, true, DENIED_VERDICT},
    {THEIRS, "update", true, true, DENIED_VERDICT},
    {THEIRS, "update", true, false, DENIED_VERDICT},
    {THEIRS, "update", false, true, DENIED_VERDICT},
    {THEIRS, "delete", true, true, DENIED_VERDICT},
    {THEIRS, "delete", true, false, DENIED_VERDICT},
    {UNREADABLE, "insert", true, true, DENIED_VERDICT},
    {UNREADABLE, "insert", true, false, DENIED_VERDICT},
    {UNREADABLE, "update", true, true, ABSENT_VERDICT},
    {UNREADABLE, "update", true, false, ABSENT_VERDICT},
    {UNREADABLE, "update", false, true, ABSENT_VERDICT},
    {UNREADABLE, "delete", true, true, ABSENT_VERDICT},
    {UNREADABLE, "delete", true, false, ABSENT_VERDICT},
};

static void
expect_decision(world_t *world, const decision_case_t *one)
{
    char words[40];
    const bool deletes = strcmp(one->operation, "delete") == 0;
    const char *json = one->keeps ? "{\"id\":\"x\",\"owner\":\"ann\",\"title\":\"new\"}"
                                  : "{\"id\":\"x\",\"owner\":\"ann\",\"title\":\"longer\"}";
    foreign_sql(world, "DELETE FROM note WHERE id = 'x'");
    foreign_sql(world, standing_sql[one->standing]);
    seal(world);
    if (one->standing == ABSENT)
        foreign_sql(world, "DELETE FROM waybill_versions WHERE key = 'x'");
    else
        age_rows(world, LATER / 2);
    (void) snprintf(words, sizeof words, "t%zu note %s", (size_t) (one - cases),
                    one->operation);
    submit_one(world, "client",
               change(words, deletes ? "{\"id\":\"x\"}" : json, one->newer ? LATER : 1));
    expect_verdict(0, one->verdict);
    expect(world, "SELECT title FROM note WHERE id = 'x'",
           strcmp(one->verdict, "applied") == 0 ? (deletes ? "" : "new")
           : one->standing == ABSENT            ? ""
                                                : "old");
}

static void
decides_by_existence_permission_rule_and_time(void **state)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_decision(*state, &cases[i]);
}

#define WITH_NOTES(test) cmocka_unit_test_setup_teardown(test, make_notes, remove_judge)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NOTES(denies_a_change_of_a_row_that_is_not_the_users),
        WITH_NOTES(denies_giving_a_row_away_or_taking_one),
        WITH_NOTES(lets_a_user_change_what_is_the_users),
        WITH_NOTES(rejects_the_whole_transaction_for_one_denied_change),
        WITH_NOTES(refuses_a_row_that_breaks_a_rule_in_the_words_of_the_rule),
        WITH_NOTES(does_not_apply_a_change_whose_rule_cannot_be_evaluated),
        WITH_NOTES(answers_for_an_unreadable_row_as_if_there_were_none),
        WITH_NOTES(never_overwrites_an_unreadable_row_by_an_insert),
        WITH_NOTES(gives_readable_rows_back_without_their_hidden_columns),
        WITH_NOTES(knows_no_hidden_column_of_a_clients_change),
        WITH_NOTES(takes_a_row_away_that_the_user_has_moved_out_of_sight),
        WITH_NOTES(tells_the_user_of_rows_that_triggers_wrote_for_a_row_moved_out_of_sight),
        WITH_NOTES(does_not_tell_by_a_bad_time_that_there_is_an_unreadable_row),
        WITH_NOTES(decides_by_existence_permission_rule_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
