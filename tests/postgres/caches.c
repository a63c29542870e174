#include "tests/postgres/caches.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct goal {
    sqlite3 *cache;
    int64_t place;
} goal_t;

static bool
is_captured(void *arg)
{
    const goal_t *goal = arg;
    return query_number(goal->cache, "SELECT captured FROM waybill_head") >= goal->place;
}

void
caches_follow(const chaos_t *chaos, database_t *database)
{
    database_await(database, "SELECT true"); /* it may just have come back */
    const int64_t place =
        database_number(database, "SELECT pg_logical_emit_message(true, 'test', '') - '0/0'");
    for (size_t i = 0; i < chaos->n_servers; i++) {
        goal_t goal = {.place = place};
        assert_int_equal(sqlite3_open(chaos->nodes[i].db, &goal.cache), SQLITE_OK);
        sqlite3_busy_timeout(goal.cache, 10000);
        await_true(is_captured, &goal, chaos->nodes[i].name);
        sqlite3_close(goal.cache);
    }
}
