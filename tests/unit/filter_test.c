/*  What the filter of the tap lets pass, and how it says so.  */

#include "tools/tap/filter.h"

#include "tests/unit/tap_world.h"
#include "tools/tap/about.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHANGE "01890a5d-ac96-774b-bcce-b302099a8057"

static filter_t *
make(filter_words_t words)
{
    fault_t fault = {0};
    filter_t *self = filter_new(&words, &fault);
    if (!self)
        fail_msg("%s", fault.text);
    return self;
}

static bool
passes(filter_words_t words, tap_record_t record, message_id_t id, const void *body)
{
    filter_t *self = make(words);
    bool yes = filter_passes(self, &record, id, body);
    filter_destroy(&self);
    return yes;
}

static void
passes_everything_that_is_not_the_taps_own(void **state)
{
    (void) state;
    assert_true(
        passes((filter_words_t){0}, made_record(TAP_send, "a", "b", MSG_head), MSG_head, NULL));
    tap_record_t own = made_record(TAP_recv, "ipc/tap-7", "system", MSG_stats_get);
    assert_false(passes((filter_words_t){0}, own, MSG_stats_get, NULL));
    own = made_record(TAP_send, "system", "ipc/tap-7", MSG_stats);
    assert_false(passes((filter_words_t){0}, own, MSG_stats, NULL));
    assert_true(passes((filter_words_t){.actors = "ipc/*"}, own, MSG_stats, NULL));
}

static void
passes_types_by_any_pattern_of_the_list(void **state)
{
    (void) state;
    tap_record_t record = made_record(TAP_send, "a", "b", MSG_stream_pull);
    assert_true(passes((filter_words_t){.types = "head,stream_*"}, record, MSG_head, NULL));
    assert_false(passes((filter_words_t){.types = "head"}, record, MSG_head, NULL));
    assert_false(
        passes((filter_words_t){.not_types = "head,stream_pull"}, record, MSG_head, NULL));
    assert_false(passes((filter_words_t){.types = "stream_*", .not_types = "*_pull,stream_p*"},
                        record, MSG_head, NULL));
}

static void
passes_actors_and_programs_that_joined(void **state)
{
    (void) state;
    tap_record_t record = made_record(TAP_recv, "ipc/app", "service", MSG_write);
    assert_true(passes((filter_words_t){.actors = "service"}, record, MSG_write, NULL));
    assert_true(passes((filter_words_t){.actors = "ipc/app"}, record, MSG_write, NULL));
    assert_false(
        passes((filter_words_t){.actors = "ipc/other,recorder"}, record, MSG_write, NULL));
}

