#include "tools/bench_postgres.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  Rows of about 200 bytes; ?1 is the first number, ?2 the last.  */
#define INSERT_ROWS                                                                            \
    "INSERT INTO items SELECT 'item-' || lpad(i::text, 9, '0'), 'The title of ' || i,"         \
    " repeat('x', 119), 'Something to note', i FROM generate_series("

static const char make_items[] = "CREATE TABLE items (id text PRIMARY KEY, title text,"
                                 " body text, note text, number bigint)";

bool
postgres_site_open(postgres_site_t *self, const bench_t *bench)
{
    self->bench = bench;
    self->first = bench_cluster_new(bench, "first");
    self->second = self->first ? bench_cluster_new(bench, "second") : NULL;
    return self->second != NULL;
}

/*  A slot keeps its database from being dropped, and a subscription its slot.  */
static bool
end_trial(postgres_site_t *self)
{
    if (!self->database)
        return true;
    PQfinish(self->subscriber);
    PQfinish(self->publisher);
    self->publisher = bench_cluster_connect(self->first, "postgres");
    self->subscriber = bench_cluster_connect(self->second, "postgres");
    AUTO(text) drop = mem_format("DROP DATABASE %s WITH (FORCE)", self->database);
    const bool good =
        bench_sql(self->publisher, "SELECT pg_drop_replication_slot(slot_name)"
                                   " FROM pg_replication_slots WHERE active_pid IS NULL")
        && bench_sql(self->publisher, drop) && bench_sql(self->subscriber, drop);
    PQfinish(self->subscriber);
    PQfinish(self->publisher);
    self->publisher = self->subscriber = NULL;
    free(self->database);
    self->database = NULL;
    return good;
}

void
postgres_site_close(postgres_site_t *self)
{
    PQfinish(self->subscriber);
    PQfinish(self->publisher);
    free(self->database);
    bench_cluster_destroy(&self->second);
    bench_cluster_destroy(&self->first);
    *self = (postgres_site_t){0};
}

static PGconn *
make_database(const bench_cluster_t *cluster, const char *name)
{
    AUTO(text) make = mem_format("CREATE DATABASE %s", name);
    PGconn *connection = bench_cluster_connect(cluster, "postgres");
    const bool made = bench_sql(connection, make);
    PQfinish(connection);
    connection = made ? bench_cluster_connect(cluster, name) : NULL;
    if (bench_sql(connection, make_items))
        return connection;
    PQfinish(connection);
    return NULL;
}

bool
postgres_site_begin(postgres_site_t *self)
{
    if (!end_trial(self))
        return false;
    self->database = mem_format("trial%u", ++self->trials);
    self->publisher = make_database(self->first, self->database);
    self->subscriber = make_database(self->second, self->database);
    return self->publisher && self->subscriber
           && bench_sql(self->publisher, "CREATE PUBLICATION waybill FOR TABLE items");
}

/*  What is measured is not how these are written.  */
bool
postgres_site_put(postgres_site_t *self, size_t first, size_t n, size_t a_transaction)
{
    AUTO(text)
    sql = mem_format("DO $$ BEGIN"
                     " FOR t IN 0 .. %zu LOOP " INSERT_ROWS
                     "%zu + t * %zu, least(%zu, %zu + (t + 1) * %zu) - 1) AS i;"
                     " COMMIT; END LOOP; END $$",
                     (n - 1) / a_transaction, first, a_transaction, first + n, first,
                     a_transaction);
    return bench_sql(self->publisher, "SET synchronous_commit = off")
           && bench_sql(self->publisher, sql)
           && bench_sql(self->publisher, "RESET synchronous_commit");
}

bool
postgres_site_put_last(postgres_site_t *self, size_t number, uint64_t *lsn)
{
    AUTO(text) insert = mem_format(INSERT_ROWS "%zu, %zu) AS i", number, number);
    if (!bench_sql(self->publisher, "BEGIN") || !bench_sql(self->publisher, insert))
        return false;
    AUTO(text)
    text = bench_sql_text(self->publisher, "SELECT pg_current_wal_insert_lsn() - '0/0'");
    if (!text || !bench_sql(self->publisher, "COMMIT"))
        return false;
    *lsn = strtoull(text, NULL, 10);
    return true;
}

bench_world_t *
postgres_site_serve(postgres_site_t *self)
{
    AUTO(text) address = bench_cluster_address(self->first, self->database);
    bench_world_t *world = bench_world_on(self->bench, address);
    if (world && !member_await(&world->server, "SELECT captured > 0 FROM waybill_head", 1))
        bench_world_destroy(&world);
    return world;
}

postgres_row_t
postgres_row(size_t number)
{
    postgres_row_t row = {.note = "Something to note", .number = (int64_t) number};
    snprintf(row.id, sizeof row.id, "item-%09zu", number);
    snprintf(row.title, sizeof row.title, "The title of %zu", number);
    memset(row.body, 'x', sizeof row.body - 1);
    return row;
}
