#include "tests/integration/chaos.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const char chaos_schema[] = "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY NOT NULL,"
                            " agent TEXT NOT NULL, number INTEGER NOT NULL);";

int
chaos_below(int limit)
{
    return (int) (drand48() * limit);
}

void
chaos_seed(void)
{
    const char *given = getenv("WAYBILL_SEED");
    const long seed = given ? atol(given) : (long) time(NULL);
    print_message("WAYBILL_SEED=%ld\n", seed);
    srand48(seed);
}

int
chaos_kills(int usual)
{
    const char *wanted = getenv("WAYBILL_KILLS");
    return wanted ? atoi(wanted) : usual;
}

bool
chaos_is_server(const chaos_t *self, const node_t *node)
{
    return node < &self->nodes[self->n_servers];
}

node_t *
chaos_agent(chaos_t *self, size_t number)
{
    return &self->nodes[self->n_servers + number];
}

/*  ------------------------------------------------------------------ starting, stopping  */

/*  All servers, this agent's own first.  */
static void
add_urls(const chaos_t *self, const node_t *agent, buffer_t *text)
{
    const size_t own = (size_t) (agent - self->nodes) % self->n_servers;
    for (size_t i = 0; i < self->n_servers; i++)
        buffer_add_format(text, "%sws://%s/api/sync", i > 0 ? " " : "",
                          self->nodes[(own + i) % self->n_servers].address);
}

static void
write_agent_config(const chaos_t *self, const node_t *node)
{
    buffer_t text = {0};
    buffer_add_format(&text, "agent\n    db = \"%s\"\n    client_id = \"%s\"\n    server = \"",
                      node->db, node->name);
    add_urls(self, node, &text);
    buffer_add_format(&text,
                      "\"\nprocess\n    run_dir = \"%s\"\n"
                      "connection\n    base_ms = 20\n    cap_ms = 200\n",
                      node->run_dir);
    write_file(node->config, buffer_text(&text));
    buffer_release(&text);
}

static void
write_server_config(const chaos_t *self, const node_t *node)
{
    buffer_t text = {0};
    if (self->database)
        buffer_add_format(&text,
                          "server\n    db = \"%s\"\n    cache = \"%s\"\n"
                          "postgres\n    name = \"%s\"\n    heartbeat_ms = 500\n",
                          self->database, node->db, node->name);
    else
        buffer_add_format(&text, "server\n    db = \"%s\"\n    schema = \"%s/sql\"\n", node->db,
                          self->dir);
    buffer_add_format(&text, "server\n    listen = \"%s\"\nprocess\n    run_dir = \"%s\"\n",
                      node->address, node->run_dir);
    write_file(node->config, buffer_text(&text));
    buffer_release(&text);
}

/*  What it said last goes with it: the directory does not stay.  */
static void
fail_with_log(const node_t *node, const char *what)
{
    enum { SHOWN = 3000 };
    char line[1024];
    FILE *in = fopen(node->log, "r");
    assert_non_null(in);
    (void) fseek(in, 0, SEEK_END);
    const long size = ftell(in);
    (void) fseek(in, size > SHOWN ? size - SHOWN : 0, SEEK_SET);
    while (fgets(line, sizeof line, in))
        print_error("%s", line);
    fclose(in);
    fail_msg("%s %s", node->name, what);
}

void
chaos_start(chaos_t *self, node_t *node)
{
    const char *verb = chaos_is_server(self, node) ? "server" : "agent";
    node->process = process_new(node->log, NULL,
                                (const char *const[]){verb, "--config", node->config, NULL});
    if (!process_await_ready(node->process))
        fail_with_log(node, "did not start");
}

void
chaos_stop(node_t *node, int signal, int expected)
{
    const int status = process_end(node->process, signal);
    process_destroy(&node->process);
    if (status != expected) {
        print_error("%d instead of %d\n", status, expected);
        fail_with_log(node, "ended otherwise than expected");
    }
}

static node_t *
add_node(chaos_t *self, const char *name)
{
    node_t *node = &self->nodes[self->n++];
    char *part = path_in(self->dir, name);
    *node = (node_t){
        .name = name,
        .run_dir = mem_text(part),
        .db = mem_format("%s.db", part),
        .log = mem_format("%s.log", part),
        .config = mem_format("%s.conf", part),
    };
    free(part);
    return node;
}

