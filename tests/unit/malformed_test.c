/*  What the server must not send: nothing of the stretch is written, the position stays, and
    the reason says which change it was.  */

#include "tests/unit/agent_sim.h"

#define ROW "{\"id\": \"a\", \"title\": \"Tea\"}"

/*  Where a field is NULL, it is right. The bad change comes between two good ones.  */
typedef struct malformed {
    const char *phase, *epoch, *table, *operation, *row;
    const char *reason; /* a part of it */
} malformed_t;

static const malformed_t cases[] = {
    /* what a stretch is */
    {.phase = "", .reason = "does not belong"},
    {.phase = "LIVE", .reason = "does not belong"},
    {.phase = "live ", .reason = "does not belong"},
    {.phase = "idle", .reason = "does not belong"},
    {.phase = "snapshot", .reason = "does not belong"},
    {.phase = "snapshot_end", .reason = "does not belong"},
    {.phase = "catchup_end", .reason = "does not belong"},
    {.phase = "resync", .reason = "does not belong"},
    {.epoch = "", .reason = "does not belong"},
    {.epoch = "f", .reason = "does not belong"},
    {.epoch = "E", .reason = "does not belong"},
    {.epoch = "e ", .reason = "does not belong"},
    /* table */
    {.table = "", .reason = "change 1: there is no table"},
    {.table = "nope", .reason = "change 1: there is no table"},
    {.table = "TODO", .reason = "change 1: there is no table"},
    {.table = "todo ", .reason = "change 1: there is no table"},
    {.table = "main.todo", .reason = "change 1: there is no table"},
    {.table = "\"todo\"", .reason = "change 1: there is no table"},
    {.table = "todo; DROP TABLE todo", .reason = "change 1: there is no table"},
    {.table = "todo--", .reason = "change 1: there is no table"},
    {.table = "a_view", .reason = "change 1: there is no table"},
    {.table = "sqlite_schema", .reason = "change 1: there is no table"},
    {.table = "sqlite_master", .reason = "change 1: there is no table"},
    {.table = "local_changes", .reason = "change 1: there is no table"},
    {.table = "sync_state", .reason = "change 1: there is no table"},
    {.table = "waybill_held", .reason = "change 1: there is no table"},
    {.table = "waybill_guard", .reason = "change 1: there is no table"},
    {.table = "waybill_staged", .reason = "change 1: there is no table"},
    {.table = "keyless", .reason = "change 1: table keyless"},
    /* operation */
    {.operation = "", .reason = "change 1: table todo: operation"},
    {.operation = "upsert", .reason = "change 1: table todo: operation"},
    {.operation = "INSERT", .reason = "change 1: table todo: operation"},
    {.operation = "insert ", .reason = "change 1: table todo: operation"},
    {.operation = "replace", .reason = "change 1: table todo: operation"},
    {.operation = "truncate", .reason = "change 1: table todo: operation"},
    {.operation = "1", .reason = "change 1: table todo: operation"},
    /* rows */
    {.row = "{}", .reason = "change 1: table todo"},
    {.row = "{\"title\": \"Tea\"}", .reason = "change 1: table todo: column id"},
    {.row = "{\"id\": null}", .reason = "change 1: table todo"},
    {.row = "{\"id\": [\"a\"]}", .reason = "change 1: table todo"},
    {.row = "{\"id\": {\"a\": 1}}", .reason = "change 1: table todo"},
    {.row = "{\"id\": \"a\", \"title\": [1]}", .reason = "change 1: table todo"},
    {.row = "{\"id\": \"a\", \"title\": {\"x\": 1}}", .reason = "change 1: table todo"},
    {.row = "{\"id\": \"a\", \"colour\": 1}", .reason = "column \"colour\""},
    {.row = "{\"id\": \"a\", \"rowid\": 1}", .reason = "column \"rowid\""},
    {.row = "{\"id\": \"a\", \"TITLE\": 1}", .reason = "column \"TITLE\""},
    {.row = "{\"id\": \"a\", \"\": 1}", .reason = "column \"\""},
    {.row = "{\"id\": \"a\", \"title = 1 --\": 1}", .reason = "column \"title = 1 --\""},
    {.operation = "update", .row = "{\"title\": \"Tea\"}", .reason = "column id"},
    {.operation = "update", .row = "{\"id\": \"a\", \"colour\": 1}", .reason = "colour"},
    {.operation = "delete", .row = "{}", .reason = "change 1: table todo"},
    {.operation = "delete", .row = "{\"title\": \"Tea\"}", .reason = "column id"},
    {.operation = "delete", .row = "{\"id\": null}", .reason = "change 1: table todo"},
};

static const char *
either(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

static const changes_applied_t *
send_malformed(world_t *world, const malformed_t *malformed)
{
    server_change_t changes[] = {
        server_change(world, "insert", 11, "{\"id\": \"first\"}"),
        server_change(world, either(malformed->operation, "insert"), 11,
                      either(malformed->row, ROW)),
        server_change(world, "insert", 11, "{\"id\": \"last\"}"),
    };
    changes[1].table = either(malformed->table, "todo");
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        changes[i].index = i;
    return ASK(world, "lsn-manager", server_changes, changes_applied,
               .phase = either(malformed->phase, "live"),
               .epoch = either(malformed->epoch, "e"), .prev = 10, .lsn = 11, .last = true,
               .changes = changes, .n_changes = COUNT_OF(changes));
}

/*  As a connection does that begins anew.  */
static void
connect_anew(world_t *world)
{
    (void) ASK(world, "lsn-manager", sync_request, sync_response);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e");
}

static void
nothing_of_a_malformed_stretch_is_applied(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE keyless (id TEXT, title TEXT)");
    run_sql(world, "CREATE VIEW a_view AS SELECT 'a' AS id, 'Tea' AS title");
    start_with_todo(world);
    begin_history(world);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const changes_applied_t *applied = send_malformed(world, &cases[i]);
        if (strcmp(applied->outcome, "refused") != 0 || applied->reason == NULL
            || strstr(applied->reason, cases[i].reason) == NULL)
            fail_msg("case %zu: %s: %s", i, applied->outcome,
                     applied->reason ? applied->reason : "no reason");
        assert_string_equal(text_of(world, "SELECT epoch || lsn FROM sync_state"), "e10");
        assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
        assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "0");
        connect_anew(world);
    }
    assert_string_equal(apply(world, "insert", 11, ROW), "applied");
}

static void
a_stretch_without_changes_moves_the_position(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    const changes_applied_t *applied =
        ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
            .epoch = "e", .prev = 10, .lsn = 11, .last = true);
    assert_string_equal(applied->outcome, "applied");
    assert_int_equal(applied->lsn, 11);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(nothing_of_a_malformed_stretch_is_applied),
        IN_WORLD(a_stretch_without_changes_moves_the_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
