/*  replicas - looks into the databases of a server and its agents while they run, and
    compares them. Reads only, on connections of its own.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>
#include <stdio.h>

enum { PATH_ROOM = 200 };

/*  A reader never copies the log back: that is the checkpointer's.  */
static inline sqlite3 *
look_into(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return db;
}

/*  The server's file, with the agent's attached as r.  */
static inline sqlite3 *
look_into_both(const char *server, const char *agent)
{
    sqlite3 *db = look_into(server);
    char *sql = sqlite3_mprintf("ATTACH %Q AS r", agent);
    if (db && sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_close(db);
        db = NULL;
    }
    sqlite3_free(sql);
    return db;
}

/*  What a query counts must be 0; if not, what stands before the rows it counted.  */
static inline void
expect_none(sqlite3 *db, const char *what, const char *sql, buffer_t *complaints)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        buffer_add_format(complaints, "%s: %s\n", what, sqlite3_errmsg(db));
        return;
    }
    for (int i = 0; i < 3 && sqlite3_step(statement) == SQLITE_ROW; i++)
        buffer_add_format(complaints, "%s: %s\n", what, sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
}

/*  Rows of a table that one side has and the other has not, in either direction. Only a change
    that waits behind a refused one may still stand above a row.  */
static inline void
compare_tables(const char *server, const char *agent, const char *table, buffer_t *complaints)
{
    sqlite3 *db = look_into_both(server, agent);
    char *sql = sqlite3_mprintf(
        "WITH differing (side, id, value) AS ("
        " SELECT 'server', id, value FROM"
        "  (SELECT * FROM main.%w EXCEPT SELECT * FROM r.%w)"
        " UNION ALL SELECT 'replica', id, value FROM"
        "  (SELECT * FROM r.%w EXCEPT SELECT * FROM main.%w))"
        " SELECT side || ' has ' || id || ' ' || quote(value) FROM differing d"
        " WHERE NOT EXISTS (SELECT 1 FROM r.local_changes l WHERE l.entity_type = %Q"
        "  AND l.entity_id = d.id AND l.from_server = 0 AND l.state = 'pending')",
        table, table, table, table, table);
    expect_none(db, agent, sql, complaints);
    sqlite3_free(sql);
    sqlite3_close(db);
}

/*  acknowledged: change ids as SQL rows, ('1'),('2'); may be empty.  */
static inline void
compare_journals(const char *server, const char *agent, const char *acknowledged,
                 buffer_t *complaints)
{
    sqlite3 *db = look_into_both(server, agent);
    buffer_t sql = {0};
    buffer_add_format(&sql,
                      "WITH acknowledged (id) AS (VALUES %s) SELECT id FROM acknowledged a"
                      " WHERE NOT EXISTS (SELECT 1 FROM r.local_changes l WHERE l.id = a.id"
                      "  AND (l.state = 'pending' OR (l.verdict IS NOT NULL AND EXISTS"
                      "  (SELECT 1 FROM main.client_changes c"
                      "  WHERE c.id = coalesce(l.folded_into, a.id)))))",
                      acknowledged);
    if (*acknowledged)
        expect_none(db, "acknowledged, without a verdict", buffer_text(&sql), complaints);
    buffer_release(&sql);
    expect_none(db, "pending, and behind nothing refused",
                "SELECT p.id FROM r.local_changes p WHERE p.from_server = 0"
                " AND p.state = 'pending' AND NOT EXISTS (SELECT 1 FROM r.local_changes l"
                "  WHERE l.from_server = 0 AND l.state <> 'done' AND l.id <> p.id"
                "  AND (l.txn = p.txn OR (l.entity_type = p.entity_type"
                "   AND l.entity_id = p.entity_id AND l.rowid < p.rowid)))",
                complaints);
    expect_none(db, "the position is not the server's",
                "SELECT s.lsn || ' is not ' || h.lsn FROM r.sync_state s, main.waybill_head h"
                " WHERE s.lsn <> h.lsn OR s.epoch <> h.epoch",
                complaints);
    expect_none(db, "the journal says other than the ledger",
                "SELECT l.id || ' ' || l.verdict || ', server ' || c.verdict"
                " FROM r.local_changes l JOIN main.client_changes c ON c.id = l.id"
                " WHERE l.from_server = 0 AND l.verdict <> c.verdict",
                complaints);
    sqlite3_close(db);
}

static inline void
compare_effects(const char *server, buffer_t *complaints)
{
    sqlite3 *db = look_into(server);
    expect_none(db, "took effect twice",
                "SELECT change_id FROM change_log WHERE change_id IS NOT NULL"
                " GROUP BY change_id HAVING count(*) > 1",
                complaints);
    expect_none(db, "applied without an effect",
                "SELECT id FROM client_changes c WHERE verdict = 'applied'"
                " AND NOT EXISTS (SELECT 1 FROM change_log l WHERE l.change_id = c.id)",
                complaints);
    expect_none(db, "an effect without a verdict",
                "SELECT change_id FROM change_log WHERE change_id IS NOT NULL"
                " AND change_id NOT IN (SELECT id FROM client_changes)",
                complaints);
    sqlite3_close(db);
}
