/*  What `tap doctor` finds, with answers made by hand.  */

#include "tools/tap/checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/*  A healthy process of two actors; each test spoils one thing.  */
typedef struct body {
    actor_info_t actors[2];
    link_info_t links[1];
    actor_stats_t earlier_actors[2], actors_now[2];
    type_stats_t types[1];
    metric_t metrics[3];
    dead_letter_t letters[3];
    tree_t tree;
    stats_t earlier, now;
    dead_letters_t dead;
    patient_t patient;
} body_t;

static const char *a_sends[] = {"ping b"};
static const char *b_takes[] = {"ping"};

static void
make(body_t *self)
{
    *self = (body_t){
        .actors = {{.name = "a",
                    .kind = "built-in",
                    .state = "ready",
                    .sends = a_sends,
                    .n_sends = 1},
                   {.name = "b",
                    .kind = "built-in",
                    .state = "ready",
                    .takes = b_takes,
                    .n_takes = 1}},
        .links = {{.from = "a", .to = "b", .sent = 5, .in_flight = 2, .window = 8}},
        .earlier_actors = {{.name = "a", .state = "ready"}, {.name = "b", .state = "ready"}},
        .actors_now = {{.name = "a", .state = "ready"}, {.name = "b", .state = "ready"}},
        .types = {{.type = "ping", .received = 5, .hash = schema_hash(MSG_ping)}},
        .metrics = {{.name = "wal_pages", .kind = "gauge", .value = 100},
                    {.name = "history_transactions", .kind = "gauge", .value = 100},
                    {.name = "changes{state=\"parked\"}", .kind = "gauge"}},
        .letters =
            {{.n = 1, .reason = "UNKNOWN", .type = "ping", .kind = "REQ", .to = "b"},
             {.n = 2, .reason = "NO_ROUTE", .type = "pong", .kind = "REP", .to = "ipc/x"},
             {.n = 3, .reason = "UNKNOWN", .type = "parcel", .kind = "CAST", .to = "b"}},
    };
    self->tree = (tree_t){.role = "agent",
                          .version = WAYBILL_VERSION,
                          .restart_limit = 5,
                          .stuck_ms = 10000,
                          .history = 1000000,
                          .actors = self->actors,
                          .n_actors = 2,
                          .links = self->links,
                          .n_links = 1};
    self->earlier = (stats_t){.actors = self->earlier_actors, .n_actors = 2};
    self->now = (stats_t){.time = 1000,
                          .actors = self->actors_now,
                          .n_actors = 2,
                          .types = self->types,
                          .n_types = 1,
                          .metrics = self->metrics,
                          .n_metrics = 3};
    self->dead = (dead_letters_t){.letters = self->letters};
    self->patient = (patient_t){&self->tree, &self->earlier, &self->now, &self->dead};
}

static void
assert_none(const body_t *body)
{
    findings_t findings = checks_run(&body->patient);
    if (findings.n > 0)
        fail_msg("%s: %s", findings.items[0].check, findings.items[0].what);
    findings_release(&findings);
}

/*  Exactly one, which says that.  */
static void
assert_found(const body_t *body, const char *check, bool serious, const char *what)
{
    findings_t findings = checks_run(&body->patient);
    assert_int_equal(findings.n, 1);
    assert_string_equal(findings.items[0].check, check);
    assert_int_equal(findings.items[0].serious, serious);
    assert_int_equal(findings_serious(&findings), serious);
    if (!strstr(findings.items[0].what, what))
        fail_msg("\"%s\" is not in \"%s\"", what, findings.items[0].what);
    assert_true(strlen(findings.items[0].remedy) > 10);
    findings_release(&findings);
}

static void
finds_nothing_in_a_healthy_process(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    assert_none(&body);
}

static void
finds_who_keeps_messages_for_want_of_credit_if_that_lasts(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors_now[0].parked = 3;
    body.actors_now[0].parked_on = "b";
    assert_none(&body); /* it was not so before */
    body.earlier_actors[0].parked = 1;
    assert_found(&body, "parked", true, "a keeps 3 messages for want of credit of b");
}

static void
finds_actors_that_wait_for_each_other(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors_now[0].parked = body.actors_now[1].parked = 1;
    body.actors_now[0].parked_on = "b";
    body.actors_now[1].parked_on = "a";
    assert_found(&body, "cycles", true, "a → b → a");
}

