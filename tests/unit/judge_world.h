/*  judge_world - a server in the simulator that judges what clients send, whatever its database
    is, and short ways to say what they send.  */

#pragma once

#include "schemas/codec.h"
#include "tests/unit/server_sim.h"

enum { BATCH = 8, LATER = 1000000 };

/*  Of the test that runs.  */
static struct {
    const char *user; /* empty: users are not known */
    arena_t arena;
    buffer_t seen;
    verdict_t verdicts[BATCH];
} judged;

static const char judge_sql[] =
    "CREATE TABLE IF NOT EXISTS list (id INTEGER PRIMARY KEY NOT NULL, name TEXT UNIQUE);"
    "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL,"
    " title TEXT CHECK (title <> 'bad'),"
    " list INTEGER REFERENCES list (id) DEFERRABLE INITIALLY DEFERRED);";

static inline int
make_judge(void **state)
{
    schema_sql = judge_sql;
    const int result = make_world(state);
    judged.user = "";
    start_server(*state);
    return result;
}

static inline int
remove_judge(void **state)
{
    const int result = remove_world(state);
    arena_release(&judged.arena);
    buffer_release(&judged.seen);
    return result;
}
#define WITH_JUDGE(test) cmocka_unit_test_setup_teardown(test, make_judge, remove_judge)

/*  With the settings as they are now.  */
static inline void
restart_server(world_t *world)
{
    sim_crash(world->sim, world->node);
    start_server(world);
}

/*  The server has seen what others wrote, and the history has it.  */
static inline void
seal(world_t *world)
{
    backend_follow(&world->backend);
    sim_run_ms(world->sim, 10);
}

/*  A table that others made, which the server knows.  */
static inline void
make_table(world_t *world, const char *sql)
{
    foreign_sql(world, sql);
    restart_server(world);
    sim_run_ms(world->sim, 1000); /* it looks for new tables now and then */
}

/*  A trigger (backend.h).  */
static inline void
make_trigger(world_t *world, const char *moment, const char *condition, const char *body)
{
    static unsigned count;
    char name[24];
    (void) snprintf(name, sizeof name, "trigger_%u", ++count);
    char *sql = trigger(name, moment, condition, body);
    foreign_sql(world, sql);
    free(sql);
}

/*  All rows that are there were written at that time, as far as the server knows.  */
static inline void
age_rows(world_t *world, int64_t updated_at)
{
    char *sql =
        mem_format("UPDATE waybill_versions SET updated_at = %lld", (long long) updated_at);
    seal(world);
    foreign_sql(world, sql);
    free(sql);
}

/*  The first column of every row, with blanks between.  */
static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    buffer_clear(&judged.seen);
    backend_rows(&world->backend, sql, &judged.seen);
    assert_string_equal(buffer_text(&judged.seen), expected);
}

/*  ------------------------------------------------------------------ what clients send  */

static inline bytes_t
row_of(const char *json)
{
    buffer_t row = {0};
    fault_t fault = {0};
    if (json_to_msgpack(json, strlen(json), &row, &fault) != OK)
        fail_msg("%s", fault.text);
    const bytes_t kept = arena_bytes(&judged.arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}

/*  words: "ID TABLE OPERATION", made at that time.  */
static inline client_change_t
change(const char *words, const char *json, int64_t updated_at)
{
    char *text = arena_text(&judged.arena, words);
    char *rest = NULL;
    client_change_t made = {.txn = "t", .updated_at = updated_at, .data = row_of(json)};
    made.id = strtok_r(text, " ", &rest);
    made.table = strtok_r(NULL, " ", &rest);
    made.operation = strtok_r(NULL, " ", &rest);
    return made;
}

static inline const char *
kept_text(const char *text)
{
    return text ? arena_text(&judged.arena, text) : NULL;
}

static inline verdict_t
kept_verdict(const verdict_t *verdict)
{
    verdict_t kept = *verdict;
    kept.id = kept_text(verdict->id);
    kept.verdict = kept_text(verdict->verdict);
    kept.code = kept_text(verdict->code);
    kept.message = kept_text(verdict->message);
    kept.first = kept_text(verdict->first);
    kept.row = arena_bytes(&judged.arena, verdict->row);
    return kept;
}

/*  One request of a client.  */
static inline void
submit(world_t *world, const char *client_id, const client_change_t *changes, size_t n)
{
    assert_true(n <= BATCH);
    const client_verdicts_t *verdicts =
        ASK(world, "client-changes", client_changes, client_verdicts,
            .session = ++world->sessions, .client_id = client_id, .user = judged.user,
            .changes = (client_change_t *) changes, .n_changes = n);
    assert_int_equal(verdicts->n_verdicts, n);
    for (size_t i = 0; i < n; i++)
        judged.verdicts[i] = kept_verdict(&verdicts->verdicts[i]);
}

static inline void
submit_one(world_t *world, const char *client_id, client_change_t only)
{
    submit(world, client_id, &only, 1);
}

/*  "applied", "rejected RULE_VIOLATION", "duplicate of merged", ...  */
static inline void
expect_verdict(size_t index, const char *expected)
{
    const verdict_t *verdict = &judged.verdicts[index];
    buffer_clear(&judged.seen);
    buffer_add_text(&judged.seen, verdict->verdict);
    if (verdict->first && verdict->first[0])
        buffer_add_format(&judged.seen, " of %s", verdict->first);
    if (verdict->code && verdict->code[0])
        buffer_add_format(&judged.seen, " %s", verdict->code);
    if (strcmp(buffer_text(&judged.seen), expected) != 0)
        fail_msg("%s (%s) instead of %s", buffer_text(&judged.seen),
                 verdict->message ? verdict->message : "", expected);
}

static inline void
expect_message(const char *part)
{
    const char *message = judged.verdicts[0].message;
    if (message == NULL || strstr(message, part) == NULL)
        fail_msg("no \"%s\" in \"%s\"", part, message ? message : "");
}

/*  The row given with a verdict as JSON; "" if there is none.  */
static inline void
expect_row(size_t index, const char *expected)
{
    fault_t fault = {0};
    const bytes_t row = judged.verdicts[index].row;
    buffer_clear(&judged.seen);
    if (row.size > 0 && msgpack_to_json(row, &judged.seen) != OK)
        fail_msg("%s", fault.text);
    assert_string_equal(buffer_text(&judged.seen), expected);
}
