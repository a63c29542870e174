/*  The last messages of an actor: in memory, and in a file that anybody may have damaged.  */

#include "runtime/flight_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static envelope_t
parcel_to(const char *to, uint64_t number)
{
    envelope_t envelope = {.kind = ENVELOPE_CAST,
                           .type = "parcel",
                           .hash = schema_hash(MSG_parcel),
                           .from = "source",
                           .to = to};
    memcpy(envelope.id, &number, sizeof number);
    memcpy(envelope.trace, &number, sizeof number);
    return envelope;
}

static uint64_t
number_of(const flight_note_t *note)
{
    uint64_t number;
    memcpy(&number, note->id, sizeof number);
    return number;
}

static flight_t *
filled(uint64_t n)
{
    flight_t *flight = mem_new(sizeof *flight);
    for (uint64_t i = 0; i < n; i++) {
        envelope_t envelope = parcel_to("sink", i);
        flight_add(flight, &(flight_event_t){TAP_send, &envelope, 100 + i, OK, 1000 + i});
    }
    return flight;
}

/*  ------------------------------------------------------------------------------- memory  */

static void
an_entry_tells_what_was_sent_to_whom(void **state)
{
    (void) state;
    flight_t *flight = filled(2);
    flight_note_t note;
    assert_int_equal(flight_count(flight), 2);
    assert_true(flight_read(flight, 1, &note));
    assert_int_equal(number_of(&note), 1);
    assert_int_equal(note.time_ns, 1001);
    assert_int_equal(note.size, 101);
    assert_int_equal(note.point, TAP_send);
    assert_int_equal(note.kind, ENVELOPE_CAST);
    assert_string_equal(note.type, "parcel");
    assert_string_equal(note.peer, "sink");
    free(flight);
}

static void
what_came_in_tells_who_sent_it_and_what_it_answers(void **state)
{
    (void) state;
    flight_t flight = {0};
    flight_note_t note;
    envelope_t answer = {.kind = ENVELOPE_REP,
                         .type = "of_a_plugin_with_a_very_long_name",
                         .from = "a-name-that-is-longer-than-an-entry-has-room-for",
                         .to = "me",
                         .corr = {7},
                         .attempt = 2};
    flight_add(&flight, &(flight_event_t){TAP_dead, &answer, 0, ERR_EXPIRED, 5});
    assert_true(flight_read(&flight, 0, &note));
    assert_string_equal(note.peer, "a-name-that-is-longer-than-an-en");
    assert_string_equal(note.type, "of_a_plugin_with_a_very_long_nam");
    assert_int_equal(note.corr[0], 7);
    assert_int_equal(note.err, ERR_EXPIRED);
    assert_int_equal(note.attempt, 2);
}

static void
a_name_that_has_left_the_table_is_a_question_mark(void **state)
{
    (void) state;
    flight_t *flight = filled(1);
    flight_note_t note;
    for (uint64_t i = 1; i < FLIGHT_KEPT; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%d", (int) i);
        envelope_t envelope = parcel_to(name, i);
        flight_add(flight, &(flight_event_t){TAP_send, &envelope, 0, OK, 0});
    }
    assert_true(flight_read(flight, 0, &note));
    assert_string_equal(note.peer, "?");
    assert_true(flight_read(flight, FLIGHT_KEPT - FLIGHT_NAMES, &note));
    assert_string_equal(note.peer, "n192");
    assert_true(flight_read(flight, FLIGHT_KEPT - 1, &note));
    assert_string_equal(note.peer, "n255");
    free(flight);
}

static void
only_the_last_are_kept(void **state)
{
    (void) state;
    flight_t *flight = filled(FLIGHT_KEPT + 10);
    flight_note_t note;
    assert_false(flight_read(flight, 9, &note));
    for (uint64_t i = 10; i < FLIGHT_KEPT + 10; i++) {
        assert_true(flight_read(flight, i, &note));
        assert_int_equal(number_of(&note), i);
    }
    free(flight);
}

static void *
write_on(void *arg)
{
    for (uint64_t i = 0; i < 200000; i++) {
        envelope_t envelope = parcel_to(i % 2 ? "odd" : "even", i);
        flight_add(arg, &(flight_event_t){TAP_send, &envelope, i, OK, i});
    }
    return NULL;
}

static void
whoever_reads_meanwhile_sees_whole_entries(void **state)
{
    (void) state;
    flight_t *flight = filled(0);
    flight_note_t note;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_on, flight), 0);
    for (uint64_t count = 0; count < 200000; count = flight_count(flight))
        for (uint64_t n = count > FLIGHT_KEPT ? count - FLIGHT_KEPT : 0; n < count; n++)
            if (flight_read(flight, n, &note)) {
                assert_int_equal(number_of(&note), n);
                assert_int_equal(note.time_ns, n);
                assert_int_equal(note.size, n);
                assert_string_equal(note.peer, n % 2 ? "odd" : "even");
            }
    pthread_join(writer, NULL);
    free(flight);
}

