/*  Strangers at a real server: every row of client_rows.h, and what a stranger can do with
    many connections or with slowness. After each, a well-behaved client is served, and at the
    end the server has not grown, its log tells no secret and it stops as asked.  */

#include "tests/hostile/client_rows.h"
#include "tests/integration/world.h"

#include "schemas/codec.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { GROWTH_KB = 200 * 1024, OP_TEXT = 1, OP_BINARY = 2, FINAL = 0x80, FEW_FILES = 128 };

#define NATIVE "Sec-WebSocket-Protocol: waybill.v1\r\n"

static const char json_question[] =
    "{\"type\":\"clt_send_changes\",\"messageId\":\"question\",\"changes\":[]}";
/* {"type": "clt_heartbeat", "lsn": 0} */
static const char packed_question[] = "\x82\xa4type\xad"
                                      "clt_heartbeat\xa3lsn\x00";

static struct {
    char *dir, *address;
    process_t *process;
    int client; /* a connection of a client that behaves */
} server;

/*  ------------------------------------------------------------------------- the server  */

static void
limit_files(void)
{
    const struct rlimit few = {FEW_FILES, FEW_FILES};
    (void) setrlimit(RLIMIT_NOFILE, &few);
}

static void
start(prepare_fn *prepare)
{
    server.dir = directory_new();
    char *config = path_in(server.dir, "server.conf"), *log = path_in(server.dir, "log");
    char *schema = path_in(server.dir, "schema.sql"), *tokens = path_in(server.dir, "tokens");
    char *text = mem_format(
        "server\n    db = \"%s/server.db\"\n    schema = \"%s\"\n    listen = \"127.0.0.1:0\"\n"
        "auth\n    tokens = \"%s\"\nprocess\n    run_dir = \"%s/run\"\n"
        "limits\n    frame_bytes = 65536\n    fragments = 8\n    handshake_ms = 1000\n"
        "    user_clients = 20\n    origins = \"https://good.example\"\n",
        server.dir, schema, tokens, server.dir);
    write_file(config, text);
    write_file(schema, "CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, "
                       "title TEXT NOT NULL, body TEXT);");
    write_file(tokens, "ann " TOKEN "\nbob token-of-bob-that-nobody-may-see\n");
    assert_int_equal(chmod(tokens, 0600), 0);
    server.process =
        process_new(log, prepare, (const char *const[]){"server", "--config", config, NULL});
    assert_true(process_await_ready(server.process));
    server.address = strrchr(server.process->ready, ' ') + 1;
    free(config);
    free(log);
    free(schema);
    free(tokens);
    free(text);
}

/*  Gives the socket of a connection that is accepted.  */
static int
connect_as(const char *query, const char *more)
{
    buffer_t head = {0}, lines = {0};
    const int fd = stranger_connect(server.address);
    buffer_add_format(&lines, "%s%s", strstr(query, "token=") ? "" : BEARER, more);
    stranger_upgrade(&head, query, buffer_text(&lines));
    stranger_send(fd, buffer_bytes(&head));
    buffer_release(&head);
    buffer_release(&lines);
    return fd;
}

static void
ask(int fd, bool json)
{
    buffer_t frame = {0};
    if (json)
        stranger_frame(&frame, FINAL | OP_TEXT,
                       (bytes_t){(const uint8_t *) json_question, sizeof json_question - 1});
    else
        stranger_frame(
            &frame, FINAL | OP_BINARY,
            (bytes_t){(const uint8_t *) packed_question, sizeof packed_question - 1});
    stranger_send(fd, buffer_bytes(&frame));
    buffer_release(&frame);
}

/*  What comes after a question that a connection which stays answers.  */
static ending_t
await_ending(int fd, bool json)
{
    ask(fd, json);
    return stranger_read_ending(fd, json ? "srv_changes_applied" : "srv_heartbeat",
                                json ? "\"question\"" : "");
}

static void
expect_well(const char *after)
{
    const ending_t ending = await_ending(server.client, false);
    if (ending.fate != FATE_STAYS)
        fail_msg("after \"%s\" a client that behaves is not served", after);
}

static char *
read_log(void)
{
    char *path = path_in(server.dir, "log"), *text = NULL;
    size_t room = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_true(getdelim(&text, &room, '\0', in) > 0);
    (void) fclose(in);
    free(path);
    return text;
}

/*  It ends as asked, so no sanitizer had a word to say; and its log gives nothing away.  */
static void
stop(void)
{
    static const char *const secrets[] = {"that-nobody-may-see", "wrong-token", "hush",
                                          "runtime error", "Sanitizer"};
    (void) close(server.client);
    assert_int_equal(process_end(server.process, SIGTERM), 0);
    char *log = read_log();
    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        if (strstr(log, secrets[i]))
            fail_msg("\"%s\" is in the log: %s", secrets[i], log);
    free(log);
    process_destroy(&server.process);
    directory_destroy(&server.dir);
}

static void
start_well(prepare_fn *prepare)
{
    start(prepare);
    const int bob =
        connect_as("clientId=of-bob&token=token-of-bob-that-nobody-may-see", NATIVE);
    assert_int_equal(stranger_read_head(bob), 101);
    assert_int_equal(await_ending(bob, false).fate, FATE_STAYS);
    (void) close(bob);
    server.client = connect_as("clientId=well", NATIVE);
    assert_int_equal(stranger_read_head(server.client), 101);
    expect_well("nothing");
}

/*  --------------------------------------------------------------------------- the rows  */

