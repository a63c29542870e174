#include "tests/integration/mishap.h"

#include "tests/integration/query.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

/*  ----------------------------------------------------------------------- begin and end  */

static void
name_party(mishap_t *self, side_t side, const char *name)
{
    char *part = path_in(self->dir, name);
    self->parties[side] = (party_t){
        .run_dir = mem_text(part),
        .db = mem_format("%s.db", part),
        .log = mem_format("%s.log", part),
        .config = mem_format("%s.conf", part),
        .shim_path = mem_format("%s.shim", part),
    };
    free(part);
}

void
mishap_begin(mishap_t *self)
{
    *self = (mishap_t){.dir = directory_new(), .address = mem_text("127.0.0.1:0")};
    name_party(self, SERVER, "server");
    name_party(self, AGENT, "agent");
    write_file(self->parties[SERVER].config,
               "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY NOT NULL,"
               " number INTEGER NOT NULL, note TEXT);");
    assert_int_equal(sqlite3_open(":memory:", &self->notes), SQLITE_OK);
    query_run(self->notes, "CREATE TABLE acks (id TEXT PRIMARY KEY)");
}

void
mishap_end(mishap_t *self)
{
    for (size_t i = 0; i < SIDES; i++) {
        party_t *party = &self->parties[i];
        process_destroy(&party->process);
        mishap_unshim(self, (side_t) i);
        free(party->run_dir);
        free(party->db);
        free(party->log);
        free(party->config);
        free(party->shim_path);
    }
    sqlite3_close(self->notes);
    free(self->address);
    directory_destroy(&self->dir);
}

/*  ------------------------------------------------------------------------------ the shim  */

