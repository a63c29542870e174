/*  The validator: what may be changed, and who wins.  */

#include "actors/server/embedded/validator.h"
#include "tests/unit/server_world.h"

/*  How todo "a" stands before the change, which is made at 100.  */
static const char *const standings[STANDING_COUNT] = {
    [ROW_OLDER] = "INSERT INTO todo (id) VALUES ('a');"
                  "UPDATE waybill_versions SET updated_at = 50",
    [ROW_NEWER] = "INSERT INTO todo (id) VALUES ('a');"
                  "UPDATE waybill_versions SET updated_at = 150",
    [GONE_BEFORE] = "INSERT INTO todo (id) VALUES ('a'); DELETE FROM todo;"
                    "UPDATE waybill_versions SET updated_at = 50",
    [GONE_SINCE] = "INSERT INTO todo (id) VALUES ('a'); DELETE FROM todo;"
                   "UPDATE waybill_versions SET updated_at = 150",
    [ROW_NEVER] = "SELECT 1",
};

static err_t
check(world_t *world, client_change_t made, validated_t *validated)
{
    const work_t work = work_of(world, "client");
    const err_t err = decisions_check_fields(&made, &world->fault);
    if (err != OK)
        return err;
    return validator_check(&work, &made, validated, &world->fault);
}

static err_t
check_standing(world_t *world, const char *operation, standing_t standing)
{
    validated_t validated = {0};
    client_change_t made = change(world, "c1 todo insert", "{\"id\":\"a\"}", 100);
    made.operation = operation;
    plain_sql(world, "DELETE FROM todo; DELETE FROM waybill_versions");
    plain_sql(world, standings[standing]);
    const err_t err = check(world, made, &validated);
    if (err == OK)
        assert_int_equal(validated.decision, decisions_decide(validated.operation, standing));
    return err;
}

static void
finds_out_how_the_row_stands(void **state)
{
    static const char *const operations[] = {"insert", "update", "delete"};
    for (operation_t operation = 0; operation < OPERATION_COUNT; operation++) {
        for (standing_t standing = 0; standing < STANDING_COUNT; standing++) {
            const bool found = decisions_decide(operation, standing) != DECISION_NOT_FOUND;
            assert_int_equal(check_standing(*state, operations[operation], standing),
                             found ? OK : ERR_ENTITY_NOT_FOUND);
        }
    }
}

static void
lets_nothing_newer_be_overwritten(void **state)
{
    (void) state;
    for (operation_t operation = 0; operation < OPERATION_COUNT; operation++) {
        assert_int_equal(decisions_decide(operation, ROW_OLDER), DECISION_APPLY);
        assert_int_equal(decisions_decide(operation, ROW_NEWER), DECISION_MERGE);
        assert_int_equal(decisions_decide(operation, GONE_SINCE), DECISION_MERGE);
    }
}

static void
wants_a_row_to_update_or_delete(void **state)
{
    (void) state;
    assert_int_equal(decisions_decide(OPERATION_INSERT, ROW_NEVER), DECISION_APPLY);
    assert_int_equal(decisions_decide(OPERATION_UPDATE, ROW_NEVER), DECISION_NOT_FOUND);
    assert_int_equal(decisions_decide(OPERATION_DELETE, ROW_NEVER), DECISION_NOT_FOUND);
    assert_int_equal(decisions_decide(OPERATION_INSERT, GONE_BEFORE), DECISION_APPLY);
    assert_int_equal(decisions_decide(OPERATION_UPDATE, GONE_BEFORE), DECISION_NOT_FOUND);
    assert_int_equal(decisions_decide(OPERATION_DELETE, GONE_BEFORE), DECISION_MERGE);
}

static void
refuses_what_does_not_fit_and_names_the_field(void **state)
{
    static const struct {
        const char *words, *json, *named;
        int64_t updated_at;
    } cases[] = {
        {"c todo replace", "{\"id\":\"a\"}", "operation", 1},
        {"c nothing insert", "{\"id\":\"a\"}", "table", 1},
        {"c waybill_head insert", "{\"one\":1}", "table", 1},
        {"c sqlite_schema insert", "{\"name\":\"a\"}", "table", 1},
        {"c todo insert", "{\"id\":\"a\",\"colour\":1}", "colour", 1},
        {"c todo insert", "{\"title\":\"a\"}", "id", 1},
        {"c todo insert", "{\"id\":null}", "id", 1},
        {"c todo insert", "{\"id\":\"a\"}", "updated_at", 0},
    };
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        validated_t validated = {0};
        client_change_t made =
            change(world, cases[i].words, cases[i].json, cases[i].updated_at);
        assert_int_equal(check(world, made, &validated), ERR_INVALID_CHANGE);
        assert_non_null(strstr(world->fault.text, cases[i].named));
    }
}

static void
does_not_believe_a_clock_far_ahead(void **state)
{
    world_t *world = *state;
    validated_t validated = {0};
    int64_t allowed = NOW + defaults.limits_ahead_ms;
    must(world,
         check(world, change(world, "c todo insert", "{\"id\":\"a\"}", allowed), &validated));
    assert_int_equal(validated.updated_at, allowed);
    must(world, check(world, change(world, "c todo insert", "{\"id\":\"a\"}", allowed + 1),
                      &validated));
    assert_int_equal(validated.updated_at, NOW);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_out_how_the_row_stands, make_world, remove_world),
        cmocka_unit_test(lets_nothing_newer_be_overwritten),
        cmocka_unit_test(wants_a_row_to_update_or_delete),
        cmocka_unit_test_setup_teardown(refuses_what_does_not_fit_and_names_the_field,
                                        make_world, remove_world),
        cmocka_unit_test_setup_teardown(does_not_believe_a_clock_far_ahead, make_world,
                                        remove_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
