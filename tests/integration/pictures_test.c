/*  What goes by on the bus as packets, which tshark reads, and as a diagram.  */

#include "tests/integration/world.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { MOST_WRITES = 1000 };

/*  Writes until the verb has said its first line: it has seen enough.  */
static char *
write_until_line(process_t *verb)
{
    struct pollfd line = {.fd = fileno(verb->out), .events = POLLIN};
    for (int i = 0; i < MOST_WRITES && poll(&line, 1, 0) == 0; i++) {
        char id[16];
        (void) snprintf(id, sizeof id, "p%d", i);
        outcome_t written =
            RUN("upsert", "--run-dir", world.agent_dir, "notes", id, "{\"title\":\"seen\"}");
        assert_int_equal(written.status, 0);
        outcome_release(&written);
    }
    assert_true(process_await_ready(verb));
    return verb->ready;
}

/*  What tshark shows of the file: those fields of each packet that the filter lets pass.  */
static char *
dissect(const char *file, const char *filter, const char *fields)
{
    char *command = mem_format("tshark -X lua_script:%s -r %s -Y '%s' -T fields %s 2>/dev/null",
                               DISSECTOR, file, filter, fields);
    FILE *out = popen(command, "r"); /* NOLINT(cert-env33-c): a command of our own making */
    assert_non_null(out);
    buffer_t text = {0};
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, out)) > 0;)
        buffer_add(&text, part, n);
    assert_int_equal(pclose(out), 0);
    char *copy = mem_text(buffer_text(&text));
    buffer_release(&text);
    free(command);
    return copy;
}

static void
tshark_shows_envelopes_and_payloads_of_a_capture(void **state)
{
    (void) state;
    char *file = path_in(world.dir, "some.pcapng");
    process_t *pcap = process_new(world.log, NULL,
                                  (const char *const[]){"tap", "pcap", file, "--count", "60",
                                                        "--run-dir", world.agent_dir, NULL});
    assert_contains(write_until_line(pcap), "60 packets");
    assert_int_equal(process_end(pcap, 0), 0);
    process_destroy(&pcap);

    char *all = dissect(file, "frame", "-e waybill.n");
    assert_int_equal(count_lines(all), 60);
    char *write = dissect(file, "waybill.type == \"write\" && waybill.point == \"send\"",
                          "-e frame.interface_name -e waybill.from -e waybill.to "
                          "-e waybill.kind -e waybill.field");
    assert_contains(write, "service\tservice\trecorder\tREQ\tchanges=[{");
    assert_contains(write, "\"title\": \"seen\"");
    char *waits = dissect(file, "waybill.waited_ms >= 0", "-e waybill.point");
    assert_contains(waits, "recv");
    char *wrong = dissect(file, "waybill.malformed || _ws.malformed", "-e frame.number");
    assert_string_equal(wrong, "");
    assert_refused(RUN("tap", "pcap", file, "--run-dir", world.agent_dir), 1, "exists");
    free(all);
    free(write);
    free(waits);
    free(wrong);
    free(file);
}

static void
messages_are_drawn_as_a_sequence_diagram(void **state)
{
    (void) state;
    process_t *seq =
        process_new(world.log, NULL,
                    (const char *const[]){"tap", "seq", "--for", "5m", "--count", "40",
                                          "--run-dir", world.agent_dir, NULL});
    assert_string_equal(write_until_line(seq), "sequenceDiagram");
    buffer_t text = {0};
    char line[512];
    while (fgets(line, sizeof line, seq->out))
        buffer_add_text(&text, line);
    assert_contains(buffer_text(&text), "participant p0 as ");
    assert_contains(buffer_text(&text), "as recorder\n");
    assert_contains(buffer_text(&text), ": write notes/p");
    assert_contains(buffer_text(&text), "-->>");
    buffer_release(&text);
    assert_int_equal(process_end(seq, 0), 0);
    process_destroy(&seq);
}

static void
a_recording_is_drawn_as_well(void **state)
{
    (void) state;
    char *file = path_in(world.dir, "service.tape");
    process_t *record =
        process_new(world.log, NULL,
                    (const char *const[]){"tap", "record", file, "--actor", "service",
                                          "--run-dir", world.agent_dir, NULL});
    assert_true(process_await_ready(record));
    outcome_t written = RUN("upsert", "--wait", "--run-dir", world.agent_dir, "notes", "drawn",
                            "{\"title\":\"seen\"}");
    assert_int_equal(written.status, 0);
    outcome_release(&written);
    assert_int_equal(process_end(record, SIGINT), 0);
    process_destroy(&record);
    outcome_t drawn = RUN("tap", "seq", file, "--type", "write,written");
    assert_int_equal(drawn.status, 0);
    assert_contains(drawn.out, "as service\n");
    assert_contains(drawn.out, ": write notes/drawn");
    outcome_release(&drawn);
    free(file);
}

/*  Each line is an object that begins so.  */
static void
assert_objects(const char *text, const char *begin)
{
    assert_true(count_lines(text) > 0);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, begin, strlen(begin)) != 0)
            fail_msg("no %s: %s", begin, line);
        assert_non_null(strchr(line, '\n'));
    }
}

static void
recordings_captures_and_sequences_are_told_as_json(void **state)
{
    (void) state;
    char *tape = path_in(world.dir, "json.tape"), *file = path_in(world.dir, "json.pcapng");
    outcome_t told = RUN("tap", "record", tape, "--actor", "service", "--for", "1s", "--json",
                         "--run-dir", world.agent_dir);
    assert_int_equal(told.status, 0);
    assert_objects(told.out, "{\"actor\":\"service\",\"file\":\"/");
    assert_contains(told.out, "\"state\":\"recording\"}\n");
    assert_contains(told.out, "\"state\":\"recorded\",\"events\":");
    outcome_release(&told);
    told = RUN("tap", "seq", tape, "--json");
    assert_int_equal(told.status, 0);
    assert_objects(told.out, "{\"after_us\":");
    assert_contains(told.out,
                    "\"kind\":\"EVT\",\"dead\":false,\"label\":\"actor_state service");
    outcome_release(&told);
    told = RUN("tap", "pcap", file, "--for", "1s", "--type", "parcel", "--json", "--run-dir",
               world.agent_dir);
    assert_int_equal(told.status, 0);
    assert_contains(told.out, "/json.pcapng\",\"packets\":0,\"missed\":");
    outcome_release(&told);
    free(tape);
    free(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tshark_shows_envelopes_and_payloads_of_a_capture),
        cmocka_unit_test(messages_are_drawn_as_a_sequence_diagram),
        cmocka_unit_test(a_recording_is_drawn_as_well),
        cmocka_unit_test(recordings_captures_and_sequences_are_told_as_json),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
