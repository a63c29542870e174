/*  check_private - the questions that check.c asks.  */

#pragma once

#include "actors/server/postgres/check.h"

/*  Each gives findings as rows: level, thing, what there is to say, SQL that mends it or NULL.
    They read from `me`: schema, publication and connections of the settings, slot, and the
    tables that schema waybill has.  */
typedef struct check_query {
    const char *thing; /* if it cannot be asked */
    const char *sql;
} check_query_t;

extern const check_query_t check_system[]; /* ended by {0} */
extern const check_query_t check_rights[];
extern const check_query_t check_slots[];
