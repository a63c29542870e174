/*  pg_place - a database for a test, and a connection of the server's kind to it.  */

#pragma once

#include "actors/server/postgres/pg.h"
#include "tests/defaults.h"
#include "tests/postgres/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct pg_place {
    database_t *database;
    settings_t settings;
    pg_t *pg;
} pg_place_t;

static inline void
open_place(pg_place_t *place, cluster_t *cluster)
{
    fault_t fault = {0};
    *place = (pg_place_t){.database = database_new(cluster), .settings = defaults};
    place->settings.server_db = place->database->address;
    place->pg = pg_new(&place->settings, PG_SQL, "test");
    if (pg_ready(place->pg, &fault) != OK)
        fail_msg("%s", fault.text);
}

static inline void
close_place(pg_place_t *place)
{
    pg_destroy(&place->pg);
    database_destroy(&place->database);
}

/*  Must go well.  */
static inline void
must(err_t err, const fault_t *fault)
{
    if (err != OK)
        fail_msg("%s: %s", err_name(err), fault->text);
}

static inline void
exec(pg_place_t *place, const char *sql)
{
    fault_t fault = {0};
    must(pg_exec(place->pg, sql, &fault), &fault);
}

/*  The error that a statement ends with.  */
static inline err_t
error_of(pg_place_t *place, const char *sql, fault_t *fault)
{
    *fault = (fault_t){0};
    return pg_run(place->pg, sql, NULL, fault, "");
}

static inline int64_t
number_of(pg_place_t *place, const char *sql)
{
    fault_t fault = {0};
    int64_t number = -1;
    must(pg_number(place->pg, sql, &number, &fault, ""), &fault);
    return number;
}
