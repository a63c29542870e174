/*  cluster - PostgreSQL for tests: the cluster that the tests of a run of ctest share, clusters
   of their own for those that stop and break it, and a database for each test.

    By hand, without ctest, a test makes a cluster for itself; WAYBILL_CLUSTER=DIR names one
   that `tools/postgres start DIR` has started. What goes wrong here fails the test.  */

#pragma once

#include "schemas/base.h"

#include <libpq-fe.h>

typedef struct cluster {
    char *dir; /* as tools/postgres has it */
    char *address;
    bool shared;
} cluster_t;

/*  Belongs to nobody. Made or found at the first call.  */
cluster_t *cluster_shared(void);
/*  One of its own; options of `tools/postgres start`, NULL ends. It does not outlive the test.
 */
cluster_t *cluster_new(const char *const *options);
#define CLUSTER(...) cluster_new((const char *const[]){__VA_ARGS__, NULL})
/*  Removes it.  */
void cluster_destroy(cluster_t **self);

void cluster_start(cluster_t *self);
/*  immediate: as if it had crashed.  */
void cluster_stop(cluster_t *self, bool immediate);
/*  A standby becomes a primary.  */
void cluster_promote(cluster_t *self);
/*  Stops the other one, and starts this one at its address.  */
void cluster_replace(cluster_t *self, cluster_t *other);
/*  postgres://postgres@127.0.0.1:PORT/DATABASE, to be freed.  */
char *cluster_address(const cluster_t *self, const char *database);

/*  ---------------------------------------------------------------- a database  */

typedef struct database {
    cluster_t *cluster;
    char *name;
    char *address; /* for --db */
    PGconn *sql;   /* the test's own session, opened again after it broke */
} database_t;

/*  A new, empty one. cluster NULL: in the shared one.  */
database_t *database_new(cluster_t *cluster);
/*  One that is there.  */
database_t *database_open(cluster_t *cluster, const char *name);
/*  Drops a new one of the shared cluster with its slots, whoever uses them; others are let go.
 */
void database_destroy(database_t **self);
/*  Another session, for the caller to PQfinish().  */
PGconn *database_session(const database_t *self);

/*  Any number of statements.  */
void database_run(database_t *self, const char *sql);
/*  Whether it went well: for what may be refused, or meet a database that is down.  */
bool database_try(database_t *self, const char *sql);
/*  The first column of the first row; -1 if there is none, or NULL.  */
int64_t database_number(database_t *self, const char *sql);
/*  Rows as lines, columns with | between, to be freed.  */
char *database_text(database_t *self, const char *sql);
/*  Asks until the first column of the first row is true; also while the database is down. Fails
   after two minutes.  */
void database_await(database_t *self, const char *sql);
/*  The same for what is no question to the database.  */
void await_true(bool (*holds)(void *arg), void *arg, const char *what);
