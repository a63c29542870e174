/*  The change log: foreign writers are sealed, history is forgotten by whole transactions,
    and a client is read what is not its own, cut to size.  */

#include "actors/server/stretch.h"
#include "tests/unit/server_world.h"

static stream_source_t
source_of(world_t *world, size_t frame_bytes)
{
    return (stream_source_t){
        .db = world->db,
        .path = world->path,
        .settings = &world->settings,
        .epoch = "epoch-1",
        .frame_bytes = frame_bytes,
        .arena = &world->arena,
    };
}

/*  The stream of a client that stands there.  */
static stream_t *
stream_at(world_t *world, const stream_source_t *source, uint64_t lsn)
{
    stream_t *stream = stream_new(1, "me", "");
    must(world, stream_start(stream, source, lsn, &world->fault));
    return stream;
}

static stream_chunk_t
next(world_t *world, stream_t *stream, const stream_source_t *source)
{
    stream_chunk_t chunk = {0};
    must(world, stream_next(stream, source, true, &chunk, &world->fault));
    return chunk;
}

/*  One transaction of a client with one row, of about a kilobyte.  */
static void
write_as(world_t *world, const char *client_id, int number)
{
    char *id = arena_new(&world->arena, 16);
    buffer_t json = {0};
    (void) snprintf(id, 16, "c%d", number);
    buffer_add_format(&json, "{\"id\":\"%s\",\"title\":\"%01000d\"}", id, number);
    client_change_t made = change(world, "x todo insert", buffer_text(&json), NOW);
    made.id = id;
    submit_one(world, client_id, made);
    buffer_release(&json);
}

static void
makes_one_position_of_what_foreign_writers_left(void **state)
{
    world_t *world = *state;
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    plain_sql(world, "INSERT INTO todo (id) VALUES ('b')");
    seal(world);
    assert_int_equal(world->lsn, CHANGE_LOG_ORIGIN + 1);
    seal(world);
    assert_int_equal(world->lsn, CHANGE_LOG_ORIGIN + 1);
}

static void
seals_foreign_rows_before_a_clients(void **state)
{
    world_t *world = *state;
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    write_as(world, "one", 1);
    expect(world, "SELECT lsn - 0x20000000 FROM change_log ORDER BY seq", "1 2");
}

static void
keeps_epoch_and_position_when_prepared_again(void **state)
{
    world_t *world = *state;
    log_head_t head;
    write_as(world, "one", 1);
    must(world, schema_prepare(world->db, "", "epoch-2", &world->fault));
    must(world, change_log_head(world->db, &head, &world->fault));
    assert_string_equal(head.epoch, "epoch-1");
    assert_int_equal(head.lsn, CHANGE_LOG_ORIGIN + 1);
    assert_false(head.unsealed);
}

static void
forgets_whole_transactions_only(void **state)
{
    world_t *world = *state;
    uint64_t floor = 0;
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a'), ('b'), ('c')");
    write_as(world, "one", 1);
    write_as(world, "one", 2);
    must(world,
         change_log_prune(world->db, CHANGE_LOG_ORIGIN + 2, 1, &(pruned_t){0}, &world->fault));
    expect(world, "SELECT lsn - 0x20000000 FROM change_log", "2 3");
    must(world, change_log_floor(world->db, &floor, &world->fault));
    assert_int_equal(floor, CHANGE_LOG_ORIGIN + 1);
    must(world, change_log_prune(world->db, CHANGE_LOG_ORIGIN + 2, 100, &(pruned_t){0},
                                 &world->fault));
    expect(world, "SELECT lsn - 0x20000000 FROM change_log", "3");
}

static void
leaves_out_what_the_client_wrote_itself(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 100000);
    write_as(world, "me", 1);
    write_as(world, "you", 2);
    write_as(world, "me", 3);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    const stream_chunk_t chunk = next(world, stream, &source);
    assert_string_equal(chunk.phase, "catchup");
    assert_int_equal(chunk.n_changes, 1);
    assert_string_equal(chunk.changes[0].id, "c2");
    assert_int_equal(chunk.prev, CHANGE_LOG_ORIGIN);
    assert_int_equal(chunk.lsn, CHANGE_LOG_ORIGIN + 3);
    stream_destroy(&stream);
}

static void
moves_the_position_if_nothing_remains(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 100000);
    write_as(world, "me", 1);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    const stream_chunk_t chunk = next(world, stream, &source);
    assert_string_equal(chunk.phase, "moved");
    assert_int_equal(chunk.lsn, CHANGE_LOG_ORIGIN + 1);
    assert_string_equal(next(world, stream, &source).phase, "catchup_end");
    stream_destroy(&stream);
}

static void
cuts_between_transactions_where_it_can(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 2500);
    for (int i = 1; i <= 3; i++)
        write_as(world, "you", i);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    stream_chunk_t chunk = next(world, stream, &source);
    assert_int_equal(chunk.n_changes, 2);
    assert_true(chunk.last);
    assert_true(chunk.changes[0].last && chunk.changes[1].last);
    chunk = next(world, stream, &source);
    assert_int_equal(chunk.prev, CHANGE_LOG_ORIGIN + 2);
    assert_int_equal(chunk.lsn, CHANGE_LOG_ORIGIN + 3);
    assert_int_equal(chunk.chunk, 2);
    stream_destroy(&stream);
}

