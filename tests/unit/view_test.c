/*  What users get who may not read everything: a replica is always what its user may see.  */

#include "actors/server/stream.h"
#include "tests/unit/server_world.h"

enum { USERS = 3, KEYS = 12, STEPS = 300, SEEDS = 12 };

static const char *const users[USERS] = {"ann", "bob", "eve"};

static table_settings_t note_settings;
static const table_settings_t usual = {
    .name = "note",
    .tables_policy = "row",
    .tables_read = "owner = :user_id OR shared = 1",
    .tables_write = "",
    .tables_check = "",
    .tables_server_only = "secret",
};

/*  What a client has made of what it was sent.  */
typedef struct replica {
    stream_t *stream;
    sqlite3 *rows;
    unsigned snapshots;
    unsigned sent; /* changes */
} replica_t;

typedef struct play {
    world_t *world;
    stream_source_t source;
    replica_t replicas[USERS];
    uint64_t chance;
    bool
        members; /* they decide as they are now: a row may have been unseen when it was there */
} play_t;

static play_t play;

static void
run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static int
make_play(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    note_settings = usual;
    plain_sql(world, "CREATE TABLE note (id TEXT PRIMARY KEY, owner TEXT, shared INTEGER,"
                     " title TEXT, secret TEXT);"
                     "CREATE TABLE member (id INTEGER PRIMARY KEY, note TEXT, user TEXT);");
    world->settings.tables = &note_settings;
    world->settings.n_tables = 1;
    follow_schema(world);
    play = (play_t){.world = world, .chance = 1};
    play.source = (stream_source_t){.db = world->db,
                                    .epoch = "epoch-1",
                                    .path = world->path,
                                    .settings = &world->settings,
                                    .frame_bytes = 500,
                                    .arena = &world->arena};
    return result;
}

static int
end_play(void **state)
{
    for (size_t i = 0; i < USERS; i++) {
        stream_destroy(&play.replicas[i].stream);
        sqlite3_close(play.replicas[i].rows);
    }
    return remove_world(state);
}

static void
start_replicas(uint64_t lsn)
{
    world_t *world = play.world;
    must(world, rights_open(world->db, world->catalog, &world->settings, &world->rights,
                            &world->fault));
    play.source.rights = world->rights;
    for (size_t i = 0; i < USERS; i++) {
        replica_t *replica = &play.replicas[i];
        replica->stream = stream_new(i + 1, users[i], users[i]);
        must(world, stream_start(replica->stream, &play.source, lsn, &world->fault));
        assert_int_equal(sqlite3_open(":memory:", &replica->rows), SQLITE_OK);
        run(replica->rows, "CREATE TABLE note (id PRIMARY KEY, owner, shared, title)");
    }
}

/*  ------------------------------------------------------------------------ a replica  */

