/*  What is found out about a database, and that the SQL which is told mends it.  */

#include "actors/server/postgres/check.h"
#include "tests/postgres/pg_role.h"

static pg_findings_t
findings_of(pg_place_t *place)
{
    fault_t fault = {0};
    pg_findings_t findings = {0};
    must(pg_check(place->pg, &place->settings, "waybill_test", &findings, &fault), &fault);
    return findings;
}

/*  What is wrong with it; NULL if nothing is.  */
static const pg_finding_t *
wrong_with(const pg_findings_t *findings, const char *thing)
{
    for (size_t i = 0; i < findings->n; i++)
        if (strcmp(findings->list[i].thing, thing) == 0
            && findings->list[i].level != FINDING_OK)
            return &findings->list[i];
    return NULL;
}

static void
print(const pg_findings_t *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        printf("%s %s: %s\n    %s\n", pg_finding_level_name(findings->list[i].level),
               findings->list[i].thing, findings->list[i].says,
               findings->list[i].fix != NULL ? findings->list[i].fix : "");
}

static const char tables[] = "CREATE TABLE t (id serial PRIMARY KEY, name text);"
                             "CREATE TABLE other (id int PRIMARY KEY)";

static void
finds_nothing_wrong_with_the_role_of_the_script(void **state)
{
    (void) state;
    role_place_t place;
    open_role_place(&place, tables);
    pg_findings_t findings = findings_of(&place.place);
    if (pg_findings_count(&findings, FINDING_PROBLEM) > 0)
        print(&findings);
    assert_int_equal(pg_findings_count(&findings, FINDING_PROBLEM), 0);
    assert_null(wrong_with(&findings, "tables"));
    pg_findings_release(&findings);
    close_role_place(&place);
}

/*  Each %s stands for the role.  */
static char *
with_role(const char *text, const char *role)
{
    buffer_t out = {0};
    const char *place = NULL;
    for (; (place = strstr(text, "%s")) != NULL; text = place + 2) {
        buffer_add(&out, text, (size_t) (place - text));
        buffer_add_text(&out, role);
    }
    buffer_add_text(&out, text);
    (void) buffer_text(&out);
    return (char *) out.data;
}

typedef struct breach {
    const char *sql;
    const char *thing;
    pg_finding_level_t level;
} breach_t;

