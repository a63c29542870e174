#include "tests/unit/backend.h"

#include "actors/server/actors.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/*  Virtual time against real time, with PostgreSQL beside the simulation.  */
enum { SPEED = 100, LOOK_MS = 100 };

bool
on_postgres(void)
{
    const char *wanted = getenv("WAYBILL_BACKEND");
    return wanted && strcmp(wanted, "postgres") == 0;
}

const char *
either(const char *on_sqlite, const char *on_postgres_)
{
    return on_postgres() ? on_postgres_ : on_sqlite;
}

/*  ------------------------------------------------------------------ coming and going  */

void
backend_open(backend_t *self, const char *path, settings_t *settings)
{
    static unsigned count;
    assert_true(strlen(path) < sizeof self->path);
    *self = (backend_t){0};
    strcpy(self->path, path);
    settings->server_db = self->path;
    if (!on_postgres())
        return;
    self->database = database_new(NULL);
    (void) snprintf(self->name, sizeof self->name, "test_%d_%u", (int) getpid(), ++count);
    /* An empty file is as good as none. */
    settings->server_cache = self->path;
    settings->server_db = self->database->address;
    settings->postgres_name = self->name;
    settings->postgres_heartbeat_ms = 5000;
    settings->postgres_connect_ms = 600000; /* virtual ones */
}

void
backend_join(backend_t *self, sim_t *sim, int node)
{
    self->sim = sim;
    self->node = node;
    for (size_t i = 0; server_actors[i]; i++)
        sim_add(sim, node, server_actors[i]);
    if (self->database)
        sim_watch_files(sim, SPEED);
}

void
backend_close(backend_t *self)
{
    database_destroy(&self->database);
}

/*  ------------------------------------------------------------------------ its own SQL  */

/*  The servers' own tables, which they share.  */
static const struct {
    const char *here, *there;
} shared[] = {
    {"client_changes", "waybill.client_changes"},
    {"changes_history", "waybill.changes_history"},
    {"waybill_clients", "waybill.clients"},
};

static const char *const cached[] = {
    "change_log", "waybill_head", "waybill_versions", "waybill_columns", "waybill_origin",
};

static bool
goes_to_file(const backend_t *self, const char *sql)
{
    if (self->database == NULL)
        return true;
    for (size_t i = 0; i < COUNT_OF(cached); i++)
        if (strstr(sql, cached[i]))
            return true;
    return false;
}

static const char *
shared_name(const char *at, size_t *size)
{
    for (size_t i = 0; i < COUNT_OF(shared); i++) {
        *size = strlen(shared[i].here);
        if (strncmp(at, shared[i].here, *size) == 0)
            return shared[i].there;
    }
    return NULL;
}

static void
translate(const char *sql, buffer_t *out)
{
    while (*sql) {
        size_t size = 0;
        const char *name = shared_name(sql, &size);
        if (name)
            buffer_add_text(out, name);
        else
            buffer_add(out, sql, size = 1);
        sql += size;
    }
}

/*  What its owner has in its log stays there.  */
static sqlite3 *
open_file(const backend_t *self)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(self->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static void
run_in_file(const backend_t *self, const char *sql)
{
    sqlite3 *db = open_file(self);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

void
backend_run(const backend_t *self, const char *sql)
{
    buffer_t translated = {0};
    if (goes_to_file(self, sql)) {
        if (self->database)
            backend_follow(self);
        run_in_file(self, sql);
        return;
    }
    translate(sql, &translated);
    database_run(self->database, buffer_text(&translated));
    buffer_release(&translated);
}

/*  ------------------------------------------------------------------------- following  */

static int64_t
number_in_file(const backend_t *self, const char *sql)
{
    sqlite3 *db = open_file(self);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const int64_t number =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

typedef struct goal {
    const backend_t *backend;
    int64_t position;
} goal_t;

static bool
has_captured(void *arg)
{
    const goal_t *goal = arg;
    sim_run_ms(goal->backend->sim, LOOK_MS);
    return number_in_file(goal->backend, "SELECT captured FROM waybill_head") >= goal->position;
}

void
backend_follow(const backend_t *self)
{
    if (self->sim == NULL || !sim_up(self->sim, self->node))
        return;
    if (self->database == NULL) {
        sim_tell(self->sim, self->node, "replicator", MSG_committed, &(committed_t){.lsn = 0});
        return;
    }
    goal_t goal = {self, database_number(self->database,
                                         "SELECT pg_logical_emit_message(true, 'test', '')"
                                         " - '0/0'")};
    await_true(has_captured, &goal, "the server has captured what was committed");
}

/*  --------------------------------------------------------------------------- asking  */

static void
rows_in_file(const backend_t *self, const char *sql, buffer_t *rows)
{
    sqlite3 *db = open_file(self);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *) sqlite3_column_text(statement, 0);
        buffer_add_format(rows, "%s%s", rows->size > 0 ? " " : "", text ? text : "");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void
rows_in_database(const backend_t *self, const char *sql, buffer_t *rows)
{
    buffer_t translated = {0};
    translate(sql, &translated);
    char *text = database_text(self->database, buffer_text(&translated));
    for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        buffer_add_format(rows, "%s%.*s", rows->size > 0 ? " " : "", (int) strcspn(line, "\n"),
                          line);
    free(text);
    buffer_release(&translated);
}

void
backend_rows(const backend_t *self, const char *sql, buffer_t *rows)
{
    if (!goes_to_file(self, sql)) {
        rows_in_database(self, sql, rows);
        return;
    }
    if (self->database)
        backend_follow(self);
    rows_in_file(self, sql, rows);
}

int64_t
backend_number(const backend_t *self, const char *sql)
{
    buffer_t rows = {0};
    backend_rows(self, sql, &rows);
    const int64_t number = rows.size > 0 ? strtoll(buffer_text(&rows), NULL, 10) : -1;
    buffer_release(&rows);
    return number;
}

/*  --------------------------------------------------------------------------- locking  */

static void
run_there(PGconn *session, const char *sql)
{
    PGresult *result = PQexec(session, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(session));
    PQclear(result);
}

void *
backend_lock(const backend_t *self)
{
    if (self->database) {
        PGconn *session = database_session(self->database);
        run_there(session, "BEGIN; LOCK TABLE todo");
        return session;
    }
    sqlite3 *db = open_file(self);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

void
backend_unlock(void *lock)
{
    if (on_postgres())
        PQfinish(lock);
    else
        sqlite3_close(lock);
}

/*  -------------------------------------------------------------------------- dialects  */

char *
trigger(const char *name, const char *moment, const char *condition, const char *body)
{
    const char *when = condition ? condition : either("1", "true");
    if (!on_postgres())
        return mem_format("CREATE TRIGGER %s %s WHEN %s BEGIN %s END;", name, moment, when,
                          body);
    return mem_format("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS"
                      " $$BEGIN %s RETURN coalesce(NEW, OLD); END$$;"
                      "CREATE TRIGGER %s %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION %s();",
                      name, body, name, moment, when, name);
}

char *
refusal(const char *message)
{
    return on_postgres() ? mem_format("RAISE EXCEPTION '%s';", message)
                         : mem_format("SELECT RAISE(ABORT, '%s');", message);
}

const char *
disregard(void)
{
    return either("SELECT RAISE(IGNORE);", "RETURN NULL;");
}

void
backend_refuse(const backend_t *self, const char *title, const char *message)
{
    char *condition = mem_format("NEW.title = '%s'", title), *body = refusal(message);
    char *sql = trigger("refusing", "BEFORE INSERT ON todo", condition, body);
    backend_run(self, sql);
    free(condition);
    free(body);
    free(sql);
}
