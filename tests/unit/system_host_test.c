/*  What a process on threads tells of itself to a program that has joined.  */

#include "actors/common/actors.h"
#include "actors/settings.h"
#include "bus/ipc_client.h"
#include "runtime/flight_file.h"
#include "tests/unit/host_world.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static char dir[64];
static ipc_client_t *client;

static int
make_dir(void **state)
{
    (void) state;
    strcpy(dir, "/tmp/waybill-system-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
    (void) state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a test cleans up */
}

static void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody, (void) line;
}

/*  ------------------------------------------------------------------------- a visitor  */

/*  NULL: refused. Valid until the next question.  */
static const void *
ask(message_id_t question, const void *body)
{
    message_id_t id;
    const void *answer = NULL;
    fault_t fault;
    err_t err =
        ipc_client_request(client, "system", question, body, PATIENCE_MS, &id, &answer, &fault);
    return err == OK ? answer : NULL;
}

/*  Runs beside the host, which it stops at its end.  */
static void *
visit(void *look)
{
    fault_t fault;
    if (ipc_client_open(dir, "visitor", PATIENCE_MS, &client, &fault) == OK)
        ((void (*)(void)) look)();
    ipc_client_close(&client);
    host_stop(host);
    return NULL;
}

static void
run_visited(const actor_class_t *const *classes, void (*look)(void))
{
    static const settings_t settings = {
        .process_restart_limit = 7, .tap_stuck_ms = 1234, .stream_history = 1000};
    host_options_t options = {
        .name = "agent", .run_dir = dir, .log = quiet, .settings = &settings};
    host = host_new(&options);
    for (; *classes; classes++)
        host_add(host, *classes);
    fault_t fault = {0};
    assert_int_equal(host_start(host, &fault), OK);
    pthread_t visitor;
    assert_int_equal(pthread_create(&visitor, NULL, visit, (void *) look), 0);
    assert_int_equal(host_run(host, &fault), OK);
    pthread_join(visitor, NULL);
    host_destroy(&host);
}

/*  --------------------------------------------------------------------------- who is here  */

static struct {
    bool system, joined, run_dir, settings;
} seen;

static void
look_at_tree(void)
{
    const tree_t *tree = ask(MSG_tree_get, NULL);
    for (size_t i = 0; tree && i < tree->n_actors; i++) {
        const actor_info_t *actor = &tree->actors[i];
        seen.system |=
            strcmp(actor->name, "system") == 0 && strcmp(actor->kind, "built-in") == 0;
        seen.joined |= strcmp(actor->name, "ipc/visitor") == 0
                       && strcmp(actor->kind, "joined") == 0
                       && actor->pid == (uint64_t) getpid();
    }
    seen.run_dir = tree && strcmp(tree->run_dir, dir) == 0;
    seen.settings =
        tree && tree->restart_limit == 7 && tree->stuck_ms == 1234 && tree->history == 0;
}

static void
the_tree_names_actors_and_programs_that_joined(void **state)
{
    (void) state;
    run_visited((const actor_class_t *const[]){&system_actor, NULL}, look_at_tree);
    assert_true(seen.system);
    assert_true(seen.joined);
    assert_true(seen.run_dir);
}

/*  As `tap doctor` needs them. An agent has no history.  */
static void
the_tree_tells_the_limits_of_the_process(void **state)
{
    (void) state;
    run_visited((const actor_class_t *const[]){&system_actor, NULL}, look_at_tree);
    assert_true(seen.settings);
}

/*  ---------------------------------------------------------------------- the last messages  */

static char file[256];

static void
ask_for_a_dump(void)
{
    const flight_dumped_t *dumped = ask(MSG_flight_dump, NULL);
    if (dumped)
        snprintf(file, sizeof file, "%s", dumped->file);
}

static void
the_last_messages_are_written_on_request(void **state)
{
    (void) state;
    run_visited((const actor_class_t *const[]){&system_actor, NULL}, ask_for_a_dump);
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault = {0};
    if (flight_load(file, &arena, &story, &fault) != OK)
        fail_msg("%s", fault.text);
    assert_string_equal(story.head->role, "agent");
    assert_string_equal(story.head->actor, "");
    assert_string_equal(story.actors[0].name, "system");
    const flight_note_t *last = &story.actors[0].notes[story.actors[0].n - 1];
    assert_string_equal(last->type, "flight_dump");
    assert_string_equal(last->peer, "ipc/visitor");
    arena_release(&arena);
}

/*  -------------------------------------------------------------------------- who is busy  */

static sem_t door;
static bool seen_busy, seen_depth;

static err_t
wait_at_the_door(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    while (sem_wait(&door) != 0 && errno == EINTR)
        ;
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_parcel] = wait_at_the_door};
static const actor_class_t sink = {.name = "sink", .handlers = sink_handlers};

static err_t
send_five(void *state, ctx_t *ctx)
{
    (void) state;
    for (uint64_t number = 0; number < 5; number++)
        SEND(ctx, "sink", parcel, .number = number);
    return OK;
}

static const actor_class_t source = {
    .name = "source",
    .sends = (const edge_t[]){{"sink", MSG_parcel}, {0}},
    .start = send_five,
};

/*  Looks until it has been busy for a while, which takes two looks.  */
static void
look_at_the_busy(void)
{
    for (int i = 0; i < 10000 && !seen_busy; i++) {
        const stats_t *stats = ask(MSG_stats_get, NULL);
        for (size_t j = 0; stats && j < stats->n_actors; j++) {
            const actor_stats_t *actor = &stats->actors[j];
            if (strcmp(actor->name, "sink") != 0)
                continue;
            seen_depth = actor->depth == 5;
            seen_busy = actor->busy_with && strcmp(actor->busy_with, "parcel") == 0
                        && actor->busy_ms > 0;
        }
    }
    for (int i = 0; i < 5; i++)
        sem_post(&door);
}

static void
stats_tell_what_an_actor_is_busy_with_and_what_waits_for_it(void **state)
{
    (void) state;
    sem_init(&door, 0, 0);
    run_visited((const actor_class_t *const[]){&system_actor, &sink, &source, NULL},
                look_at_the_busy);
    assert_true(seen_busy);
    assert_true(seen_depth);
    sem_destroy(&door);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_tree_names_actors_and_programs_that_joined),
        EACH(the_tree_tells_the_limits_of_the_process),
        EACH(the_last_messages_are_written_on_request),
        EACH(stats_tell_what_an_actor_is_busy_with_and_what_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