static void
take_change(replica_t *replica, const server_change_t *change)
{
    static const char *const columns[] = {"id", "owner", "shared", "title"};
    const bool deletes = strcmp(change->operation, "delete") == 0;
    sqlite3_stmt *statement = NULL;
    value_t value;
    assert_false(row_find(change->data, "secret", &value));
    assert_int_equal(sqlite3_prepare_v2(replica->rows,
                                        deletes ? "DELETE FROM note WHERE id = ?1"
                                                : "REPLACE INTO note VALUES (?1, ?2, ?3, ?4)",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    for (int i = 0; i < (deletes ? 1 : 4); i++)
        if (row_find(change->data, columns[i], &value))
            assert_int_equal(bind_value(statement, i + 1, &value), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    if (deletes && !play.members && sqlite3_changes(replica->rows) != 1)
        fail_msg("it was told of a row that it never had");
    sqlite3_finalize(statement);
    replica->sent++;
}

/*  A page names no key but of a row that was sent.  */
static void
expect_known(const replica_t *replica, bytes_t key)
{
    value_t id;
    sqlite3_stmt *statement = NULL;
    assert_true(row_find(key, "id", &id));
    assert_int_equal(sqlite3_prepare_v2(replica->rows, "SELECT 1 FROM note WHERE id = ?1", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(bind_value(statement, 1, &id), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    sqlite3_finalize(statement);
}

/*  False: there is nothing for it now. A snapshot of what is not sealed yet has rows of which
    the log tells later: sealed, so that whatever is told can be held against what was had.  */
static bool
pull(replica_t *replica)
{
    world_t *world = play.world;
    stream_chunk_t chunk = {0};
    if (replica->stream->phase == STREAM_SNAPSHOT)
        seal(world);
    must(world, stream_next(replica->stream, &play.source, true, &chunk, &world->fault));
    if (strcmp(chunk.phase, "resync") == 0) {
        must(world, stream_start(replica->stream, &play.source, 0, &world->fault));
        return true;
    }
    if (strcmp(chunk.phase, "snapshot_begin") == 0) {
        run(replica->rows, "DELETE FROM note");
        replica->snapshots++;
    }
    if (chunk.after.size > 0 && strcmp(chunk.table, "note") == 0)
        expect_known(replica, chunk.after);
    for (size_t i = 0; i < chunk.n_changes; i++)
        if (strcmp(chunk.changes[i].table, "note") == 0)
            take_change(replica, &chunk.changes[i]);
    return strcmp(chunk.phase, "idle") != 0;
}

static void
pull_all(void)
{
    seal(play.world);
    for (size_t i = 0; i < USERS; i++)
        while (pull(&play.replicas[i]))
            ;
}

static const char *
text_of(sqlite3 *db, const char *sql, const char *user, char text[2000])
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    const int index = sqlite3_bind_parameter_index(statement, ":user_id");
    if (index != 0)
        sqlite3_bind_text(statement, index, user, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    (void) snprintf(text, 2000, "%s", column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

#define ROWS                                                                                   \
    "SELECT group_concat(line, ' ') FROM (SELECT id || ':' || ifnull(owner, '-') || ':'"       \
    " || ifnull(shared, '-') || ':' || ifnull(title, '-') AS line FROM note WHERE %s ORDER BY" \
    " id)"

static void
expect_equal(void)
{
    char sql[600];
    char expected[2000];
    char got[2000];
    for (size_t i = 0; i < USERS; i++) {
        (void) snprintf(sql, sizeof sql, ROWS, note_settings.tables_read);
        (void) text_of(play.world->other, sql, users[i], expected);
        (void) snprintf(sql, sizeof sql, ROWS, "1");
        (void) text_of(play.replicas[i].rows, sql, users[i], got);
        assert_string_equal(got, expected);
    }
}

static void
expect_rows(size_t user, const char *expected)
{
    char got[2000];
    assert_string_equal(text_of(play.replicas[user].rows,
                                "SELECT group_concat(id, ' ') FROM (SELECT id FROM note"
                                " ORDER BY id)",
                                "", got),
                        expected);
}

/*  --------------------------------------------------------------------------- promises  */

static void
sends_what_may_be_read_and_nothing_else(void **state)
{
    (void) state;
    plain_sql(play.world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's'),"
                          " ('b', 'bob', 0, 'x', 's'), ('c', 'bob', 1, 'x', 's')");
    start_replicas(0);
    pull_all();
    expect_rows(0, "a c");
    expect_rows(1, "b c");
    expect_rows(2, "c");
    plain_sql(play.world, "INSERT INTO note VALUES ('d', 'ann', 0, 'x', 's')");
    pull_all();
    expect_rows(0, "a c d");
    expect_rows(1, "b c");
}

static void
sends_a_row_that_leaves_the_view_as_a_delete_and_one_that_enters_as_an_insert(void **state)
{
    (void) state;
    start_replicas(CHANGE_LOG_ORIGIN);
    plain_sql(play.world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's')");
    pull_all();
    plain_sql(play.world, "UPDATE note SET owner = 'bob'");
    pull_all();
    expect_rows(0, "");
    expect_rows(1, "a");
    plain_sql(play.world, "UPDATE note SET owner = 'ann'");
    pull_all();
    expect_rows(0, "a");
    expect_rows(1, "");
}

static void
takes_a_row_away_that_was_replaced_by_one_out_of_view(void **state)
{
    (void) state;
    start_replicas(CHANGE_LOG_ORIGIN);
    plain_sql(play.world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's')");
    pull_all();
    plain_sql(play.world, "REPLACE INTO note VALUES ('a', 'bob', 0, 'x', 's')");
    pull_all();
    expect_rows(0, "");
    expect_rows(1, "a");
    assert_int_equal(play.replicas[2].sent, 0);
}

static void
tells_nothing_of_a_row_that_was_never_seen(void **state)
{
    (void) state;
    start_replicas(CHANGE_LOG_ORIGIN);
    plain_sql(play.world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's')");
    pull_all();
    plain_sql(play.world, "UPDATE note SET title = 'y'; UPDATE note SET id = 'b'");
    pull_all();
    plain_sql(play.world, "DELETE FROM note");
    pull_all();
    assert_int_equal(play.replicas[1].sent, 0);
    expect_rows(0, "");
}

static void
keeps_keys_of_unreadable_rows_out_of_snapshots(void **state)
{
    (void) state;
    plain_sql(play.world,
              "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59999)"
              " INSERT INTO note SELECT printf('%06d', i), iif(i % 9999 = 7, 'ann', 'bob'), 0,"
              " 'x', 's' FROM n");
    start_replicas(0);
    pull_all();
    expect_rows(0, "000007 010006 020005 030004 040003 050002");
    expect_rows(2, "");
    expect_equal();
}

static void
begins_anew_when_a_table_changes_that_reading_depends_on(void **state)
{
    (void) state;
    note_settings.tables_read =
        "owner = :user_id OR note.id IN (SELECT note FROM member WHERE user = :user_id)";
    start_replicas(CHANGE_LOG_ORIGIN);
    plain_sql(play.world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's'),"
                          " ('b', 'ann', 0, 'x', 's')");
    pull_all();
    assert_int_equal(play.replicas[1].snapshots, 0);
    plain_sql(play.world, "INSERT INTO member VALUES (1, 'a', 'bob')");
    pull_all();
    expect_rows(1, "a");
    assert_int_equal(play.replicas[1].snapshots, 1);
    plain_sql(play.world, "UPDATE note SET title = 'new'");
    pull_all();
    assert_int_equal(play.replicas[1].snapshots, 1);
    plain_sql(play.world, "DELETE FROM member");
    pull_all();
    expect_rows(1, "");
    expect_equal();
}

static void
tells_nothing_of_a_table_that_is_gone_with_its_rule(void **state)
{
    world_t *world = play.world;
    (void) state;
    start_replicas(CHANGE_LOG_ORIGIN);
    plain_sql(world, "INSERT INTO note VALUES ('a', 'ann', 0, 'x', 's'); DROP TABLE note");
    must(world, rights_follow(world->rights, &world->fault));
    pull_all();
    assert_int_equal(play.replicas[1].sent, 0);
}

static void
takes_a_snapshot_without_a_table_that_is_gone(void **state)
{
    (void) state;
    start_replicas(0);
    plain_sql(play.world, "DROP TABLE note");
    pull_all();
    assert_int_equal(play.replicas[0].snapshots, 1);
    assert_int_equal(play.replicas[0].stream->phase, STREAM_LIVE);
}

/*  --------------------------------------------------------------------------- property  */

static uint64_t
draw(uint64_t n)
{
    play.chance = play.chance * 6364136223846793005u + 1442695040888963407u;
    return (play.chance >> 33) % n;
}

/*  ?1 is a key, ?2 a user, ?3 0 or 1. The last two change who is a member.  */
static const char *const writes[] = {
    "INSERT OR IGNORE INTO note VALUES ('k' || ?1, ?2, ?3, 't', 's')",
    "UPDATE note SET owner = ?2 WHERE id = 'k' || ?1",
    "UPDATE note SET shared = ?3, title = ?2 WHERE id = 'k' || ?1",
    "UPDATE note SET title = title || 'x' WHERE id <> 'k' || ?1 AND length(title) < 20",
    "DELETE FROM note WHERE id = 'k' || ?1",
    "UPDATE OR IGNORE note SET id = 'k' || ?3 WHERE id = 'k' || ?1",
    "UPDATE note SET secret = ?2 WHERE id = 'k' || ?1",
    "REPLACE INTO note VALUES ('k' || ?1, ?2, ?3, 'r', 's')",
    ("INSERT INTO note VALUES ('k' || ?1, ?2, ?3, 'u', 's') ON CONFLICT DO UPDATE"
     " SET owner = excluded.owner, shared = excluded.shared"),
    "INSERT INTO member (note, user) VALUES ('k' || ?1, ?2)",
    "DELETE FROM member WHERE note = 'k' || ?1",
};

static void
write_something(void)
{
    const size_t n = COUNT_OF(writes) - (play.members && draw(4) == 0 ? 0 : 2);
    sqlite3_stmt *statement = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(play.world->other, writes[draw(n)], -1, &statement, NULL),
        SQLITE_OK);
    const char *user = users[draw(USERS)];
    (void) sqlite3_bind_int(statement, 1, (int) draw(KEYS));
    (void) sqlite3_bind_text(statement, 2, user, -1, SQLITE_STATIC);
    (void) sqlite3_bind_int(statement, 3, (int) draw(2));
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/*  Writers and replicas at their own pace, snapshots while rows change; then quiet.  */
static void
play_at_random(void)
{
    for (int step = 0; step < STEPS; step++) {
        write_something();
        if (draw(3) == 0)
            seal(play.world);
        replica_t *replica = &play.replicas[draw(USERS)];
        for (uint64_t pulls = draw(4); pulls > 0; pulls--)
            (void) pull(replica);
        if (draw(40) == 0)
            must(play.world,
                 stream_start(replica->stream, &play.source, 0, &play.world->fault));
    }
    pull_all();
    expect_equal();
}

static void
leaves_each_replica_with_what_its_user_may_see(void **state)
{
    (void) state;
    start_replicas(CHANGE_LOG_ORIGIN);
    for (int i = 0; i < SEEDS; i++)
        play_at_random();
}

static void
leaves_each_replica_with_what_its_memberships_allow(void **state)
{
    (void) state;
    note_settings.tables_read = "owner = :user_id OR EXISTS (SELECT 1 FROM member"
                                " WHERE member.note = note.id AND member.user = :user_id)";
    play.members = true;
    start_replicas(CHANGE_LOG_ORIGIN);
    for (int i = 0; i < SEEDS; i++)
        play_at_random();
}

#define PLAYED(test) cmocka_unit_test_setup_teardown(test, make_play, end_play)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAYED(sends_what_may_be_read_and_nothing_else),
        PLAYED(sends_a_row_that_leaves_the_view_as_a_delete_and_one_that_enters_as_an_insert),
        PLAYED(takes_a_row_away_that_was_replaced_by_one_out_of_view),
        PLAYED(tells_nothing_of_a_row_that_was_never_seen),
        PLAYED(keeps_keys_of_unreadable_rows_out_of_snapshots),
        PLAYED(begins_anew_when_a_table_changes_that_reading_depends_on),
        PLAYED(tells_nothing_of_a_table_that_is_gone_with_its_rule),
        PLAYED(takes_a_snapshot_without_a_table_that_is_gone),
        PLAYED(leaves_each_replica_with_what_its_user_may_see),
        PLAYED(leaves_each_replica_with_what_its_memberships_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
