/*  Changes that ten agents have queued, applied on PostgreSQL, beside ten connections that
    write the same rows there with a prepared statement.  */

#include "schemas/row.h"
#include "tools/bench_postgres.h"
#include "tools/bench_sync.h"
#include "tools/bench_writes.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WRITERS = AGENTS_MOST, ROWS_EACH = 2000 };

/*  ---------------------------------------------------------------------- the bare ones  */

typedef struct writer {
    PGconn *connection;
    pthread_t thread;
    size_t first, n, a_transaction;
    bool good;
} writer_t;

static bool
put_row(PGconn *connection, size_t number)
{
    const postgres_row_t row = postgres_row(number);
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, row.number);
    const char *const values[] = {row.id, row.title, row.body, row.note, text};
    PGresult *result =
        PQexecPrepared(connection, "put", COUNT_OF(values), values, NULL, NULL, 0);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good)
        complain("bench: %s", PQerrorMessage(connection));
    PQclear(result);
    return good;
}

static bool
put_rows(const writer_t *self, size_t first, size_t n)
{
    const bool alone = self->a_transaction == 1;
    bool good = alone || bench_sql(self->connection, "BEGIN");
    for (size_t i = first; good && i < first + n; i++)
        good = put_row(self->connection, i);
    return good && (alone || bench_sql(self->connection, "COMMIT"));
}

static void *
write_all(void *arg)
{
    writer_t *self = arg;
    self->good = true;
    for (size_t done = 0; self->good && done < self->n; done += self->a_transaction) {
        const size_t rest = self->n - done;
        self->good = put_rows(self, self->first + done,
                              rest < self->a_transaction ? rest : self->a_transaction);
    }
    return NULL;
}

static PGconn *
open_writer(const postgres_site_t *site)
{
    PGconn *connection = bench_cluster_connect(site->first, site->database);
    if (bench_sql(connection, "PREPARE put (text, text, text, text, bigint) AS INSERT INTO"
                              " items VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE"
                              " SET title = excluded.title, body = excluded.body,"
                              " note = excluded.note, number = excluded.number"))
        return connection;
    PQfinish(connection);
    return NULL;
}

static double
run_writers(writer_t *writers)
{
    bool good = true;
    size_t started = 0;
    const uint64_t start = now_ns();
    while (started < WRITERS
           && pthread_create(&writers[started].thread, NULL, write_all, &writers[started]) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        good = pthread_join(writers[i].thread, NULL) == 0 && writers[i].good && good;
    return good && started == WRITERS ? seconds_since(start) : 0;
}

static double
write_bare(postgres_site_t *site, size_t each, size_t a_transaction)
{
    writer_t writers[WRITERS] = {0};
    bool good = true;
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){.connection = open_writer(site),
                                .first = i * each,
                                .n = each,
                                .a_transaction = a_transaction};
        good = good && writers[i].connection;
    }
    const double seconds = good ? run_writers(writers) : 0;
    for (size_t i = 0; i < WRITERS; i++)
        PQfinish(writers[i].connection);
    return seconds;
}

/*  -------------------------------------------------------------------------------- ours  */

static bytes_t
as_recorded(size_t number, arena_t *arena, const char **id)
{
    const postgres_row_t item = postgres_row(number);
    buffer_t row = {0};
    row_begin(&row, 5);
    row_add_text(&row, "id", item.id);
    row_add_text(&row, "title", item.title);
    row_add_text(&row, "body", item.body);
    row_add_text(&row, "note", item.note);
    row_add_name(&row, "number");
    row_add(&row, &(value_t){.kind = VALUE_INTEGER, .integer = item.number});
    bytes_t kept = arena_bytes(arena, buffer_bytes(&row));
    buffer_release(&row);
    *id = arena_text(arena, item.id);
    return kept;
}

/*  Each knows the table, has recorded its changes, and waits.  */
static bool
fill_agents(bench_world_t *world, size_t first, size_t each)
{
    for (size_t i = 0; i < WRITERS; i++) {
        member_t *agent = bench_world_add_agent(world);
        if (!agent || !member_connect(agent) || !bench_world_await(world, agent)
            || !member_disconnect(agent)
            || !member_queue_items(agent, first + i * each, each, as_recorded))
            return false;
    }
    return true;
}

static double
time_agents(bench_world_t *world)
{
    static const char undecided[] =
        "SELECT EXISTS (SELECT 1 FROM local_changes WHERE processed_sync = 0)";
    bool good = true;
    for (size_t i = 0; i < WRITERS; i++)
        good = good && member_greet(&world->agents[i]);
    const uint64_t start = now_ns();
    for (size_t i = 0; i < WRITERS; i++)
        good = good && member_connect(&world->agents[i]);
    for (size_t i = 0; i < WRITERS; i++)
        good = good && member_await(&world->agents[i], undecided, 0);
    return good ? seconds_since(start) : 0;
}

static double
write_ours(postgres_site_t *site, size_t each)
{
    bench_world_t *world = postgres_site_serve(site);
    const bool good = world && fill_agents(world, WRITERS * each, each);
    const double seconds = good ? time_agents(world) : 0;
    bench_world_destroy(&world);
    return seconds;
}

bool
postgres_apply(postgres_site_t *site, size_t count, postgres_pair_t *pair)
{
    const size_t each = bench_size(site->bench, ROWS_EACH), rows = WRITERS * each;
    if (!postgres_site_begin(site))
        return false;
    const double bare = write_bare(site, each, count),
                 ours = bare > 0 ? write_ours(site, each) : 0;
    pair->bare = (double) rows / bare;
    pair->ours = (double) rows / ours;
    return bare > 0 && ours > 0
           && bench_sql_await(site->publisher, "SELECT count(*) FROM items",
                              (double) (2 * rows));
}
