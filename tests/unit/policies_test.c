/*  Policies: what becomes of two writers of one row.  */

#include "tests/unit/judge_world.h"

static table_settings_t todo;

static void
set_policy(world_t *world, const char *policy)
{
    todo = *settings_of_table(&world->settings, "todo");
    todo.name = "todo";
    todo.tables_policy = policy;
    world->settings.tables = &todo;
    world->settings.n_tables = 1;
    restart_server(world);
}

/*  "a" with both columns, written by a client at 10.  */
static void
begin(world_t *world, const char *policy)
{
    set_policy(world, policy);
    foreign_sql(world, "INSERT INTO list VALUES (1, 'x'), (2, 'y')");
    submit_one(world, "writer",
               change("c0 todo insert", "{\"id\":\"a\",\"title\":\"Tea\",\"list\":1}", 10));
    expect_verdict(0, "applied");
}

static void
expect_todo(world_t *world, const char *expected)
{
    expect(world, "SELECT title || ' ' || list FROM todo", expected);
}

/*  ------------------------------------------------------------------------- by row  */

static void
lets_a_client_overwrite_what_it_wrote_under_an_earlier_id(void **state)
{
    world_t *world = *state;
    begin(world, "row");
    client_change_t made = change("c1 todo update", "{\"id\":\"a\",\"list\":2}", 10);
    made.origin = "writer";
    submit_one(world, "a-new-id", made);
    expect_verdict(0, "applied");
    expect_todo(world, "Tea 2");
}

/*  ------------------------------------------------------------------------- by column  */

static void
keeps_both_edits_of_different_columns(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early", change("c2 todo update", "{\"id\":\"a\",\"list\":2}", 20));
    expect_verdict(0, "applied");
    expect_todo(world, "Milk 2");
}

static void
loses_one_of_them_by_row(void **state)
{
    world_t *world = *state;
    begin(world, "row");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early", change("c2 todo update", "{\"id\":\"a\",\"list\":2}", 20));
    expect_verdict(0, "merged");
    expect_todo(world, "Milk 1");
}

static void
takes_of_a_change_what_wins_and_gives_the_row(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"Beer\",\"list\":2}", 20));
    expect_verdict(0, "applied");
    expect_row(0, "{\"id\":\"a\",\"title\":\"Milk\",\"list\":2}");
    expect_todo(world, "Milk 2");
}

/*  Clients that know rows only compare it with that of theirs.  */
static void
logs_a_row_with_the_time_of_its_newest_column(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early", change("c2 todo update", "{\"id\":\"a\",\"list\":2}", 20));
    expect(world, "SELECT updated_at FROM change_log WHERE change_id = 'c2'", "30");
}

static void
merges_a_change_of_which_nothing_wins(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"Beer\"}", 20));
    expect_verdict(0, "merged");
    expect_row(0, "{\"id\":\"a\",\"title\":\"Milk\",\"list\":1}");
}

static void
counts_a_column_set_to_what_it_was_as_written(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late", change("c1 todo update", "{\"id\":\"a\",\"title\":\"Tea\"}", 30));
    submit_one(world, "early",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"Beer\"}", 20));
    expect_verdict(0, "merged");
    expect_todo(world, "Tea 1");
}

static void
knows_what_another_program_wrote(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    foreign_sql(world, "UPDATE todo SET title = 'Soup'");
    seal(world);
    submit_one(world, "early",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"Beer\",\"list\":2}", 20));
    expect_verdict(0, "applied");
    expect_todo(world, "Soup 2");
}

static void
lets_no_delete_win_against_a_newer_column(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    submit_one(world, "early", change("c2 todo update", "{\"id\":\"a\",\"list\":2}", 20));
    submit_one(world, "middle", change("c3 todo delete", "{\"id\":\"a\"}", 25));
    expect_verdict(0, "merged");
    expect_todo(world, "Milk 2");
    submit_one(world, "middle", change("c4 todo delete", "{\"id\":\"a\"}", 31));
    expect_verdict(0, "applied");
    expect(world, "SELECT count(*) FROM waybill_columns", "0");
}

