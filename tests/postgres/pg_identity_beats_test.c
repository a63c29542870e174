/*  What several servers have of the identity of their database: they agree at the start, may
   have few rights, and beat.  */

#include "tests/postgres/identity_world.h"

#include <poll.h>
#include <pthread.h>

/*  ---------------------------------------------------------- at the same time  */

static void *
start_server(void *arg)
{
    server_t *self = arg;
    err_t err = pg_ready(self->place.pg, &self->fault);
    if (err == OK)
        err = identity_prepare(self->identity, self->place.pg, &self->fault);
    if (err == OK)
        err = identity_check(self->identity, self->place.pg, &self->known, &self->found,
                             &self->fault);
    if (err == OK)
        self->fault.text[0] = '\0';
    return NULL;
}

static void
servers_that_start_at_once_agree(void **state)
{
    (void) state;
    enum { SERVERS = 6 };
    pg_place_t place;
    server_t servers[SERVERS] = {0};
    pthread_t threads[SERVERS];
    char epochs[SERVERS][UUID_TEXT];
    open_place(&place, NULL);
    for (size_t i = 0; i < SERVERS; i++) {
        server_t *server = &servers[i];
        server->place = place;
        server->name = mem_format("%s_%zu", place.database->name, i);
        server->place.settings.postgres_name = server->name;
        server->place.pg = pg_new(&server->place.settings, PG_SQL, "test");
        server->identity = identity_of(&server->place.settings);
        (void) snprintf(epochs[i], sizeof(epochs[i]),
                        "%zu"
                        "1111111-1111-7111-8111-111111111111",
                        i);
        server->known = (identity_known_t){.system = {.id = "7", .timeline = 1, .lsn = 1},
                                           .epoch = "",
                                           .slot = "",
                                           .new_epoch = epochs[i],
                                           .wall_ms = 1};
        assert_int_equal(pthread_create(&threads[i], NULL, start_server, server), 0);
    }
    for (size_t i = 0; i < SERVERS; i++) {
        pthread_join(threads[i], NULL);
        assert_string_equal(servers[i].fault.text, "");
        assert_true(servers[i].found.rebuild);
    }
    for (size_t i = 0; i < SERVERS; i++) {
        assert_string_equal(servers[i].found.epoch, servers[0].found.epoch);
        identity_destroy(&servers[i].identity);
        pg_destroy(&servers[i].place.pg);
        free(servers[i].name);
    }
    assert_int_equal(number_of(&place, "SELECT count(*) FROM waybill.servers"), SERVERS);
    close_place(&place);
}

/*  ------------------------------------------------------------------ rights  */

/*  A role that may log in, and nothing else; its name is the database's.  */
static pg_t *
plain_role(server_t *self)
{
    const char *name = self->place.database->name;
    run(self, "CREATE ROLE %s LOGIN", name);
    char *address = mem_format("%s?user=%s", self->place.database->address, name);
    char *at = strstr(address, "postgres@");
    memmove(at, at + strlen("postgres@"), strlen(at + strlen("postgres@")) + 1);
    self->place.settings.server_db = address;
    pg_t *pg = pg_new(&self->place.settings, PG_SQL, "test");
    must(pg_ready(pg, &self->fault), &self->fault);
    free(address);
    return pg;
}

static void
a_role_that_may_make_nothing_works_where_all_is_there(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    pg_t *pg = plain_role(&server);
    run(&server, "GRANT USAGE ON SCHEMA waybill TO %s", server.place.database->name);
    run(&server, "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA waybill TO %s",
        server.place.database->name);
    must(identity_prepare(server.identity, pg, &server.fault), &server.fault);
    must(identity_check(server.identity, pg, &server.known, &server.found, &server.fault),
         &server.fault);
    assert_string_equal(server.found.epoch, FIRST);
    pg_destroy(&pg);
    run(&server, "DROP OWNED BY %s", server.place.database->name);
    run(&server, "DROP ROLE %s", server.place.database->name);
    close_server(&server);
}

static void
a_role_that_may_make_nothing_is_told_what_is_missing(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    exec(&server.place, "DROP TABLE waybill.clients");
    pg_t *pg = plain_role(&server);
    assert_int_equal(identity_prepare(server.identity, pg, &server.fault), ERR_CONFIG);
    assert_non_null(strstr(server.fault.text, "schema waybill cannot be made"));
    assert_non_null(strstr(server.fault.text, "permission denied"));
    pg_destroy(&pg);
    run(&server, "DROP ROLE %s", server.place.database->name);
    close_server(&server);
}

/*  ------------------------------------------------------------------- beats  */

static identity_pulse_t
beat(server_t *self, const char *epoch)
{
    identity_pulse_t pulse;
    must(identity_beat(self->identity, self->place.pg,
                       &(identity_moment_t){epoch, 1700000000001}, &pulse, &self->fault),
         &self->fault);
    return pulse;
}

static void
beats_are_counted_in_the_database(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    assert_int_equal(beat(&server, FIRST).beat, 2);
    const identity_pulse_t pulse = beat(&server, FIRST);
    assert_int_equal(pulse.beat, 3);
    assert_false(pulse.moved);
    assert_int_equal(number_of(&server.place, "SELECT count(*) FROM waybill.servers"
                                              " WHERE beat = 3 AND seen = 1700000000001"),
                     1);
    close_server(&server);
}