/*  The position stays where it was until the transaction has ended.  */
static void
splits_a_transaction_larger_than_a_frame(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 2500);
    uint64_t index = 0;
    plain_sql(world, "INSERT INTO todo (id, title) SELECT value, printf('%01000d', value)"
                     " FROM json_each('[1,2,3,4,5]')");
    seal(world);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    for (bool last = false; !last;) {
        const stream_chunk_t chunk = next(world, stream, &source);
        last = chunk.last;
        assert_int_equal(chunk.prev, CHANGE_LOG_ORIGIN);
        assert_int_equal(chunk.lsn, CHANGE_LOG_ORIGIN + last);
        for (size_t i = 0; i < chunk.n_changes; i++) {
            assert_int_equal(chunk.changes[i].index, index++);
            assert_int_equal(chunk.changes[i].last, index == 5);
        }
    }
    assert_int_equal(index, 5);
    const stream_chunk_t end = next(world, stream, &source);
    assert_string_equal(end.phase, "catchup_end");
    assert_int_equal(end.count, 5);
    stream_destroy(&stream);
}

static void
sends_one_transaction_a_chunk_when_live(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 100000);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    assert_string_equal(next(world, stream, &source).phase, "catchup_end");
    write_as(world, "you", 1);
    write_as(world, "you", 2);
    stream_chunk_t chunk = next(world, stream, &source);
    assert_string_equal(chunk.phase, "live");
    assert_int_equal(chunk.n_changes, 1);
    assert_int_equal(chunk.lsn, CHANGE_LOG_ORIGIN + 1);
    assert_int_equal(next(world, stream, &source).lsn, CHANGE_LOG_ORIGIN + 2);
    assert_string_equal(next(world, stream, &source).phase, "idle");
    stream_destroy(&stream);
}

static void
catches_up_again_if_far_behind(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 1000000);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    assert_string_equal(next(world, stream, &source).phase, "catchup_end");
    for (int i = 1; i <= 40; i++)
        write_as(world, "you", i);
    const stream_chunk_t chunk = next(world, stream, &source);
    assert_string_equal(chunk.phase, "catchup");
    assert_int_equal(chunk.n_changes, 40);
    assert_string_equal(next(world, stream, &source).phase, "catchup_end");
    stream_destroy(&stream);
}

static void
notices_history_cut_off_under_it(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 100000);
    stream_chunk_t chunk = {0};
    write_as(world, "you", 1);
    write_as(world, "you", 2);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    must(world, change_log_prune(world->db, CHANGE_LOG_ORIGIN + 1, 100, &(pruned_t){0},
                                 &world->fault));
    assert_int_equal(stream_next(stream, &source, true, &chunk, &world->fault), ERR_GAP);
    stream_destroy(&stream);
}

static void
notices_that_nothing_is_kept(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 100000);
    stream_chunk_t chunk = {0};
    write_as(world, "you", 1);
    stream_t *stream = stream_at(world, &source, CHANGE_LOG_ORIGIN);
    plain_sql(world, "DELETE FROM change_log");
    assert_int_equal(stream_next(stream, &source, true, &chunk, &world->fault), ERR_GAP);
    stream_destroy(&stream);
}

static void
sends_every_table_of_a_snapshot_in_pages_by_key(void **state)
{
    world_t *world = *state;
    const stream_source_t source = source_of(world, 2500);
    for (int i = 1; i <= 3; i++)
        write_as(world, "you", i);
    stream_t *stream = stream_at(world, &source, 0);
    assert_string_equal(next(world, stream, &source).phase, "snapshot_begin");
    write_as(world, "you", 4);
    stream_chunk_t page = next(world, stream, &source);
    assert_string_equal(page.table, "list");
    assert_true(page.final && page.n_changes == 0 && page.after.size == 0);
    page = next(world, stream, &source);
    assert_true(!page.final && page.n_changes == 2 && page.chunk == 1);
    page = next(world, stream, &source);
    assert_true(page.final && page.n_changes == 1 && page.chunk == 2);
    world->verdicts[0].row = page.after;
    expect_row(world, 0, "{\"id\":\"c2\"}");
    page = next(world, stream, &source);
    assert_string_equal(page.phase, "snapshot_end");
    assert_int_equal(page.lsn, CHANGE_LOG_ORIGIN + 3);
    page = next(world, stream, &source);
    assert_int_equal(page.prev, CHANGE_LOG_ORIGIN + 3);
    assert_int_equal(page.n_changes, 1);
    stream_destroy(&stream);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(makes_one_position_of_what_foreign_writers_left),
        WITH_WORLD(seals_foreign_rows_before_a_clients),
        WITH_WORLD(keeps_epoch_and_position_when_prepared_again),
        WITH_WORLD(forgets_whole_transactions_only),
        WITH_WORLD(leaves_out_what_the_client_wrote_itself),
        WITH_WORLD(moves_the_position_if_nothing_remains),
        WITH_WORLD(cuts_between_transactions_where_it_can),
        WITH_WORLD(splits_a_transaction_larger_than_a_frame),
        WITH_WORLD(sends_one_transaction_a_chunk_when_live),
        WITH_WORLD(catches_up_again_if_far_behind),
        WITH_WORLD(notices_history_cut_off_under_it),
        WITH_WORLD(notices_that_nothing_is_kept),
        WITH_WORLD(sends_every_table_of_a_snapshot_in_pages_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
