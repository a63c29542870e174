/*  The feed: catching up from a slot with what was committed meanwhile, beside a reader that
    takes the same stream and throws it away.  */

#include "tools/bench_postgres.h"
#include "tools/bench_sync.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 100000, HEADER = 25, COMMIT_LSN = 2, STATUS = 34 };

/*  ------------------------------------------------------------------------- the bare one  */

static uint64_t
number_at(const char *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return be64toh(number);
}

static bool
is_commit_behind(const char *bytes, int n, uint64_t lsn)
{
    return n > HEADER + COMMIT_LSN + 8 && bytes[0] == 'w' && bytes[HEADER] == 'C'
           && number_at(bytes + HEADER + COMMIT_LSN) >= lsn;
}

/*  Still there, and nothing is kept.  */
static bool
answer(PGconn *stream)
{
    static const char status[STATUS] = {'r'};
    return PQputCopyData(stream, status, sizeof status) == 1 && PQflush(stream) == 0;
}

static bool
read_to(PGconn *stream, uint64_t lsn)
{
    char *bytes = NULL;
    bool found = false, good = true;
    while (good && !found) {
        const int n = PQgetCopyData(stream, &bytes, 0);
        good = n > 0 && (bytes[0] != 'k' || !bytes[17] || answer(stream));
        found = good && is_commit_behind(bytes, n, lsn);
        PQfreemem(bytes);
        bytes = NULL;
    }
    if (!found)
        complain("bench: the stream ended: %s", PQerrorMessage(stream));
    return found;
}

static bool
start_stream(PGconn *stream)
{
    PGresult *result =
        PQexec(stream, "START_REPLICATION SLOT bare LOGICAL 0/0 (proto_version '1',"
                       " publication_names 'waybill', messages 'true')");
    const bool good = PQresultStatus(result) == PGRES_COPY_BOTH;
    PQclear(result);
    if (!good)
        complain("bench: %s", PQerrorMessage(stream));
    return good;
}

static double
read_bare(postgres_site_t *site, uint64_t lsn)
{
    const uint64_t start = now_ns();
    PGconn *stream = bench_cluster_connect_stream(site->first, site->database);
    const bool good = stream && start_stream(stream) && read_to(stream, lsn);
    const double seconds = seconds_since(start);
    PQfinish(stream);
    return good ? seconds : 0;
}

/*  ------------------------------------------------------------------------------- ours  */

/*  From the moment on that it connected, as the bare one: what else a server does at its start
    is not the feed's.  */
static double
read_ours(postgres_site_t *site, bench_world_t *world, uint64_t lsn)
{
    AUTO(text)
    there = mem_format("SELECT lsn >= %" PRIu64 " FROM waybill_head", lsn);
    if (!bench_world_start_server(world) || !member_await(&world->server, there, 1))
        return 0;
    return bench_sql_number(
        site->publisher,
        "SELECT extract(epoch FROM clock_timestamp() - backend_start)"
        " FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid"
        " WHERE database = current_database() AND slot_name <> 'bare'");
}

static bool
has_history(bench_world_t *world, size_t rows)
{
    return member_await(&world->server, "SELECT count(*) FROM change_log", (int64_t) rows)
           && member_await(&world->server, "SELECT count(*) FROM items", (int64_t) rows);
}

static bool
read_both(postgres_site_t *site, bench_world_t *world, size_t a_transaction,
          postgres_pair_t *pair)
{
    const size_t rows = bench_size(site->bench, ROWS);
    uint64_t lsn;
    bench_world_stop_server(world);
    if (!bench_sql(site->publisher,
                   "SELECT pg_create_logical_replication_slot('bare', 'pgoutput')")
        || !postgres_site_put(site, 1, rows - 1, a_transaction)
        || !postgres_site_put_last(site, rows, &lsn)
        || !bench_sql(site->publisher, "CHECKPOINT"))
        return false;
    const double bare = read_bare(site, lsn), ours = read_ours(site, world, lsn);
    pair->bare = (double) rows / bare;
    pair->ours = (double) rows / ours;
    return bare > 0 && ours > 0 && has_history(world, rows);
}

bool
postgres_read(postgres_site_t *site, size_t transactions, postgres_pair_t *pair)
{
    bench_world_t *world = postgres_site_begin(site) ? postgres_site_serve(site) : NULL;
    const bool good = world && read_both(site, world, ROWS / transactions, pair);
    bench_world_destroy(&world);
    return good;
}