/*  Begins a connection in the way that the row wants.  */
static int
begin(const client_row_t *row, buffer_t *bytes)
{
    const bool packed = row->kind == PACKED || row->kind == BINARY || row->kind == FRAMES;
    const char *protocol = packed ? NATIVE : "";
    const char *query = row->kind == QUERY ? buffer_text(bytes) : "clientId=stranger";
    const int fd = row->kind == REQUEST
                       ? stranger_connect(server.address)
                       : connect_as(query, row->kind == HEADER ? buffer_text(bytes) : protocol);
    return fd;
}

static void
pack_frame(const client_row_t *row, buffer_t *bytes, buffer_t *out)
{
    buffer_t packed = {0};
    if (row->kind == PACKED)
        assert_int_equal(
            json_to_msgpack((const char *) bytes->data, bytes->size, &packed, NULL), OK);
    if (row->kind == FRAMES)
        buffer_add(out, bytes->data, bytes->size);
    else if (row->kind == JSON)
        stranger_frame(out, FINAL | OP_TEXT, buffer_bytes(bytes));
    else
        stranger_frame(out, FINAL | OP_BINARY,
                       buffer_bytes(row->kind == PACKED ? &packed : bytes));
    buffer_release(&packed);
}

static ending_t
speak(const client_row_t *row, buffer_t *bytes, int fd)
{
    buffer_t frames = {0};
    if (row->kind == REQUEST)
        stranger_send(fd, buffer_bytes(bytes));
    const int status = stranger_read_head(fd);
    if (status != 101 || row->kind == REQUEST)
        return status == 0 ? (ending_t){.fate = FATE_GONE} : (ending_t){FATE_STATUS, status};
    if (row->kind >= JSON)
        pack_frame(row, bytes, &frames);
    stranger_send(fd, buffer_bytes(&frames));
    buffer_release(&frames);
    if (row->ending.fate == FATE_LEFT)
        return row->ending;
    return await_ending(fd, row->kind == JSON || row->kind == QUERY || row->kind == HEADER);
}

static bool
meet(const client_row_t *row)
{
    static const char *const fates[] = {
        [FATE_STATUS] = "status",     [FATE_CLOSED] = "closed", [FATE_ERROR] = "error",
        [FATE_REJECTED] = "rejected", [FATE_STAYS] = "stays",   [FATE_GONE] = "gone",
        [FATE_LEFT] = "left",
    };
    buffer_t bytes = {0};
    client_row_fill(row, &bytes);
    const int fd = begin(row, &bytes);
    const ending_t ending = speak(row, &bytes, fd);
    (void) close(fd);
    buffer_release(&bytes);
    const bool good = ending.fate == row->ending.fate && ending.number == row->ending.number;
    if (!good)
        print_error("%s: %s %d, not %s %d\n", row->name, fates[ending.fate], ending.number,
                    fates[row->ending.fate], row->ending.number);
    expect_well(row->name);

    return good;
}

static void
meets_every_bad_input_as_it_must(void **state)
{
    size_t wrong = 0;
    (void) state;
    start_well(NULL);
    const long before = process_resident_kb(server.process);
    for (size_t i = 0; i < COUNT_OF(client_rows); i++)
        wrong += !meet(&client_rows[i]);
    assert_int_equal(wrong, 0);
    assert_true(process_resident_kb(server.process) < before + GROWTH_KB);
    stop();
}

/*  --------------------------------------------------------------------------- in numbers  */

static void
serves_others_while_connections_are_half_open(void **state)
{
    int fds[200];
    (void) state;
    start_well(NULL);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = stranger_connect(server.address);
        stranger_send(fds[i], (bytes_t){(const uint8_t *) "GET /", i % 2 == 0 ? 5 : 0});
    }
    expect_well("half-open connections");
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        assert_int_equal(stranger_read_head(fds[i]), 0);
        (void) close(fds[i]);
    }
    stop();
}

static void
lets_a_user_have_so_many_connections(void **state)
{
    int fds[25];
    int refused = 0;
    (void) state;
    start_well(NULL);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        char *query = mem_format("clientId=c%zu", i);
        fds[i] = connect_as(query, "");
        refused += stranger_read_head(fds[i]) == 503;
        free(query);
    }
    assert_int_equal(refused, 6);
    expect_well("too many connections");
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        (void) close(fds[i]);
    stop();
}

/*  Files run out; when some are free again, it accepts again.  */
static void
survives_without_file_descriptors(void **state)
{
    int fds[150];
    (void) state;
    start_well(limit_files);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = stranger_connect(server.address);
    expect_well("so many connections");
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        (void) close(fds[i]);
    const int fd = stranger_connect(server.address);
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    stranger_send(fd, (bytes_t){(const uint8_t *) request, sizeof request - 1});
    assert_int_equal(stranger_read_head(fd), 200);
    (void) close(fd);
    stop();
}

static void
keeps_its_database_to_itself(void **state)
{
    static const char *const names[] = {"server.db", "server.db-wal", "server.db-shm"};
    (void) state;
    start_well(NULL);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat status;
        char *path = path_in(server.dir, names[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & (S_IRWXG | S_IRWXO), 0);
        free(path);
    }
    stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meets_every_bad_input_as_it_must),
        cmocka_unit_test(serves_others_while_connections_are_half_open),
        cmocka_unit_test(lets_a_user_have_so_many_connections),
        cmocka_unit_test(survives_without_file_descriptors),
        cmocka_unit_test(keeps_its_database_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