static void
knows_which_word_fits_no_actor(void **state)
{
    (void) state;
    actor_info_t actors[] = {{.name = "service"}, {.name = "ipc/app"}};
    const tree_t tree = {.actors = actors, .n_actors = 2};
    static const struct {
        const char *words, *stranger;
    } cases[] = {
        {NULL, NULL},         {"service,ipc/app", NULL}, {"serv*", NULL},
        {"ipc/*,bob", "bob"}, {"servic", "servic"},      {"x*,service", "x*"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fault_t fault = {0};
        filter_t *self = filter_new(&(filter_words_t){.actors = cases[i].words}, &fault);
        const char *stranger = filter_stranger(self, &tree);
        assert_int_equal(stranger == NULL, cases[i].stranger == NULL);
        if (stranger)
            assert_string_equal(stranger, cases[i].stranger);
        filter_destroy(&self);
    }
}

static void
passes_points_of_the_list(void **state)
{
    (void) state;
    tap_record_t record = made_record(TAP_dead, "a", "b", MSG_head);
    assert_true(passes((filter_words_t){.kinds = "done,dead"}, record, MSG_head, NULL));
    assert_false(passes((filter_words_t){.kinds = "send,recv"}, record, MSG_head, NULL));
}

static void
finds_the_row_by_its_name_and_by_what_is_in_it(void **state)
{
    (void) state;
    buffer_t row = {0};
    fault_t fault = {0};
    const char *json = "{\"id\":\"7\",\"title\":\"8\"}";
    assert_int_equal(json_to_msgpack(json, strlen(json), &row, &fault), OK);
    client_change_t change = {
        .table = "notes", .operation = "insert", .data = buffer_bytes(&row)};
    client_changes_t body = {.session = 1, .changes = &change, .n_changes = 1};
    tap_record_t record = made_record(TAP_send, "a", "b", MSG_client_changes);
#define PASSES(text) passes((filter_words_t){.entity = text}, record, MSG_client_changes, &body)
    assert_true(PASSES("notes"));
    assert_true(PASSES("notes/7"));
    assert_false(PASSES("notes/8"));
    assert_false(PASSES("drafts"));
#undef PASSES
    buffer_release(&row);

    entry_t entry = {.table = "notes", .operation = "upsert", .id = "a/b"};
    write_t write = {.changes = &entry, .n_changes = 1};
    assert_true(passes((filter_words_t){.entity = "notes/a/b"}, record, MSG_write, &write));
    assert_false(passes((filter_words_t){.entity = "notes/a"}, record, MSG_write, &write));
    assert_false(passes((filter_words_t){.entity = "notes"}, record, MSG_write, NULL));
}

static void
finds_the_change_wherever_it_is_told(void **state)
{
    (void) state;
    tap_record_t record = made_record(TAP_send, "a", "b", MSG_written);
    const filter_words_t words = {.change = CHANGE};
    const char *ids[] = {"another", CHANGE};
    assert_true(passes(words, record, MSG_written, &(written_t){.ids = ids, .n_ids = 2}));
    assert_false(passes(words, record, MSG_written, &(written_t){.ids = ids, .n_ids = 1}));
    verdict_t verdict = {.id = CHANGE, .verdict = "applied"};
    const record_verdicts_t verdicts = {.verdicts = &verdict, .n_verdicts = 1};
    assert_true(passes(words, record, MSG_record_verdicts, &verdicts));
    entry_t entry = {.id = CHANGE, .table = "t"}; /* a row's key, no change */
    const write_t write = {.changes = &entry, .n_changes = 1};
    assert_false(passes(words, record, MSG_write, &write));
    entry = (entry_t){.id = "1", .table = "t", .change = CHANGE};
    assert_true(passes(words, record, MSG_write, &write));
}

static void
learns_the_sessions_of_a_client(void **state)
{
    (void) state;
    filter_t *self = make((filter_words_t){.client = "me"});
    tap_record_t record = made_record(TAP_send, "a", "b", MSG_stream_pull);
    const stream_pull_t mine = {.session = 5}, other = {.session = 6};
    assert_false(filter_passes(self, &record, MSG_stream_pull, &mine));
    assert_true(filter_passes(self, &record, MSG_stream_ack,
                              &(stream_ack_t){.session = 5, .client_id = "me"}));
    assert_false(filter_passes(self, &record, MSG_stream_ack,
                               &(stream_ack_t){.session = 6, .client_id = "you"}));
    assert_true(filter_passes(self, &record, MSG_stream_pull, &mine));
    assert_false(filter_passes(self, &record, MSG_stream_pull, &other));
    filter_destroy(&self);
}

static void
refuses_words_that_make_no_sense(void **state)
{
    (void) state;
    static const struct {
        filter_words_t words;
        const char *because;
    } cases[] = {
        {{.types = "no_such_thing"}, "--type: no message is named no_such_thing"},
        {{.not_types = "nor_this"}, "--not-type: no message"},
        {{.types = "head,,write"}, "--type: \"head,,write\" has an empty"},
        {{.actors = ""}, "--actor"},
        {{.kinds = "sent"}, "--kind: \"sent\" is not"},
        {{.entity = "/7"}, "--entity: \"/7\""},
        {{.entity = "notes/"}, "--entity: \"notes/\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fault_t fault = {0};
        assert_null(filter_new(&cases[i].words, &fault));
        if (!strstr(fault.text, cases[i].because))
            fail_msg("%s", fault.text);
    }
}

static void
explains_itself(void **state)
{
    (void) state;
    filter_t *self = make((filter_words_t){.types = "srv_*,head",
                                           .entity = "notes/7",
                                           .kinds = "dead",
                                           .client = "me",
                                           .actors = "recorder"});
    buffer_t text = {0}, json = {0};
    filter_explain(self, &text);
    assert_string_equal(buffer_text(&text),
                        "its type is    srv_* or head\n"
                        "at the actor   recorder\n"
                        "it is a        dead\n"
                        "about table    notes\n"
                        "about row      7 of it\n"
                        "about client   me, and its sessions once they are known\n");
    filter_to_json(self, &json);
    assert_string_equal(
        buffer_text(&json),
        "\"types\":[\"srv_*\",\"head\"],\"actors\":[\"recorder\"],"
        "\"kinds\":[\"dead\"],\"table\":\"notes\",\"id\":\"7\",\"client\":\"me\"");
    filter_destroy(&self);
    buffer_release(&text);
    buffer_release(&json);
}

/*  ------------------------------------------------------------------- what it is about  */

static void
assert_about(message_id_t id, const void *body, const char *expected)
{
    buffer_t text = {0};
    about_write(id, body, &text);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
}

static void
says_in_a_few_words_what_a_message_is_about(void **state)
{
    (void) state;
    processed_t done[] = {
        {.id = "c1",
         .entity_type = "t",
         .entity_id = "1",
         .operation = "insert",
         .result = "applied"},
        {.id = "c2",
         .entity_type = "t",
         .entity_id = "2\033",
         .operation = "delete",
         .result = "failed"},
        {.id = "c3", .entity_type = "t", .entity_id = "3"},
    };
    assert_about(MSG_changes_processed,
                 &(changes_processed_t){.changes = done, .n_changes = 3, .lsn = 0x2A},
                 "c1 t/1 insert applied; c2 t/2? delete failed; 1 more lsn 0/2A");
    assert_about(MSG_outbox_batch, &(outbox_batch_t){.last = 6, .more = true, .pending = 1},
                 "last 6 more pending 1");
    assert_about(MSG_head_get, &(head_get_t){0}, "");
    assert_about(MSG_credentials, &(credentials_t){.user = "me", .token = "hush"}, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_everything_that_is_not_the_taps_own),
        cmocka_unit_test(passes_types_by_any_pattern_of_the_list),
        cmocka_unit_test(passes_actors_and_programs_that_joined),
        cmocka_unit_test(knows_which_word_fits_no_actor),
        cmocka_unit_test(passes_points_of_the_list),
        cmocka_unit_test(finds_the_row_by_its_name_and_by_what_is_in_it),
        cmocka_unit_test(finds_the_change_wherever_it_is_told),
        cmocka_unit_test(learns_the_sessions_of_a_client),
        cmocka_unit_test(refuses_words_that_make_no_sense),
        cmocka_unit_test(explains_itself),
        cmocka_unit_test(says_in_a_few_words_what_a_message_is_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