/*  Later the same port again, as agents know it.  */
static void
add_server(chaos_t *self, const char *name)
{
    node_t *node = add_node(self, name);
    node->address = mem_text("127.0.0.1:0");
    self->n_servers++;
    write_server_config(self, node);
    chaos_start(self, node);
    free(node->address);
    node->address = mem_text(strrchr(node->process->ready, ' ') + 1);
    write_server_config(self, node);
}

static void
add_agent(chaos_t *self, const char *name)
{
    node_t *node = add_node(self, name);
    write_agent_config(self, node);
    chaos_start(self, node);
}

void
chaos_begin(chaos_t *self, const char *database, size_t n_servers)
{
    static const char *const servers[] = {"server", "second", "third"};
    *self = (chaos_t){.database = database, .dir = directory_new()};
    char *schema = path_in(self->dir, "sql");
    write_file(schema, chaos_schema);
    free(schema);
    for (size_t i = 0; i < n_servers; i++)
        add_server(self, servers[i]);
    add_agent(self, "a");
    add_agent(self, "b");
    assert_int_equal(sqlite3_open(":memory:", &self->notes), SQLITE_OK);
    query_run(self->notes, "CREATE TABLE acks (id TEXT PRIMARY KEY, agent TEXT)");
}

void
chaos_end(chaos_t *self)
{
    sqlite3_close(self->notes);
    for (size_t i = 0; i < self->n; i++) {
        node_t *node = &self->nodes[i];
        process_destroy(&node->process);
        free(node->run_dir);
        free(node->db);
        free(node->log);
        free(node->config);
        free(node->address);
    }
    directory_destroy(&self->dir);
    *self = (chaos_t){0};
}

/*  ------------------------------------------------------------------------- writing  */

static void
write_changes(chaos_t *self, const node_t *agent, const char *path)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    for (int i = 0; i < CHAOS_TRANSACTIONS; i++) {
        fputs("{\"changes\":[", out);
        for (int n = 1 + chaos_below(3); n > 0; n--) {
            int64_t row = self->written++;
            fprintf(out,
                    "{\"table\":\"events\",\"operation\":\"insert\",\"id\":\"%s-%" PRId64
                    "\",\"data\":{\"agent\":\"%s\",\"number\":%" PRId64 "}}%s",
                    agent->name, row, agent->name, row, n > 1 ? "," : "");
        }
        fputs("]}\n", out);
    }
    fclose(out);
}

static process_t *
start_writer(chaos_t *self, const node_t *agent)
{
    char *path = mem_format("%s/%s.changes", self->dir, agent->name);
    char *log = mem_format("%s/%s.writer.log", self->dir, agent->name);
    write_changes(self, agent, path);
    process_t *writer = process_new(
        log, NULL,
        (const char *const[]){"apply", "--ids", "--run-dir", agent->run_dir, path, NULL});
    free(path);
    free(log);
    return writer;
}

/*  What the agent has acknowledged: at most so many.  */
static void
take_acks(chaos_t *self, const node_t *agent, process_t *writer, int most)
{
    sqlite3_stmt *insert = NULL;
    char id[64];
    sqlite3_prepare_v2(self->notes, "INSERT INTO acks VALUES (?1, ?2)", -1, &insert, NULL);
    for (int i = 0; i < most && fgets(id, sizeof id, writer->out); i++) {
        id[strcspn(id, "\n")] = '\0';
        sqlite3_bind_text(insert, 1, id, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 2, agent->name, -1, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            fail_msg("%s was acknowledged twice", id);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

burst_t
chaos_write(chaos_t *self)
{
    burst_t burst;
    for (size_t i = 0; i < CHAOS_AGENTS; i++)
        burst.writers[i] = start_writer(self, chaos_agent(self, i));
    return burst;
}

void
chaos_watch(chaos_t *self, burst_t *burst, int acks)
{
    const size_t watched = (size_t) chaos_below(CHAOS_AGENTS);
    take_acks(self, chaos_agent(self, watched), burst->writers[watched], acks);
}

void
chaos_finish(chaos_t *self, burst_t *burst)
{
    for (size_t i = 0; i < CHAOS_AGENTS; i++) {
        take_acks(self, chaos_agent(self, i), burst->writers[i], INT32_MAX);
        process_end(burst->writers[i], 0); /* 1 if its agent died: what it printed counts */
        process_destroy(&burst->writers[i]);
    }
}