static const breach_t breaches[] = {
    {"ALTER ROLE %s NOREPLICATION", "role %s", FINDING_PROBLEM},
    {"REVOKE USAGE ON SCHEMA waybill FROM %s", "schema waybill", FINDING_PROBLEM},
    {"REVOKE UPDATE ON waybill.versions FROM %s", "table waybill.versions", FINDING_PROBLEM},
    {"DROP TABLE waybill.columns", "table waybill.columns", FINDING_PROBLEM},
    {"REVOKE USAGE ON SCHEMA public FROM %s, PUBLIC", "schema public", FINDING_PROBLEM},
    {"REVOKE SELECT ON t FROM %s", "table t", FINDING_PROBLEM},
    {"REVOKE INSERT, DELETE ON t FROM %s", "table t", FINDING_WARNING},
    {"REVOKE USAGE ON SEQUENCE t_id_seq FROM %s", "table t", FINDING_WARNING},
    {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", "table t", FINDING_PROBLEM},
    {"DROP PUBLICATION waybill", "publication waybill", FINDING_PROBLEM},
    {"ALTER PUBLICATION waybill SET (publish = 'insert')", "publication waybill",
     FINDING_PROBLEM},
    {"ALTER PUBLICATION waybill SET TABLE other, t WHERE (id > 1)", "table t", FINDING_PROBLEM},
    {"ALTER PUBLICATION waybill SET TABLE other, t (id)", "table t", FINDING_PROBLEM},
    {"ALTER PUBLICATION waybill DROP TABLE t", "table t", FINDING_WARNING},
    {"ALTER TABLE t REPLICA IDENTITY NOTHING", "table t", FINDING_PROBLEM},
};

static void
break_and_mend(role_place_t *place, const breach_t *breach)
{
    char *sql = with_role(breach->sql, place->role);
    char *thing = with_role(breach->thing, place->role);
    database_run(place->place.database, sql);
    pg_findings_t findings = findings_of(&place->place);
    const pg_finding_t *found = wrong_with(&findings, thing);
    if (found == NULL || found->fix == NULL)
        fail_msg("%s: not found, or without a fix", sql);
    else if (found->level != breach->level)
        fail_msg("%s: %s", sql, pg_finding_level_name(found->level));
    else
        database_run(place->place.database, found->fix);
    pg_findings_release(&findings);

    findings = findings_of(&place->place);
    if (wrong_with(&findings, thing) != NULL)
        fail_msg("%s: it is not mended by what was told: %s", sql,
                 wrong_with(&findings, thing)->says);
    pg_findings_release(&findings);
    free(thing);
    free(sql);
}

static void
tells_what_is_missing_and_the_sql_that_mends_it(void **state)
{
    (void) state;
    role_place_t place;
    open_role_place(&place, tables);
    for (size_t i = 0; i < COUNT_OF(breaches); i++)
        break_and_mend(&place, &breaches[i]);
    close_role_place(&place);
}

static void
tells_how_tables_do_not_fit(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    exec(&place, "CREATE TABLE nokey (id int); CREATE PUBLICATION waybill FOR TABLE nokey;"
                 "CREATE TABLE later (id int)");
    pg_findings_t findings = findings_of(&place);
    assert_int_equal(wrong_with(&findings, "table nokey")->level, FINDING_PROBLEM);
    assert_int_equal(wrong_with(&findings, "table later")->level, FINDING_WARNING);
    assert_string_equal(wrong_with(&findings, "table later")->fix,
                        "ALTER TABLE \"public\".\"later\" ADD PRIMARY KEY (...);");
    assert_non_null(wrong_with(&findings, "tables"));
    pg_findings_release(&findings);
    close_place(&place);
}

static void
warns_of_a_slot_that_nobody_uses(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    char *slot = mem_format("waybill_%s", place.database->name);
    char *thing = mem_format("slot %s", slot);
    char *sql = mem_format("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", slot);
    pg_findings_t findings = findings_of(&place);
    assert_null(wrong_with(&findings, thing));
    pg_findings_release(&findings);
    database_run(place.database, sql);
    findings = findings_of(&place);
    assert_int_equal(wrong_with(&findings, thing)->level, FINDING_WARNING);
    pg_findings_release(&findings);
    free(slot);
    free(thing);
    free(sql);
    close_place(&place);
}

static void
sees_how_a_cluster_is_set_up(void **state)
{
    (void) state;
    static const char *const things[] = {
        "wal_level",       "max_replication_slots",  "max_wal_senders",
        "max_connections", "max_slot_wal_keep_size", "replication connection"};
    pg_place_t place;
    cluster_t *cluster = CLUSTER("--set", "wal_level=replica", "--set", "max_wal_senders=0",
                                 "--set", "max_replication_slots=1", "--set",
                                 "max_connections=8", "--set", "max_slot_wal_keep_size=-1");
    open_place(&place, cluster);
    exec(&place, "SELECT pg_create_physical_replication_slot('other')");
    pg_findings_t findings = findings_of(&place);
    for (size_t i = 0; i < COUNT_OF(things); i++)
        if (wrong_with(&findings, things[i]) == NULL)
            fail_msg("%s is not found", things[i]);
    assert_string_equal(wrong_with(&findings, "wal_level")->fix,
                        "ALTER SYSTEM SET wal_level = 'logical'; -- and restart the database");
    pg_findings_release(&findings);
    close_place(&place);
    cluster_destroy(&cluster);
}

static void
knows_a_standby(void **state)
{
    (void) state;
    fault_t fault = {0};
    pg_place_t place;
    cluster_t *primary = CLUSTER("--set", "max_connections=20");
    open_place(&place, primary);
    cluster_t *standby = CLUSTER("--copy-of", primary->dir, "--standby");
    char *address = cluster_address(standby, place.database->name);
    settings_t settings = place.settings;
    settings.server_db = address;
    pg_t *pg = pg_new(&settings, PG_SQL, "test");
    pg_findings_t findings = {0};
    must(pg_check(pg, &settings, "waybill_test", &findings, &fault), &fault);
    assert_int_equal(wrong_with(&findings, "primary")->level, FINDING_PROBLEM);
    pg_findings_release(&findings);
    pg_destroy(&pg);
    free(address);
    cluster_destroy(&standby);
    close_place(&place);
    cluster_destroy(&primary);
}

int
main(void)
{
    const struct CMUnitTest tests_of_check[] = {
        cmocka_unit_test(finds_nothing_wrong_with_the_role_of_the_script),
        cmocka_unit_test(tells_what_is_missing_and_the_sql_that_mends_it),
        cmocka_unit_test(tells_how_tables_do_not_fit),
        cmocka_unit_test(warns_of_a_slot_that_nobody_uses),
        cmocka_unit_test(sees_how_a_cluster_is_set_up),
        cmocka_unit_test(knows_a_standby),
    };
    return cmocka_run_group_tests(tests_of_check, NULL, NULL);
}
