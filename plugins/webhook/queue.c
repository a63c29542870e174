#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const sql[STATEMENTS] = {
    [ADD] = "INSERT OR IGNORE INTO queue (id, body) VALUES (?1, ?2)",
    [FIRST] = "SELECT id, body FROM queue ORDER BY seq LIMIT 1",
    [REMOVE] = "DELETE FROM queue WHERE id = ?1",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

int
queue_open(queue_t *self, const char *path)
{
    static const char tables[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE IF NOT EXISTS queue"
        " (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
    const mode_t mask = umask(0077);
    int rc = sqlite3_open_v2(path, &self->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(self->db, tables, NULL, NULL, NULL);
    umask(mask);
    for (int i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v2(self->db, sql[i], -1, &self->statements[i], NULL);
    return rc == SQLITE_OK;
}

/*  Runs a statement without rows, after what is bound.  */
static int
run(queue_t *self, statement_t which)
{
    sqlite3_step(self->statements[which]);
    return sqlite3_reset(self->statements[which]) == SQLITE_OK;
}

int
queue_add(queue_t *self, const char *id, const char *body)
{
    self->in_round = self->in_round || run(self, BEGIN);
    sqlite3_bind_text(self->statements[ADD], 1, id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(self->statements[ADD], 2, body, -1, SQLITE_TRANSIENT);
    return self->in_round && run(self, ADD);
}

int
queue_settle(queue_t *self)
{
    const int done = !self->in_round || run(self, COMMIT);
    self->in_round = 0;
    return done;
}

int
queue_first(queue_t *self, char id[WAYBILL_UUID_TEXT], char **body)
{
    sqlite3_stmt *row = self->statements[FIRST];
    const int rc = sqlite3_step(row);
    *body = NULL;
    if (rc == SQLITE_ROW) {
        (void) snprintf(id, WAYBILL_UUID_TEXT, "%s",
                        (const char *) sqlite3_column_text(row, 0));
        *body = strdup((const char *) sqlite3_column_text(row, 1));
    }
    sqlite3_reset(row);
    return rc == SQLITE_DONE || *body != NULL;
}

int
queue_remove(queue_t *self, const char *id)
{
    sqlite3_bind_text(self->statements[REMOVE], 1, id, -1, SQLITE_TRANSIENT);
    return run(self, REMOVE);
}

const char *
queue_why(const queue_t *self)
{
    return self->db ? sqlite3_errmsg(self->db) : "no memory";
}

void
queue_close(queue_t *self)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
}