/*  -------------------------------------------------------------------------------- a file  */

static char path[] = "/tmp/waybill-flight-XXXXXX";

static void
write_file(const flight_t *flight, bool end)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    flight_head_t head = {.pid = 4711, .wall_us = 5, .role = "agent", .actor = "recorder"};
    assert_true(flight_write_head(fd, &head));
    assert_true(flight_write_actor(fd, "recorder", "write", flight));
    assert_true(flight_write_actor(fd, "service", NULL, flight));
    assert_true(!end || flight_write_end(fd));
    close(fd);
}

static void
a_file_gives_back_what_was_written(void **state)
{
    (void) state;
    flight_t *flight = filled(3);
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    write_file(flight, true);
    assert_int_equal(flight_load(path, &arena, &story, &fault), OK);
    assert_false(story.cut);
    assert_int_equal(story.head->pid, 4711);
    assert_string_equal(story.head->actor, "recorder");
    assert_int_equal(story.n, 2);
    assert_string_equal(story.actors[0].name, "recorder");
    assert_string_equal(story.actors[0].busy, "write");
    assert_string_equal(story.actors[1].busy, "");
    assert_int_equal(story.actors[1].n, 3);
    assert_int_equal(number_of(&story.actors[1].notes[2]), 2);
    arena_release(&arena);
    free(flight);
}

static void
a_file_that_was_cut_short_gives_what_is_there(void **state)
{
    (void) state;
    flight_t *flight = filled(3);
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    write_file(flight, false);
    assert_int_equal(flight_load(path, &arena, &story, &fault), OK);
    assert_true(story.cut);
    assert_int_equal(story.n, 2);
    assert_int_equal(truncate(path, (off_t) (sizeof(flight_head_t) + sizeof(flight_section_t)
                                             + sizeof(flight_note_t) + 1)),
                     0);
    assert_int_equal(flight_load(path, &arena, &story, &fault), OK);
    assert_true(story.cut);
    assert_int_equal(story.n, 1);
    assert_int_equal(story.actors[0].n, 1);
    arena_release(&arena);
    free(flight);
}

static void
another_file_is_refused(void **state)
{
    (void) state;
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    const bytes_t text = {(const uint8_t *) "WBFLIGHTS are late", 18};
    assert_int_equal(flight_unpack(text, &arena, &story, &fault), ERR_MALFORMED);
    assert_string_equal(fault.text, "it is not a file of last messages");
    flight_head_t head = {.magic = "WBFLIGH", .version = 9};
    head.magic[7] = 'T';
    const bytes_t later = {(const uint8_t *) &head, sizeof head};
    assert_int_equal(flight_unpack(later, &arena, &story, &fault), ERR_MALFORMED);
    assert_non_null(strstr(fault.text, "version 9"));
    assert_int_equal(flight_load("/nowhere", &arena, &story, &fault), ERR_NOT_FOUND);
    arena_release(&arena);
}

static void
a_damaged_file_gives_nothing_that_cannot_be_shown(void **state)
{
    (void) state;
    flight_t *flight = filled(3);
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    write_file(flight, true);
    int fd = open(path, O_WRONLY);
    const size_t note = sizeof(flight_head_t) + sizeof(flight_section_t);
    const uint8_t bad = 200;
    assert_int_equal(pwrite(fd, "\x1b[2J", 4, (off_t) (note + offsetof(flight_note_t, type))),
                     4);
    assert_int_equal(
        pwrite(fd, &bad, 1,
               (off_t) (note + sizeof(flight_note_t) + offsetof(flight_note_t, point))),
        1);
    close(fd);
    assert_int_equal(flight_load(path, &arena, &story, &fault), OK);
    assert_int_equal(story.actors[0].n, 2);
    assert_string_equal(story.actors[0].notes[0].type, "?[2Jel");
    arena_release(&arena);
    free(flight);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_tells_what_was_sent_to_whom),
        cmocka_unit_test(what_came_in_tells_who_sent_it_and_what_it_answers),
        cmocka_unit_test(a_name_that_has_left_the_table_is_a_question_mark),
        cmocka_unit_test(only_the_last_are_kept),
        cmocka_unit_test(whoever_reads_meanwhile_sees_whole_entries),
        cmocka_unit_test(a_file_gives_back_what_was_written),
        cmocka_unit_test(a_file_that_was_cut_short_gives_what_is_there),
        cmocka_unit_test(another_file_is_refused),
        cmocka_unit_test(a_damaged_file_gives_nothing_that_cannot_be_shown),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
