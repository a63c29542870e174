/*  identity_private - what the files of identity share.  */

#pragma once

#include "actors/server/postgres/identity.h"

/*  Whoever makes or decides something for all servers of the database holds it until the end of
    the transaction. The number is the word waybill.  */
#define IDENTITY_LOCK_SQL "SELECT pg_advisory_xact_lock(x'77617962696c6c'::bigint)"

/*  What a person was told of last.  */
typedef enum identity_worry {
    WORRY_NOTHING,
    WORRY_NO_LIMIT,
    WORRY_NEAR_LIMIT
} identity_worry_t;

struct identity {
    char *name;
    char *slot;
    identity_worry_t worry;
};
