/*  What a host notices of its actors: who is stuck, and what went before a crash.  */

#include "runtime/flight_file.h"
#include "tests/unit/host_world.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static sem_t released;
static atomic_int warnings;
static char warning[1024];

static int
make_dir(void **state)
{
    (void) state;
    strcpy(dir, "/tmp/waybill-watch-XXXXXX");
    assert_non_null(mkdtemp(dir));
    sem_init(&released, 0, 0);
    atomic_store(&warnings, 0);
    return 0;
}

static int
remove_dir(void **state)
{
    (void) state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    sem_destroy(&released);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a test cleans up */
}

static const flight_actor_t *
actor_of(const flight_story_t *story, const char *name)
{
    for (size_t i = 0; i < story->n; i++)
        if (strcmp(story->actors[i].name, name) == 0)
            return &story->actors[i];
    fail_msg("there is no %s in it", name);
    return NULL;
}

/*  ------------------------------------------------------------------------------- stuck  */

/*  The host's thread.  */
static void
listen(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (strstr(line->text, "is stuck") == NULL)
        return;
    snprintf(warning, sizeof warning, "%s", line->text);
    atomic_fetch_add(&warnings, 1);
    sem_post(&released);
}

static err_t
wait_for_the_warning(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    while (sem_wait(&released) != 0 && errno == EINTR)
        ;
    host_stop(host);
    return OK;
}

static handler_fn *const stuck_handlers[MSG_COUNT] = {[MSG_parcel] = wait_for_the_warning};
static const actor_class_t stuck_sink = {.name = "sink", .handlers = stuck_handlers};

static err_t
send_one(void *state, ctx_t *ctx)
{
    (void) state;
    SEND(ctx, "sink", parcel, .number = 1);
    return OK;
}

static const actor_class_t source = {
    .name = "source",
    .sends = (const edge_t[]){{"sink", MSG_parcel}, {0}},
    .start = send_one,
};

static void
an_actor_that_is_stuck_is_named_once_with_its_last_messages(void **state)
{
    (void) state;
    host_options_t options = {.name = "agent",
                              .run_dir = dir,
                              .log = listen,
                              .log_level = LOG_warning,
                              .stuck_ms = 100};
    run_host(&options, (const actor_class_t *const[]){&stuck_sink, &source, NULL}, OK);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warning, "sink is stuck: busy with parcel for "));

    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    assert_int_equal(flight_load(strstr(warning, dir), &arena, &story, &fault), OK);
    assert_false(story.cut);
    assert_string_equal(story.head->actor, "sink");
    assert_int_equal(story.head->signal, 0);
    assert_string_equal(actor_of(&story, "sink")->busy, "parcel");
    const flight_actor_t *sink = actor_of(&story, "sink");
    assert_int_equal(sink->notes[sink->n - 1].point, TAP_recv);
    assert_string_equal(sink->notes[sink->n - 1].type, "parcel");
    assert_string_equal(sink->notes[sink->n - 1].peer, "source");
    const flight_actor_t *sender = actor_of(&story, "source");
    assert_int_equal(sender->notes[0].point, TAP_send);
    assert_memory_equal(sender->notes[0].id, sink->notes[sink->n - 1].id, 16);
    arena_release(&arena);
}

/*  ------------------------------------------------------------------------------- crash  */

static int crash_signal;

static err_t
crash(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    raise(crash_signal);
    return OK;
}

static handler_fn *const fatal_handlers[MSG_COUNT] = {[MSG_parcel] = crash};
static const actor_class_t fatal_sink = {.name = "sink", .handlers = fatal_handlers};

/*  A process that dies of it; gives its id, and how it died.  */
static pid_t
die_of(int signal, int *status)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        assert_non_null(freopen("/dev/null", "w", stderr));
        crash_signal = signal;
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* not cmocka's */
        host_options_t options = {.name = "server", .run_dir = dir, .log_level = LOG_error};
        run_host(&options, (const actor_class_t *const[]){&fatal_sink, &source, NULL}, OK);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, status, 0), pid);
    return pid;
}

static void
read_crash(pid_t pid, arena_t *arena, flight_story_t *story)
{
    char path[128];
    fault_t fault = {0};
    snprintf(path, sizeof path, "%s/flight-%ld-crash", dir, (long) pid);
    if (flight_load(path, arena, story, &fault) != OK)
        fail_msg("%s", fault.text);
}

static void
a_crash_leaves_the_last_messages_behind(void **state)
{
    (void) state;
    arena_t arena = {0};
    flight_story_t story;
    int status;
    pid_t pid = die_of(SIGSEGV, &status);
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    read_crash(pid, &arena, &story);
    assert_false(story.cut);
    assert_string_equal(story.head->role, "server");
    assert_int_equal(story.head->pid, pid);
    assert_int_equal(story.head->signal, SIGSEGV);
    const flight_actor_t *sink = actor_of(&story, "sink");
    assert_string_equal(sink->busy, "parcel");
    assert_string_equal(sink->notes[sink->n - 1].type, "parcel");
    arena_release(&arena);
}

static void
a_process_dies_of_the_signal_that_it_got(void **state)
{
    (void) state;
    arena_t arena = {0};
    flight_story_t story;
    int status;
    pid_t pid = die_of(SIGABRT, &status);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    read_crash(pid, &arena, &story);
    assert_int_equal(story.head->signal, SIGABRT);
    arena_release(&arena);
}

/*  Those of processes that crashed again and again.  */
static void
a_start_leaves_only_the_newest_files(void **state)
{
    (void) state;
    enum { MANY = 40, KEPT = 16 };
    char path[128];
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/flight-%d-crash", dir, i + 1);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    host_options_t options = {.name = "server", .run_dir = dir, .log_level = LOG_error};
    fault_t fault;
    host = host_new(&options);
    assert_int_equal(host_start(host, &fault), OK);
    host_destroy(&host);
    int left = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/flight-%d-crash", dir, i + 1);
        left += access(path, F_OK) == 0;
    }
    assert_in_range(left, 1, KEPT);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_actor_that_is_stuck_is_named_once_with_its_last_messages),
        EACH(a_crash_leaves_the_last_messages_behind),
        EACH(a_process_dies_of_the_signal_that_it_got),
        EACH(a_start_leaves_only_the_newest_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
