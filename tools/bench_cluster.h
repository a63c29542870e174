/*  bench_cluster - a private PostgreSQL cluster that lives as long as the bench wants it, with
    everything durable and nothing else going on in it.  */

#pragma once

#include "tools/bench.h"

#include <libpq-fe.h>

typedef struct bench_cluster bench_cluster_t;

/*  In bench->dir, on a free port of 127.0.0.1, as the user postgres where this one is root.
    NULL after a complaint.  */
bench_cluster_t *bench_cluster_new(const bench_t *bench, const char *name);
/*  Stops it; its directory goes with the bench's.  */
void bench_cluster_destroy(bench_cluster_t **self);

/*  postgres://..., the caller's to free.  */
char *bench_cluster_address(const bench_cluster_t *self, const char *database);
/*  NULL after a complaint.  */
PGconn *bench_cluster_connect(const bench_cluster_t *self, const char *database);
/*  The same for the replication protocol.  */
PGconn *bench_cluster_connect_stream(const bench_cluster_t *self, const char *database);

/*  One statement, or several. The connection may be NULL: then they fail, as after a complaint.
 */
bool bench_sql(PGconn *connection, const char *sql);
/*  The first column of the first row, the caller's to free; NULL if there is none, or after a
    complaint.  */
char *bench_sql_text(PGconn *connection, const char *sql);
/*  The same as a number; NAN for NULL.  */
double bench_sql_number(PGconn *connection, const char *sql);
/*  Waits until the statement gives that number; false after a complaint.  */
bool bench_sql_await(PGconn *connection, const char *sql, double number);
