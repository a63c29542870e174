/*  What subscribers are told about a change, one event at a time.  */

#include "tests/unit/agent_sim.h"

/*  Events so far, a line each: what, of which row, and how it ended. Answers are left out.  */
typedef struct diary {
    world_t *world;
    buffer_t lines;
    uint64_t ask; /* whose answer is awaited */
    bool answered;
} diary_t;

static void
note_ends(diary_t *self, const changes_processed_t *event)
{
    for (size_t i = 0; i < event->n_changes; i++) {
        const processed_t *end = &event->changes[i];
        buffer_add_format(&self->lines, "%s %s%s%s%s\n", end->entity_id, end->result,
                          end->from_server ? " there" : "",
                          end->code && end->code[0] ? " " : "", end->code ? end->code : "");
        if (!end->from_server)
            assert_int_equal(strlen(end->id), 36);
    }
}

/*  Whoever hears of a recorded change can read it.  */
static void
note_recorded(diary_t *self, const change_recorded_t *event)
{
    char sql[120];
    buffer_add_format(&self->lines, "%s recorded\n", event->entity_id);
    (void) snprintf(sql, sizeof sql, "SELECT count(*) FROM local_changes WHERE id = '%s'",
                    event->id);
    assert_string_equal(text_of(self->world, sql), "1");
}

static bool
read_on(void *arg)
{
    diary_t *self = arg;
    sim_heard_t heard;
    while (sim_take(self->world->sim, self->world->node, &heard)) {
        if (heard.id == MSG_change_recorded)
            note_recorded(self, heard.body);
        if (heard.id == MSG_changes_processed)
            note_ends(self, heard.body);
        if (heard.id == MSG_status)
            buffer_add_format(&self->lines, "%s\n", ((const status_t *) heard.body)->state);
        self->answered = self->answered || (heard.ask != 0 && heard.ask == self->ask);
    }
    return self->answered;
}

static void
begin(diary_t *self, world_t *world, const char *pattern)
{
    *self = (diary_t){.world = world};
    start_with_todo(world);
    sim_hear(world->sim, world->node, pattern);
    sim_run_ms(world->sim, 100);
}

/*  Gives all that was told, and begins with an empty page.  */
static const char *
told(diary_t *self)
{
    self->answered = false;
    self->ask = UINT64_MAX;
    (void) sim_until(self->world->sim, read_on, self, 500);
    const char *lines = arena_text(&self->world->arena, buffer_text(&self->lines));
    buffer_release(&self->lines);
    return lines;
}

static void
do_and_read(diary_t *self, const char *to, message_id_t id, const void *body)
{
    self->answered = false;
    self->ask = sim_ask(self->world->sim, self->world->node, to, id, body);
    assert_true(sim_until(self->world->sim, read_on, self, SOON_MS));
}

static void
write_row(diary_t *self, const char *operation, const char *key)
{
    entry_t change = entry(self->world, operation, key, "{}");
    do_and_read(self, "service", MSG_write, &(write_t){.changes = &change, .n_changes = 1});
}

static void
send_verdict(diary_t *self, const char *key, const char *word, const char *code)
{
    char sql[120];
    (void) snprintf(sql, sizeof sql, "SELECT id FROM local_changes WHERE entity_id = '%s'",
                    key);
    verdict_t verdict = {
        .id = text_of(self->world, sql), .verdict = word, .code = code, .lsn = 20};
    do_and_read(self, "recorder", MSG_record_verdicts,
                &(record_verdicts_t){.verdicts = &verdict, .n_verdicts = 1});
}

static void
a_recorded_change_is_told_once_and_after_its_commit(void **state)
{
    diary_t diary;
    begin(&diary, *state, "change_recorded");
    write_row(&diary, "insert", "a");
    write_row(&diary, "insert", "b");
    assert_string_equal(told(&diary), "a recorded\nb recorded\n");
}

static void
a_write_that_fails_is_told_to_nobody(void **state)
{
    diary_t diary;
    begin(&diary, *state, "change*");
    run_sql(diary.world, "CREATE TRIGGER no BEFORE INSERT ON todo BEGIN SELECT"
                         " raise(ABORT, 'no'); END");
    write_row(&diary, "insert", "a");
    write_row(&diary, "update", "missing");
    assert_string_equal(told(&diary), "");
}

static void
each_end_of_a_change_is_told_once(void **state)
{
    diary_t diary;
    begin(&diary, *state, "changes_processed");
    write_row(&diary, "insert", "a");
    write_row(&diary, "insert", "b");
    send_verdict(&diary, "a", "applied", NULL);
    send_verdict(&diary, "a", "applied", NULL);
    send_verdict(&diary, "b", "merged", NULL);
    assert_string_equal(told(&diary), "a applied\nb merged\n");
}

static void
a_refusal_is_told_with_its_code_and_so_is_what_a_person_does(void **state)
{
    diary_t diary;
    ((world_t *) *state)->settings.retry_attempts = 1;
    begin(&diary, *state, "changes_processed");
    write_row(&diary, "insert", "a");
    send_verdict(&diary, "a", "rejected", "RULE_VIOLATION");
    assert_string_equal(told(&diary), "a failed RULE_VIOLATION\na parked RULE_VIOLATION\n");
    write_row(&diary, "insert", "b");
    send_verdict(&diary, "b", "rejected", "ENTITY_NOT_FOUND");
    assert_string_equal(told(&diary), "b failed ENTITY_NOT_FOUND\nb parked ENTITY_NOT_FOUND\n");
    do_and_read(&diary, "service", MSG_act, &(act_t){.act = "discard", .all = true});
    assert_string_equal(told(&diary), "a discarded\nb discarded\n");
}

static void
a_change_of_the_server_is_told_once(void **state)
{
    diary_t diary;
    begin(&diary, *state, "changes_processed");
    begin_history(diary.world);
    server_change_t change = server_change(diary.world, "insert", 11, "{\"id\": \"s\"}");
    for (int i = 0; i < 2; i++)
        do_and_read(&diary, "lsn-manager", MSG_server_changes,
                    &(server_changes_t){.phase = "live",
                                        .epoch = "e",
                                        .prev = 10,
                                        .lsn = 11,
                                        .last = true,
                                        .changes = &change,
                                        .n_changes = 1});
    assert_string_equal(told(&diary), "s applied there\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_recorded_change_is_told_once_and_after_its_commit),
        IN_WORLD(a_write_that_fails_is_told_to_nobody),
        IN_WORLD(each_end_of_a_change_is_told_once),
        IN_WORLD(a_refusal_is_told_with_its_code_and_so_is_what_a_person_does),
        IN_WORLD(a_change_of_the_server_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
