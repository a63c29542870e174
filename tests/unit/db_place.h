/*  db_place - a directory of its own for a test's database, and connections to it.  */

#pragma once

#include "actors/common/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct place {
    char directory[64];
    char path[96];
} place_t;

static inline int
make_place(void **state)
{
    place_t *place = mem_new(sizeof *place);
    strcpy(place->directory, "/tmp/waybill-db-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    (void) snprintf(place->path, sizeof place->path, "%s/app.db", place->directory);
    *state = place;
    return 0;
}

static inline int
remove_place(void **state)
{
    place_t *place = *state;
    char command[128];
    (void) snprintf(command, sizeof command, "rm -rf %s", place->directory);
    const int status = system(command);
    free(place);
    return status;
}

static inline db_t *
open_db(void **state)
{
    db_t *db = NULL;
    fault_t fault = {0};
    const place_t *place = *state;
    if (db_open(place->path, true, &db, &fault) != OK)
        fail_msg("%s", fault.text);
    return db;
}

static inline void
run(db_t *db, const char *sql)
{
    fault_t fault = {0};
    if (db_exec(db, sql, &fault) != OK)
        fail_msg("%s", fault.text);
}
