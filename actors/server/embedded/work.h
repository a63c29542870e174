/*  work - what validator, executor and ledger share about the transaction they work in.  */

#pragma once

#include "actors/server/rights.h"

typedef struct work {
    db_t *db;
    catalog_t *catalog;
    const settings_t *settings;
    arena_t *arena;        /* of the round */
    const char *client_id; /* whose changes these are, by the connection */
    const char *user;      /* who may do what; empty: users are not known */
    const rights_t *rights;
    int64_t wall_ms;
} work_t;
