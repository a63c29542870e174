/*  The judge on PostgreSQL with several connections: a round of several clients, decided by an
    actor that does nothing else.  */

#include "actors/server/judge.h"
#include "tests/postgres/judge_world.h"

enum { CLIENTS = 4, EACH = 60 };

static const char *const names[CLIENTS] = {"anna", "bert", "carl", "dora"};

/*  What is to be decided, and what came of it.  */
static struct {
    judge_t *judge;
    client_changes_t requests[CLIENTS];
    verdict_t verdicts[CLIENTS][EACH];
    err_t err;
} round_of;

static err_t
start(void *state, ctx_t *ctx)
{
    fault_t fault = {0};
    (void) state;
    return postgres_judge.open(ctx, &round_of.judge, &fault) == OK
               ? OK
               : ctx_fail(ctx, "%s", fault.text);
}

static bool
go_on(void *arg, const judged_t *item, size_t answer_bytes)
{
    (void) arg;
    (void) item;
    (void) answer_bytes;
    return true;
}

/*  Verdicts live as long as the round.  */
static void
keep_words(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        for (size_t k = 0; k < EACH; k++) {
            verdict_t *verdict = &round_of.verdicts[i][k];
            verdict->verdict = verdict->verdict ? verdict_word(verdict->verdict) : "none";
        }
}

static err_t
on_client_changes(void *state, ctx_t *ctx, const void *body)
{
    judged_t items[CLIENTS];
    fault_t fault = {0};
    judge_round_t round = {.items = items, .n = CLIENTS, .may_go_on = go_on};
    (void) state;
    (void) body;
    for (size_t i = 0; i < CLIENTS; i++)
        items[i] = (judged_t){&round_of.requests[i], "", round_of.verdicts[i]};
    round_of.err = postgres_judge.decide(round_of.judge, ctx, &round, &fault);
    keep_words();
    REPLY(ctx, client_verdicts, .session = 1);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    (void) state;
    (void) ctx;
    postgres_judge.close(&round_of.judge);
}

static handler_fn *const handlers[MSG_COUNT] = {[MSG_client_changes] = on_client_changes};

static const actor_class_t alone = {
    .name = "client-changes",
    .summary = "decides one round",
    .state_size = 1,
    .start = start,
    .handlers = handlers,
    .stop = stop,
};

/*  ------------------------------------------------------------------------ one round  */

static int
make(void **state)
{
    memset(&round_of, 0, sizeof round_of);
    return make_judge_of(&alone, state);
}
#define WITH_ROUND(test) cmocka_unit_test_setup_teardown(test, make, remove_lists)

static void
decide(world_t *world, const client_change_t *(*changes_of)(unsigned client))
{
    for (unsigned i = 0; i < CLIENTS; i++)
        round_of.requests[i] = (client_changes_t){.session = i + 1,
                                                  .client_id = names[i],
                                                  .user = "",
                                                  .changes = (client_change_t *) changes_of(i),
                                                  .n_changes = EACH};
    (void) ASK(world, "client-changes", client_changes, client_verdicts, .session = 1,
               .client_id = "x", .user = "", .changes = NULL, .n_changes = 0);
    assert_int_equal(round_of.err, OK);
}

static client_change_t
lone(const char *words, const char *json, int64_t updated_at)
{
    char *kept_words = arena_text(&judged.arena, words);
    client_change_t made = change(kept_words, json, updated_at);
    made.txn = NULL;
    return made;
}

static size_t
count_of(size_t client, const char *verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < EACH; i++)
        n += strcmp(round_of.verdicts[client][i].verdict, verdict) == 0;
    return n;
}

static const client_change_t *
rows_of_its_own(unsigned client)
{
    client_change_t *changes = arena_new(&judged.arena, EACH * sizeof *changes);
    for (unsigned i = 0; i < EACH; i++) {
        char words[60];
        char json[60];
        (void) snprintf(words, sizeof words, "c%u-%u todo insert", client, i);
        (void) snprintf(json, sizeof json, "{\"id\":\"%u-%u\"}", client, i);
        changes[i] = lone(words, json, i + 1);
    }
    return changes;
}

static void
divides_a_round_among_its_connections(void **state)
{
    world_t *world = *state;
    decide(world, rows_of_its_own);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(count_of(i, "applied"), EACH);
    expect_text(world, "SELECT count(*) FROM todo", "240");
    expect_text(world,
                "SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                " 'waybill judge' AND datname = current_database()",
                "2");
}

