/*  caches - the files that servers on PostgreSQL serve from, looked into from outside.  */

#pragma once

#include "tests/integration/chaos.h"
#include "tests/postgres/cluster.h"

/*  Until every server of the chaos has what was committed so far.  */
void caches_follow(const chaos_t *chaos, database_t *database);
