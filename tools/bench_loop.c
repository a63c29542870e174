#include "tools/bench_loop.h"

#include "schemas/tables.h"
#include "tools/bench_agent.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 1000 };

typedef struct loop {
    sqlite3 *db;
    sqlite3_stmt *item, *journal, *position;
    loop_work_t work;
    bool failed;
} loop_t;

static void
try(loop_t *self, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || self->failed)
        return;
    complain("bench: %s", sqlite3_errmsg(self->db));
    self->failed = true;
}

static void
run(loop_t *self, const char *sql)
{
    try(self, sqlite3_exec(self->db, sql, NULL, NULL, NULL));
}

static void
open_file(loop_t *self, const char *dir)
{
    AUTO(text) path = mem_format("%s/app.db", dir);
    try(self, sqlite3_open(path, &self->db));
    run(self, "PRAGMA journal_mode = WAL");
    run(self, "PRAGMA synchronous = FULL");
    run(self, "CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY NOT NULL, title TEXT, "
              "body TEXT, number INTEGER)");
}

bool
loop_make_file(const char *dir)
{
    loop_t self = {0};
    open_file(&self, dir);
    sqlite3_close(self.db);
    return !self.failed;
}

static void
prepare(loop_t *self)
{
    run(self, agent_sql);
    run(self, "INSERT INTO sync_state (one, client_id) VALUES (1, 'bench')");
    try(self, sqlite3_prepare_v2(
                  self->db,
                  "INSERT INTO items (id, title, body, number) VALUES (?1, ?2, ?3, ?4) "
                  "ON CONFLICT (id) DO UPDATE SET title = ?2, body = ?3, number = ?4",
                  -1, &self->item, NULL));
    try(self,
        sqlite3_prepare_v2(
            self->db,
            "INSERT INTO local_changes (id, entity_type, entity_id, operation, data, timestamp,"
            " processed_local, processed_sync, from_server, lsn, client_id, txn, state)"
            " VALUES (?1, 'items', ?2, 'insert', ?3, ?4, 1, ?5, ?5, ?6, 'bench', ?7, ?8)",
            -1, &self->journal, NULL));
    try(self, sqlite3_prepare_v2(self->db, "UPDATE sync_state SET lsn = ?1", -1,
                                 &self->position, NULL));
}

static void
step(loop_t *self, sqlite3_stmt *statement)
{
    try(self, sqlite3_step(statement));
    sqlite3_reset(statement);
}

static void
put_item(loop_t *self, const bench_item_t *item)
{
    sqlite3_bind_text(self->item, 1, item->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(self->item, 2, item->title, -1, SQLITE_STATIC);
    sqlite3_bind_text(self->item, 3, item->body, -1, SQLITE_STATIC);
    sqlite3_bind_int64(self->item, 4, item->number);
    step(self, self->item);
}

static void
put_journal(loop_t *self, const bench_item_t *item, int64_t lsn, const char *txn)
{
    bool applied = self->work == LOOP_APPLY;
    uint8_t uuid[16];
    char id[UUID_TEXT], json[256];
    uuid_v7(uuid, (uint64_t) wall_ms(), 0, (uint64_t) item->number);
    snprintf(json, sizeof json,
             "{\"id\":\"%s\",\"title\":\"%s\",\"body\":\"%s\",\"number\":%lld}", item->id,
             item->title, item->body, (long long) item->number);
    sqlite3_bind_text(self->journal, 1, uuid_text(uuid, id), -1, SQLITE_STATIC);
    sqlite3_bind_text(self->journal, 2, item->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(self->journal, 3, json, -1, SQLITE_STATIC);
    sqlite3_bind_int64(self->journal, 4, wall_ms());
    sqlite3_bind_int(self->journal, 5, applied);
    sqlite3_bind_int64(self->journal, 6, lsn);
    sqlite3_bind_text(self->journal, 7, txn, -1, SQLITE_STATIC);
    sqlite3_bind_text(self->journal, 8, applied ? "done" : "pending", -1, SQLITE_STATIC);
    step(self, self->journal);
}

static void
put_batch(loop_t *self, size_t batch, size_t size)
{
    char txn[24];
    snprintf(txn, sizeof txn, "txn-%zu", batch);
    run(self, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < size; i++) {
        bench_item_t item = bench_item(batch * size + i);
        put_item(self, &item);
        if (self->work != LOOP_ROWS)
            put_journal(self, &item, (int64_t) batch, txn);
    }
    if (self->work == LOOP_APPLY) {
        sqlite3_bind_int64(self->position, 1, (int64_t) batch);
        step(self, self->position);
    }
    run(self, "COMMIT");
}

double
loop_run(const bench_t *bench, loop_work_t work)
{
    loop_t self = {.work = work};
    AUTO(text) dir = mem_format("%s/bare.XXXXXX", bench->dir);
    if (!mkdtemp(dir))
        return complain("%s: cannot be made", dir), 0;
    open_file(&self, dir);
    prepare(&self);

    const size_t size = work == LOOP_ROWS ? ROWS_AT_ONCE : BATCH;
    uint64_t start = now_ns();
    for (size_t batch = 0; batch < (size_t) BATCHES * BATCH / size && !self.failed; batch++)
        put_batch(&self, batch, size);
    double seconds = seconds_since(start);
    sqlite3_finalize(self.item);
    sqlite3_finalize(self.journal);
    sqlite3_finalize(self.position);
    sqlite3_close(self.db);
    return self.failed ? 0 : BATCHES * BATCH / seconds;
}
