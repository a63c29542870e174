/*  bench_postgres - the server on PostgreSQL, beside what PostgreSQL does itself with the same
    rows in the same run.  */

#pragma once

#include "schemas/base.h"
#include "tools/bench_cluster.h"
#include "tools/bench_world.h"

/*  The clusters, and the databases of the trial under way.  */
typedef struct postgres_site {
    const bench_t *bench;
    bench_cluster_t *first, *second; /* the database, and where a subscription brings it */
    unsigned trials;
    char *database; /* its name in both */
    PGconn *publisher, *subscriber;
} postgres_site_t;

/*  Of one run: both in rows a second, or both in seconds.  */
typedef struct postgres_pair {
    double bare, ours;
} postgres_pair_t;

/*  False after a complaint. count: what the course has to say of itself.  */
typedef bool postgres_course_fn(postgres_site_t *site, size_t count, postgres_pair_t *pair);

postgres_course_fn postgres_read;    /* bench_postgres_read.c; count: transactions */
postgres_course_fn postgres_live;    /* bench_postgres_down.c; count: commits */
postgres_course_fn postgres_initial; /* the same; count: rows */
postgres_course_fn postgres_apply;   /* bench_postgres_apply.c; count: rows a transaction */

/*  ------------------------------------------------- what they share: bench_postgres_site.c  */

/*  Zeroed *self; false after a complaint.  */
bool postgres_site_open(postgres_site_t *self, const bench_t *bench);
void postgres_site_close(postgres_site_t *self);

/*  Fresh databases with the empty table `items`, published as the server would.  */
bool postgres_site_begin(postgres_site_t *self);
/*  Rows first to first + n by plain SQL, so many in a transaction.  */
bool postgres_site_put(postgres_site_t *self, size_t first, size_t n, size_t a_transaction);
/*  Writes one row more, numbered number. *lsn: a position that only this last commit is
    behind.  */
bool postgres_site_put_last(postgres_site_t *self, size_t number, uint64_t *lsn);

/*  A server on the database, which has read all of it. NULL after a complaint.  */
bench_world_t *postgres_site_serve(postgres_site_t *self);

/*  Row number i as a client writes it: about 200 bytes.  */
typedef struct postgres_row {
    char id[24], title[32], body[120], note[32];
    int64_t number;
} postgres_row_t;
postgres_row_t postgres_row(size_t number);