shim_t *
mishap_shim(mishap_t *self, side_t side)
{
    party_t *party = &self->parties[side];
    int fd = open(party->shim_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, sizeof(shim_t)) == 0);
    void *map = mmap(NULL, sizeof(shim_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    close(fd);
    party->shim = map;
    memset(map, 0, sizeof(shim_t));
    return party->shim;
}

void
mishap_unshim(mishap_t *self, side_t side)
{
    party_t *party = &self->parties[side];
    if (party->shim)
        munmap(party->shim, sizeof(shim_t));
    party->shim = NULL;
}

/*  An address sanitiser wants to be the first library; here it is the second, and works.  */
static void
set_environment(const party_t *party)
{
    if (party->shim == NULL)
        return;
    setenv("LD_PRELOAD", SHIM, 1);
    setenv("WAYBILL_SHIM", party->shim_path, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
}

static void
reset_environment(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("WAYBILL_SHIM");
    unsetenv("ASAN_OPTIONS");
}

/*  ------------------------------------------------------------------- starting, stopping  */

static process_t *
launch_server(const mishap_t *self, const party_t *party)
{
    return process_new(party->log, NULL,
                       (const char *const[]){"server", "--db", party->db, "--schema",
                                             party->config, "--listen", self->address,
                                             "--run-dir", party->run_dir, NULL});
}

static process_t *
launch_agent(const party_t *party)
{
    return process_new(party->log, NULL,
                       (const char *const[]){"agent", "--config", party->config, NULL});
}

/*  Later the same port again, as agents know it.  */
static void
note_address(mishap_t *self, const process_t *server)
{
    free(self->address);
    self->address = mem_text(strrchr(server->ready, ' ') + 1);
}

void
mishap_detour(mishap_t *self, const char *address)
{
    const party_t *party = &self->parties[AGENT];
    char *text = mem_format("agent\n    db = \"%s\"\n    server = \"ws://%s/api/sync\"\n"
                            "process\n    run_dir = \"%s\"\n"
                            "retry\n    base_ms = 50\n    cap_ms = 200\n"
                            "connection\n    base_ms = 20\n    cap_ms = 200\n"
                            "    heartbeat_ms = 300\n    silent_ms = 2000\n",
                            party->db, address, party->run_dir);
    write_file(party->config, text);
    free(text);
}

bool
mishap_start(mishap_t *self, side_t side)
{
    party_t *party = &self->parties[side];
    if (side == AGENT && access(party->config, F_OK) != 0)
        mishap_detour(self, self->address);
    set_environment(party);
    party->process = side == SERVER ? launch_server(self, party) : launch_agent(party);
    reset_environment();
    bool ready = process_await_ready(party->process);
    if (ready && side == SERVER)
        note_address(self, party->process);
    return ready;
}

int
mishap_stop(mishap_t *self, side_t side, int signal)
{
    party_t *party = &self->parties[side];
    if (party->process == NULL)
        return 0;
    int status = process_end(party->process, signal);
    process_destroy(&party->process);
    return status;
}

/*  ------------------------------------------------------------------------------- writing  */

static void
write_changes(mishap_t *self, const char *path, int transactions)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    for (int i = 0; i < transactions; i++) {
        const int64_t first = self->written;
        self->written += 2;
        fprintf(
            out,
            "{\"changes\":[{\"table\":\"events\",\"operation\":\"insert\",\"id\":\"e%" PRId64
            "\",\"data\":{\"number\":%" PRId64 "}},{\"table\":\"events\",\"operation\":"
            "\"insert\",\"id\":\"e%" PRId64 "\",\"data\":{\"number\":%" PRId64 "}}]}\n",
            first, first, first + 1, first + 1);
    }
    fclose(out);
}

size_t
mishap_write(mishap_t *self, int transactions)
{
    char *path = path_in(self->dir, "changes"), *log = path_in(self->dir, "writer.log");
    write_changes(self, path, transactions);
    process_t *writer =
        process_new(log, NULL,
                    (const char *const[]){"apply", "--ids", "--run-dir",
                                          self->parties[AGENT].run_dir, path, NULL});
    size_t n = 0;
    char id[64];
    for (; fgets(id, sizeof id, writer->out); n++) {
        id[strcspn(id, "\n")] = '\0';
        char *sql = mem_format("INSERT INTO acks VALUES ('%s')", id);
        query_run(self->notes, sql);
        free(sql);
    }
    process_end(writer, 0);
    process_destroy(&writer);
    free(path);
    free(log);
    return n;
}

/*  ------------------------------------------------------------------------------- proving  */

static void
check_sound(sqlite3 *notes, const party_t *party, const char *name)
{
    query_attach(notes, party->db, name);
    char *sql = mem_format("SELECT count(*) FROM pragma_integrity_check(9, '%s') WHERE"
                           " integrity_check <> 'ok'",
                           name);
    assert_int_equal(query_number(notes, sql), 0);
    free(sql);
}

static void
check_acknowledged(sqlite3 *notes)
{
    assert_int_equal(query_number(notes, "SELECT count(*) FROM acks WHERE NOT EXISTS (SELECT 1"
                                         " FROM agent.local_changes AS l WHERE l.id = acks.id"
                                         " AND l.state = 'done' AND l.verdict = 'applied')"),
                     0);
    assert_int_equal(query_number(notes, "SELECT count(*) FROM acks WHERE 1 <> (SELECT count(*)"
                                         " FROM server.change_log AS l"
                                         " WHERE l.change_id = acks.id)"),
                     0);
}

static void
check_tables(sqlite3 *notes)
{
    assert_int_equal(query_number(notes,
                                  "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM"
                                  " server.events EXCEPT SELECT * FROM agent.events) UNION ALL"
                                  " SELECT * FROM (SELECT * FROM agent.events EXCEPT SELECT *"
                                  " FROM server.events))"),
                     0);
    assert_int_equal(query_number(notes, "SELECT count(*) - count(DISTINCT change_id)"
                                         " FROM server.change_log"),
                     0);
}

void
mishap_prove(mishap_t *self)
{
    outcome_t outcome = RUN("status", "--wait", "synced", "--timeout", "120", "--run-dir",
                            self->parties[AGENT].run_dir);
    if (outcome.status != 0)
        fail_msg("%s%s: see %s", outcome.out, outcome.err, self->parties[AGENT].log);
    outcome_release(&outcome);
    assert_int_equal(mishap_stop(self, AGENT, SIGTERM), 0);
    assert_int_equal(mishap_stop(self, SERVER, SIGTERM), 0);
    check_sound(self->notes, &self->parties[SERVER], "server");
    check_sound(self->notes, &self->parties[AGENT], "agent");
    check_acknowledged(self->notes);
    check_tables(self->notes);
    query_run(self->notes, "DETACH agent");
    query_run(self->notes, "DETACH server");
}