/*  The same rows for everybody, half of them the other way round.  */
static const client_change_t *
rows_of_all(unsigned client)
{
    client_change_t *changes = arena_new(&judged.arena, EACH * sizeof *changes);
    for (unsigned i = 0; i < EACH; i++) {
        char words[60];
        char json[60];
        const unsigned row = (client % 2 == 0 ? i : EACH - 1 - i) / 2;
        (void) snprintf(words, sizeof words, "c%u-%u todo insert", client, i);
        (void) snprintf(json, sizeof json, "{\"id\":\"%u\",\"title\":\"%u\"}", row, client);
        changes[i] = lone(words, json, 1000 + client);
    }
    return changes;
}

static void
decides_what_its_connections_are_in_each_others_way_of(void **state)
{
    world_t *world = *state;
    decide(world, rows_of_all);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(count_of(i, "applied") + count_of(i, "merged"), EACH);
    expect_text(world, "SELECT count(*) FROM todo", "30");
    expect_text(world, "SELECT DISTINCT title FROM todo", "3");
    expect_text(world, "SELECT DISTINCT client_id FROM waybill.versions", "dora");
}

/*  Each of its own row, whose order tells.  */
static const client_change_t *
versions_of_one_row(unsigned client)
{
    client_change_t *changes = arena_new(&judged.arena, EACH * sizeof *changes);
    for (unsigned i = 0; i < EACH; i++) {
        char words[60];
        char json[60];
        (void) snprintf(words, sizeof words, "c%u-%u todo insert", client, i);
        (void) snprintf(json, sizeof json, "{\"id\":\"%u\",\"title\":\"%s\"}", client,
                        i % 7 == 2      ? "bad"
                        : i == EACH - 1 ? "last"
                                        : "good");
        changes[i] = lone(words, json, i + 1);
    }
    return changes;
}

static void
keeps_the_order_of_each_client(void **state)
{
    world_t *world = *state;
    decide(world, versions_of_one_row);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(count_of(i, "rejected"), (EACH + 3) / 7);
        assert_int_equal(count_of(i, "applied"), EACH - (EACH + 3) / 7);
    }
    expect_text(world, "SELECT count(*) FROM todo WHERE title = 'last'", "4");
}

/*  Ids that others have, too.  */
static const client_change_t *
rows_under_the_same_ids(unsigned client)
{
    client_change_t *changes = arena_new(&judged.arena, EACH * sizeof *changes);
    for (unsigned i = 0; i < EACH; i++) {
        char words[60];
        char json[60];
        (void) snprintf(words, sizeof words, "c%u todo insert", i);
        (void) snprintf(json, sizeof json, "{\"id\":\"%u-%u\"}", client, i);
        changes[i] = lone(words, json, i + 1);
    }
    return changes;
}

static void
takes_no_change_for_that_of_another_client(void **state)
{
    world_t *world = *state;
    decide(world, rows_under_the_same_ids);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(count_of(i, "applied"), EACH);
    expect_text(world, "SELECT count(*) FROM waybill.client_changes", "240");
}

/*  As after a client's name was changed, while the one it had still sends.  */
static const client_change_t *
rows_of_one_origin(unsigned client)
{
    client_change_t *changes = arena_new(&judged.arena, EACH * sizeof *changes);
    for (unsigned i = 0; i < EACH; i++) {
        char words[60];
        char json[60];
        (void) snprintf(words, sizeof words, "c%u todo insert", i);
        (void) snprintf(json, sizeof json, "{\"id\":\"%u\"}", i);
        changes[i] = lone(words, json, i + 1);
        changes[i].origin = client > 0 ? names[0] : NULL;
    }
    return changes;
}

static void
applies_a_change_once_under_whatever_name_it_comes(void **state)
{
    world_t *world = *state;
    run(world, "INSERT INTO waybill.clients (client_id, lsn, seen)"
               " VALUES ('anna', 0, 0), ('bert', 0, 0), ('carl', 0, 0), ('dora', 0, 0)");
    decide(world, rows_of_one_origin);
    size_t n = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(count_of(i, "applied") + count_of(i, "duplicate"), EACH);
        n += count_of(i, "applied");
    }
    assert_int_equal(n, EACH);
    expect_text(world, "SELECT count(*) FROM waybill.client_changes", "60");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROUND(divides_a_round_among_its_connections),
        WITH_ROUND(decides_what_its_connections_are_in_each_others_way_of),
        WITH_ROUND(keeps_the_order_of_each_client),
        WITH_ROUND(takes_no_change_for_that_of_another_client),
        WITH_ROUND(applies_a_change_once_under_whatever_name_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
