/*  client_world - for tests of libwaybill: a handle on the world's agent, and waiting.  */

#pragma once

#include "client/waybill.h"
#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static inline waybill_t *
join(void)
{
    waybill_t *handle = NULL;
    waybill_error_t error = {0};
    if (waybill_open(world.agent_dir, "test", PATIENCE_MS, &handle, &error) != WAYBILL_OK)
        fail_msg("%s", error.text);
    waybill_set_timeout(handle, PATIENCE_MS);
    return handle;
}

static inline void
check_ok(const waybill_t *handle, waybill_code_t code, const char *call)
{
    const waybill_error_t *error = waybill_error(handle);
    if (code != WAYBILL_OK)
        fail_msg("%s: %d %s: %s", call, (int) code, error->name, error->text);
}
#define assert_ok(handle, call) check_ok(handle, call, #call)

/*  The application's own connection.  */
static inline sqlite3 *
open_file(const char *file)
{
    sqlite3 *db = NULL;
    char *path = path_in(world.dir, file);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, PATIENCE_MS);
    free(path);
    return db;
}

static inline int64_t
number_in(const char *file, const char *sql)
{
    sqlite3 *db = open_file(file);
    const int64_t number = query_number(db, sql);
    sqlite3_close(db);
    return number;
}

static inline void
run_in(const char *file, const char *sql)
{
    sqlite3 *db = open_file(file);
    query_run(db, sql);
    sqlite3_close(db);
}

/*  ------------------------------------------------------------------------- the listener  */

typedef struct heard {
    int n[WAYBILL_ALL + 1]; /* by kind */
    char last_id[64], change_id[WAYBILL_ID_ROOM], result[16], name[32];
    waybill_code_t code;
    bool from_server;
} heard_t;

static inline void
listen_to(const waybill_event_t *event, void *context)
{
    heard_t *heard = context;
    heard->n[event->kind]++;
    heard->code = event->code;
    heard->from_server = event->from_server;
    if (event->id[0] != '\0')
        (void) snprintf(heard->last_id, sizeof heard->last_id, "%s", event->id);
    (void) snprintf(heard->change_id, sizeof heard->change_id, "%s", event->change_id);
    (void) snprintf(heard->result, sizeof heard->result, "%s", event->result);
    (void) snprintf(heard->name, sizeof heard->name, "%s", event->name);
}

#define WAIT_FOR(handle, condition)                                                            \
    for (int turns_ = 0; !(condition); turns_++) {                                             \
        (void) waybill_wait(handle, 1000);                                                     \
        assert_true(turns_ < 2000);                                                            \
    }

static inline void
restart_agent(int signal)
{
    (void) process_end(world.agent, signal);
    process_destroy(&world.agent);
    world.agent = start_agent(world.dir, world.url, NULL);
    assert_true(process_await_ready(world.agent));
}
