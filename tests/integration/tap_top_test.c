/*  `waybill tap top` on a terminal of 80 columns and 24 rows: what stands there, what the keys
    do, and that the terminal is given back.  */

#include "tests/integration/terminal.h"
#include "tests/integration/world.h"
#include "tools/show.h"

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

static terminal_t *
top_by(const char *order)
{
    return terminal_new((const char *const[]){"tap", "top", "--every", "200ms", "--sort", order,
                                              "--run-dir", world.agent_dir, NULL});
}

/*  The line that begins so; its number, and past the end if there is none.  */
static size_t
line_of(const lines_t *lines, const char *start)
{
    size_t i = 0;
    while (i < lines->n && strncmp(lines->at[i], start, strlen(start)) != 0)
        i++;
    return i;
}

static void
shows_actors_and_messages_on_80_columns(void **state)
{
    (void) state;
    terminal_t *top = top_by("messages");
    lines_t lines = terminal_await(top, "messages/s");
    assert_non_null(strstr(lines.at[0], "agent 0."));
    assert_int_equal(line_of(&lines, "ACTOR "), 2);
    assert_true(line_of(&lines, "recorder ") < lines.n);
    assert_true(line_of(&lines, "connection-manager") < lines.n);
    assert_true(line_of(&lines, "MESSAGE ") < lines.n);
    for (size_t i = 0; i < lines.n; i++)
        assert_in_range(show_width(lines.at[i]), 0, TERMINAL_COLUMNS);
    lines_release(&lines);
    terminal_type(top, "q");
    assert_int_equal(terminal_end(top), 0);
    assert_true(terminal_is_restored(top));
    terminal_destroy(&top);
}

static void
lines_wider_than_the_screen_are_cut_by_the_terminal(void **state)
{
    static const char cut[] = "\033[?7l";
    (void) state;
    terminal_t *top = top_by("messages");
    lines_t lines = terminal_await(top, "ACTOR");
    lines_release(&lines);
    assert_contains(buffer_text(&top->written), cut);
    terminal_type(top, "q");
    assert_int_equal(terminal_end(top), 0);
    assert_true(terminal_is_restored(top));
    terminal_destroy(&top);
}

static void
sorts_by_the_key_that_is_pressed(void **state)
{
    (void) state;
    terminal_t *top = top_by("time");
    lines_t lines = terminal_await(top, "*t time");
    lines_release(&lines);
    terminal_type(top, "n");
    lines = terminal_await(top, "*n name");
    for (size_t i = 4; i < line_of(&lines, "MESSAGE ") - 1; i++)
        assert_true(strcmp(lines.at[i - 1], lines.at[i]) < 0);
    lines_release(&lines);
    terminal_type(top, " ");
    lines = terminal_await(top, "(held)");
    lines_release(&lines);
    terminal_type(top, "q");
    assert_int_equal(terminal_end(top), 0);
    terminal_destroy(&top);
}

static void
gives_the_terminal_back_after_an_interrupt(void **state)
{
    (void) state;
    static const int signals[] = {0, SIGTERM, SIGHUP};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        terminal_t *top = top_by("messages");
        lines_t lines = terminal_await(top, "ACTOR");
        lines_release(&lines);
        if (signals[i] == 0)
            terminal_type(top, "\003"); /* Ctrl-C */
        else
            kill(top->pid, signals[i]);
        assert_int_equal(terminal_end(top), 0);
        assert_true(terminal_is_restored(top));
        terminal_destroy(&top);
    }
}

static void
says_so_when_the_process_goes(void **state)
{
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run");
    process_t *agent = start_agent(dir, world.url, NULL);
    assert_true(process_await_ready(agent));
    terminal_t *top = terminal_new(
        (const char *const[]){"tap", "top", "--every", "200ms", "--run-dir", run, NULL});
    lines_t lines = terminal_await(top, "ACTOR");
    lines_release(&lines);
    assert_int_equal(process_end(agent, SIGTERM), 0);
    assert_int_equal(terminal_end(top), 1);
    assert_true(terminal_is_restored(top));
    assert_contains(buffer_text(&top->written), "waybill: ");
    terminal_destroy(&top);
    process_destroy(&agent);
    free(run);
    directory_destroy(&dir);
}

static void
wants_a_terminal_or_json(void **state)
{
    (void) state;
    assert_refused(RUN("tap", "top", "--run-dir", world.agent_dir), 2, "no terminal");
    assert_refused(RUN("tap", "top", "--sort", "beauty"), 2, "--sort: \"beauty\"");
    assert_refused(RUN("tap", "top", "--every", "1ms"), 2, "--every: \"1ms\"");
    assert_refused(RUN("tap", "top", "--run-dir", "/nowhere"), 1, "no process answers");
}

/*  As all verbs ask before they write any.  */
static void
colours_are_for_terminals_and_not_where_no_color_is_set(void **state)
{
    (void) state;
    int fd, other;
    assert_int_equal(openpty(&fd, &other, NULL, NULL, NULL), 0);
    FILE *terminal = fdopen(other, "w"), *file = tmpfile();
    char *before = getenv("NO_COLOR") ? mem_text(getenv("NO_COLOR")) : NULL;
    unsetenv("NO_COLOR");
    assert_true(show_is_coloured(terminal));
    assert_false(show_is_coloured(file));
    setenv("NO_COLOR", "1", 1);
    assert_false(show_is_coloured(terminal));
    setenv("NO_COLOR", "", 1); /* as if it were not set: no-color.org */
    assert_true(show_is_coloured(terminal));
    if (before)
        setenv("NO_COLOR", before, 1);
    else
        unsetenv("NO_COLOR");
    free(before);
    (void) fclose(terminal);
    (void) fclose(file);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_actors_and_messages_on_80_columns),
        cmocka_unit_test(lines_wider_than_the_screen_are_cut_by_the_terminal),
        cmocka_unit_test(sorts_by_the_key_that_is_pressed),
        cmocka_unit_test(gives_the_terminal_back_after_an_interrupt),
        cmocka_unit_test(says_so_when_the_process_goes),
        cmocka_unit_test(wants_a_terminal_or_json),
        cmocka_unit_test(colours_are_for_terminals_and_not_where_no_color_is_set),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
