/*  What comes down to an agent, beside PostgreSQL's own subscription to the same table in
    another cluster: all rows at first, and one commit after the other.  */

#include "tools/bench_postgres.h"
#include "tools/bench_sync.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { LOOK_US = 50, PATIENCE_S = 60 };

static bool
subscribe(postgres_site_t *site)
{
    AUTO(text) address = bench_cluster_address(site->first, site->database);
    AUTO(text)
    make = mem_format("CREATE SUBSCRIPTION bench CONNECTION '%s' PUBLICATION waybill"
                      " WITH (synchronous_commit = on)",
                      address);
    return bench_sql(site->subscriber, make);
}

static bool
unsubscribe(postgres_site_t *site)
{
    return bench_sql(site->subscriber, "DROP SUBSCRIPTION bench");
}

/*  ----------------------------------------------------------------------- initial sync  */

static double
copy_bare(postgres_site_t *site)
{
    const uint64_t start = now_ns();
    const bool good = subscribe(site)
                      && bench_sql_await(site->subscriber,
                                         "SELECT (EXISTS (SELECT 1 FROM items))::integer", 1);
    const double seconds = seconds_since(start);
    return good && unsubscribe(site) ? seconds : 0;
}

/*  Then it has the table, and these rows in it.  */
static bool
is_synchronised(member_t *agent, size_t rows)
{
    return member_connect(agent) && member_await(agent, "SELECT lsn > 0 FROM sync_state", 1)
           && member_await(agent, "SELECT count(*) FROM items", (int64_t) rows);
}

static double
copy_ours(postgres_site_t *site, size_t rows)
{
    double seconds = 0;
    bench_world_t *world = postgres_site_serve(site);
    member_t *agent = world ? bench_world_add_agent(world) : NULL;
    const uint64_t start = now_ns();
    if (agent && member_connect(agent)
        && member_await(agent, "SELECT lsn > 0 FROM sync_state", 1))
        seconds = seconds_since(start);
    const bool whole =
        seconds > 0 && member_await(agent, "SELECT count(*) FROM items", (int64_t) rows);
    bench_world_destroy(&world);
    return whole ? seconds : 0;
}

bool
postgres_initial(postgres_site_t *site, size_t count, postgres_pair_t *pair)
{
    const size_t rows = bench_size(site->bench, count);
    if (!postgres_site_begin(site) || !postgres_site_put(site, 1, rows, rows)
        || !bench_sql(site->publisher, "CHECKPOINT"))
        return false;
    const double bare = copy_bare(site), ours = bare > 0 ? copy_ours(site, rows) : 0;
    pair->bare = (double) rows / bare;
    pair->ours = (double) rows / ours;
    return bare > 0 && ours > 0;
}

/*  -------------------------------------------------------------------------------- live  */

/*  Looked for where it is to arrive: 1 there, 0 not yet, -1 after a complaint.  */
typedef int look_fn(void *where, const char *id);

static int
look_at_subscriber(void *where, const char *id)
{
    PGresult *result = PQexecPrepared(where, "look", 1, &id, NULL, NULL, 0);
    const int found = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : -1;
    if (found < 0)
        complain("bench: %s", PQerrorMessage(where));
    PQclear(result);
    return found;
}

static int
look_at_agent(void *where, const char *id)
{
    sqlite3_stmt *look = where;
    sqlite3_bind_text(look, 1, id, -1, SQLITE_STATIC);
    const int code = sqlite3_step(look);
    sqlite3_reset(look);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        complain("bench: %s", sqlite3_errmsg(sqlite3_db_handle(look)));
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
}

static bool
commit_row(postgres_site_t *site, const postgres_row_t *row)
{
    AUTO(text) number = mem_format("%" PRId64, row->number);
    const char *const values[] = {row->id, row->title, row->body, row->note, number};
    PGresult *result =
        PQexecPrepared(site->publisher, "put", COUNT_OF(values), values, NULL, NULL, 0);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good)
        complain("bench: %s", PQerrorMessage(site->publisher));
    PQclear(result);
    return good;
}

static double
time_row(postgres_site_t *site, size_t number, look_fn *look, void *where)
{
    const postgres_row_t row = postgres_row(number);
    if (!commit_row(site, &row))
        return 0;
    const uint64_t start = now_ns();
    int found;
    while ((found = look(where, row.id)) == 0 && seconds_since(start) < PATIENCE_S)
        usleep(LOOK_US);
    const double seconds = seconds_since(start);
    if (found == 0)
        complain("bench: %s did not come", row.id);
    return found == 1 ? seconds : 0;
}

/*  The median, in seconds.  */
static double
time_rows(postgres_site_t *site, size_t first, size_t n, look_fn *look, void *where)
{
    double *times = mem_new(n * sizeof *times);
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        good = (times[i] = time_row(site, first + i, look, where)) > 0;
    const double middle = good ? median(times, (int) n) : 0;
    free(times);
    return middle;
}

static bool
prepare(PGconn *connection, const char *name, const char *sql)
{
    PGresult *result = PQprepare(connection, name, sql, 0, NULL);
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!good)
        complain("bench: %s", PQerrorMessage(connection));
    return good;
}

static double
live_bare(postgres_site_t *site, size_t n)
{
    static const char is_live[] =
        "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r'";
    if (!prepare(site->subscriber, "look", "SELECT 1 FROM items WHERE id = $1")
        || !subscribe(site) || !bench_sql_await(site->subscriber, is_live, 1))
        return 0;
    const double seconds = time_rows(site, 1, n, look_at_subscriber, site->subscriber);
    return unsubscribe(site) ? seconds : 0;
}

static double
live_ours(postgres_site_t *site, size_t n)
{
    double seconds = 0;
    sqlite3_stmt *look = NULL;
    bench_world_t *world = postgres_site_serve(site);
    member_t *agent = world ? bench_world_add_agent(world) : NULL;
    if (agent && is_synchronised(agent, n)
        && sqlite3_prepare_v2(agent->db, "SELECT 1 FROM items WHERE id = ?1", -1, &look, NULL)
               == SQLITE_OK)
        seconds = time_rows(site, n + 1, n, look_at_agent, look);
    sqlite3_finalize(look);
    bench_world_destroy(&world);
    return seconds;
}

bool
postgres_live(postgres_site_t *site, size_t count, postgres_pair_t *pair)
{
    const size_t n = bench_size(site->bench, count);
    prctl(PR_SET_TIMERSLACK, 1000); /* in ns; else each look comes 50 µs late */
    if (!postgres_site_begin(site)
        || !prepare(site->publisher, "put", "INSERT INTO items VALUES ($1, $2, $3, $4, $5)"))
        return false;
    pair->bare = live_bare(site, n);
    pair->ours = pair->bare > 0 ? live_ours(site, n) : 0;
    return pair->ours > 0;
}