static void
sets_the_columns_of_a_row_that_both_inserted(void **state)
{
    world_t *world = *state;
    begin(world, "column");
    submit_one(world, "early",
               change("c1 todo insert", "{\"id\":\"a\",\"title\":\"Beer\"}", 5));
    expect_verdict(0, "merged");
    submit_one(world, "late",
               change("c2 todo insert", "{\"id\":\"a\",\"title\":\"Beer\"}", 15));
    expect_verdict(0, "applied");
    expect_todo(world, "Beer 1");
}

static void
knows_how_old_columns_are_that_were_written_under_another_policy(void **state)
{
    world_t *world = *state;
    begin(world, "row");
    submit_one(world, "late",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    set_policy(world, "column");
    submit_one(world, "early",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"Beer\"}", 20));
    expect_verdict(0, "merged");
    set_policy(world, "row");
    submit_one(world, "late",
               change("c3 todo update", "{\"id\":\"a\",\"title\":\"Wine\"}", 40));
    set_policy(world, "column");
    submit_one(world, "early",
               change("c4 todo update", "{\"id\":\"a\",\"title\":\"Beer\"}", 35));
    expect_verdict(0, "merged");
    expect_todo(world, "Wine 1");
}

/*  ------------------------------------------------------------------------ the stale  */

static void
update_seen(world_t *world, const char *client, const char *id, uint64_t base)
{
    client_change_t made = change("x todo update", "{\"id\":\"a\",\"list\":2}", 20);
    made.id = id;
    made.base = base;
    submit_one(world, client, made);
}

static void
refuses_who_has_not_seen_the_newest_version(void **state)
{
    world_t *world = *state;
    begin(world, "stale");
    const uint64_t seen = head_of(world);
    submit_one(world, "writer",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    expect_verdict(0, "applied");
    update_seen(world, "other", "c2", seen);
    expect_verdict(0, "rejected STALE");
    expect_row(0, "{\"id\":\"a\",\"title\":\"Milk\",\"list\":1}");
    expect_todo(world, "Milk 1");
}

static void
lets_who_has_seen_it_write_whatever_the_clocks_say(void **state)
{
    world_t *world = *state;
    begin(world, "stale");
    submit_one(world, "writer",
               change("c1 todo update", "{\"id\":\"a\",\"title\":\"Milk\"}", 30));
    update_seen(world, "other", "c2", head_of(world));
    expect_verdict(0, "applied");
    expect_todo(world, "Milk 2");
}

static void
lets_a_client_go_on_from_what_it_wrote_itself(void **state)
{
    world_t *world = *state;
    begin(world, "stale");
    update_seen(world, "writer", "c1", 0);
    expect_verdict(0, "applied");
    expect_todo(world, "Tea 2");
}

static void
refuses_the_stale_after_another_program(void **state)
{
    world_t *world = *state;
    begin(world, "stale");
    const uint64_t seen = head_of(world);
    foreign_sql(world, "UPDATE todo SET title = 'Soup'");
    seal(world);
    update_seen(world, "other", "c2", seen);
    expect_verdict(0, "rejected STALE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JUDGE(lets_a_client_overwrite_what_it_wrote_under_an_earlier_id),
        WITH_JUDGE(keeps_both_edits_of_different_columns),
        WITH_JUDGE(loses_one_of_them_by_row),
        WITH_JUDGE(takes_of_a_change_what_wins_and_gives_the_row),
        WITH_JUDGE(logs_a_row_with_the_time_of_its_newest_column),
        WITH_JUDGE(merges_a_change_of_which_nothing_wins),
        WITH_JUDGE(counts_a_column_set_to_what_it_was_as_written),
        WITH_JUDGE(knows_what_another_program_wrote),
        WITH_JUDGE(lets_no_delete_win_against_a_newer_column),
        WITH_JUDGE(sets_the_columns_of_a_row_that_both_inserted),
        WITH_JUDGE(knows_how_old_columns_are_that_were_written_under_another_policy),
        WITH_JUDGE(refuses_who_has_not_seen_the_newest_version),
        WITH_JUDGE(lets_who_has_seen_it_write_whatever_the_clocks_say),
        WITH_JUDGE(lets_a_client_go_on_from_what_it_wrote_itself),
        WITH_JUDGE(refuses_the_stale_after_another_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