static void
finds_links_without_credit(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.links[0].in_flight = 8;
    body.links[0].waiting = 4;
    assert_found(&body, "credit", true, "a → b has no credit: 8 under way, 4 wait");
}

static void
finds_what_nobody_takes(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors[1].n_takes = 0;
    assert_found(&body, "types", true, "a sends ping to b, which does not take it");
    body.tree.n_actors = 1; /* b is in the other program */
    assert_none(&body);
}

static void
counts_dead_letters_by_reason(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.dead.n_letters = 3;
    findings_t findings = checks_run(&body.patient);
    assert_int_equal(findings.n, 2);
    assert_string_equal(findings.items[0].what, "2 for UNKNOWN, the first number 1: ping to b");
    assert_true(findings.items[0].serious);
    assert_string_equal(findings.items[1].what,
                        "1 for NO_ROUTE, the first number 2: pong to ipc/x");
    assert_false(findings.items[1].serious);
    findings_release(&findings);
}

static void
finds_schemas_and_versions_that_differ(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.types[0].hash ^= 1;
    assert_found(&body, "schemas", true, "ping has the hash");
    make(&body);
    body.tree.version = "0.0.1";
    assert_found(&body, "schemas", true, "version 0.0.1");
}

static void
finds_actors_that_failed(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors[0].state = "backoff";
    body.actors[0].reason = "the disk is full";
    assert_found(&body, "actors", true, "a: backoff, the disk is full");
}

static void
finds_actors_near_their_restart_limit(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors_now[1].restarts = body.earlier_actors[1].restarts = 1;
    assert_found(&body, "restarts", false, "b was restarted 1 times");
    body.earlier_actors[1].restarts = 0;
    assert_found(&body, "restarts", true, "just now");
    body.actors_now[1].restarts = body.earlier_actors[1].restarts = 4;
    assert_found(&body, "restarts", true, "4 times");
    body.tree.restart_limit = 20;
    assert_found(&body, "restarts", false, "4 times");
}

static void
finds_handlers_that_do_not_end(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors_now[1].busy_with = "ping";
    body.actors_now[1].busy_ms = 9999;
    assert_none(&body);
    body.actors_now[1].busy_ms = 61000;
    assert_found(&body, "stuck", true, "b has been in ping for 61 s");
    body.tree.stuck_ms = 120000;
    assert_none(&body);
}

static void
finds_records_that_the_tap_lost(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.actors_now[0].tap_lost = 7;
    assert_found(&body, "tap", false, "7 records of a");
}

static void
finds_files_that_grow(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.metrics[0].value = 60000;
    assert_found(&body, "files", true, "the write-ahead log has 60,000 pages");
    make(&body);
    body.metrics[1].value = 950000;
    assert_found(&body, "files", false, "the history keeps 950,000 transactions, of 1,000,000");
    body.tree.history = 0; /* an agent keeps none */
    assert_none(&body);
    body.tree.history = 1000;
    body.metrics[1].value = 900;
    assert_found(&body, "files", false, "the history keeps 900 transactions, of 1,000");
}

static void
finds_changes_that_wait_for_a_person(void **state)
{
    (void) state;
    body_t body;
    make(&body);
    body.metrics[2].value = 2;
    assert_found(&body, "changes", true, "2 changes wait for a person");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing_in_a_healthy_process),
        cmocka_unit_test(finds_who_keeps_messages_for_want_of_credit_if_that_lasts),
        cmocka_unit_test(finds_actors_that_wait_for_each_other),
        cmocka_unit_test(finds_links_without_credit),
        cmocka_unit_test(finds_what_nobody_takes),
        cmocka_unit_test(counts_dead_letters_by_reason),
        cmocka_unit_test(finds_schemas_and_versions_that_differ),
        cmocka_unit_test(finds_actors_that_failed),
        cmocka_unit_test(finds_actors_near_their_restart_limit),
        cmocka_unit_test(finds_handlers_that_do_not_end),
        cmocka_unit_test(finds_records_that_the_tap_lost),
        cmocka_unit_test(finds_files_that_grow),
        cmocka_unit_test(finds_changes_that_wait_for_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