static void
a_beat_tells_that_the_history_is_another(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    assert_true(beat(&server, SECOND).moved);
    assert_false(beat(&server, FIRST).moved);
    run(&server, "SELECT pg_drop_replication_slot('%s')", identity_slot(server.identity));
    assert_true(beat(&server, FIRST).moved);
    run(&server, make_slot, identity_slot(server.identity));
    assert_false(beat(&server, FIRST).moved);
    exec(&server.place, "DELETE FROM waybill.servers");
    assert_true(beat(&server, FIRST).moved);
    close_server(&server);
}

static void
a_beat_tells_whose_slot_keeps_most_of_the_log(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    char *away = mem_format("%s_away", server.place.database->name);
    run(&server, make_slot, away);
    run(&server, "INSERT INTO waybill.servers VALUES ('away', '%s', 1, 1)", away);
    exec(&server.place, "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM"
                        " generate_series(1, 1000)");
    follow(&server);
    const identity_pulse_t pulse = beat(&server, FIRST);
    assert_string_equal(pulse.holder, "away");
    assert_true(pulse.retained_bytes > 1000000);
    assert_int_equal(pulse.most_bytes, -1);
    free(away);
    close_server(&server);
}

static void
a_worry_is_told_once(void **state)
{
    (void) state;
    server_t server;
    buffer_t advice = {0};
    open_server(&server, NULL);
    identity_pulse_t pulse = {.holder = "away", .retained_bytes = 600, .most_bytes = 1000};
    identity_advise(server.identity, &pulse, &advice);
    assert_non_null(strstr(buffer_text(&advice), "server away makes the database keep"));
    assert_non_null(strstr(buffer_text(&advice), "waybill server slots --drop-inactive"));
    buffer_clear(&advice);
    pulse.retained_bytes = 700;
    identity_advise(server.identity, &pulse, &advice);
    assert_int_equal(advice.size, 0);
    pulse.most_bytes = -1;
    identity_advise(server.identity, &pulse, &advice);
    assert_non_null(strstr(buffer_text(&advice), "max_slot_wal_keep_size has no limit"));
    buffer_clear(&advice);
    pulse.most_bytes = 10000;
    identity_advise(server.identity, &pulse, &advice);
    assert_int_equal(advice.size, 0);
    buffer_release(&advice);
    close_server(&server);
}

/*  -------------------------------------------------------------------- rest  */

static void
a_slot_in_use_is_not_dropped(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    exec(&server.place, "CREATE PUBLICATION waybill");
    follow(&server);
    wal_stream_t *stream = wal_stream_new(&server.place.settings);
    wal_system_t system;
    wal_message_t message = {0};
    must(wal_stream_open(stream, &system, &server.fault), &server.fault);
    must(wal_stream_start(stream, identity_slot(server.identity), 0, &server.fault),
         &server.fault);
    while (message.kind == WAL_NOTHING) {
        struct pollfd socket = {.fd = wal_stream_fd(stream), .events = POLLIN};
        assert_int_equal(poll(&socket, 1, 120000), 1);
        must(wal_stream_next(stream, &message, &server.fault), &server.fault);
    }
    assert_int_equal(identity_drop_slot(server.identity, server.place.pg, &server.fault),
                     ERR_EXISTS);
    assert_non_null(strstr(server.fault.text, "is active for PID"));
    assert_non_null(strstr(server.fault.text, server.name));
    wal_stream_destroy(&stream);
    close_server(&server);
}

static void
a_name_is_small_letters_digits_and_underscores(void **state)
{
    (void) state;
    fault_t fault = {0};
    identity_t *identity = NULL;
    settings_t settings = defaults;
    settings.postgres_name = "North_2";
    identity = identity_of(&settings);
    assert_string_equal(identity_slot(identity), "waybill_north_2");
    identity_destroy(&identity);
    settings.postgres_name = "north-2";
    assert_int_equal(identity_new(&settings, &identity, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "postgres.name = north-2"));
    settings.postgres_name = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff";
    assert_int_equal(identity_new(&settings, &identity, &fault), ERR_CONFIG);
    assert_null(identity);
}

static void
without_a_name_the_machine_s_is_taken(void **state)
{
    (void) state;
    settings_t settings = defaults;
    identity_t *identity = identity_of(&settings);
    const char *name = identity_slot(identity);
    assert_true(strncmp(name, "waybill_", 8) == 0 && name[8] != '\0');
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
    identity_destroy(&identity);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_start_at_once_agree),
        cmocka_unit_test(a_role_that_may_make_nothing_works_where_all_is_there),
        cmocka_unit_test(a_role_that_may_make_nothing_is_told_what_is_missing),
        cmocka_unit_test(beats_are_counted_in_the_database),
        cmocka_unit_test(a_beat_tells_that_the_history_is_another),
        cmocka_unit_test(a_beat_tells_whose_slot_keeps_most_of_the_log),
        cmocka_unit_test(a_worry_is_told_once),
        cmocka_unit_test(a_slot_in_use_is_not_dropped),
        cmocka_unit_test(a_name_is_small_letters_digits_and_underscores),
        cmocka_unit_test(without_a_name_the_machine_s_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
