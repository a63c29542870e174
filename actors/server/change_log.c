#include "actors/server/change_log.h"

#include <stdio.h>

/*  Databases made by an earlier version do not know it. Their positions have no holes.  */
static err_t
find_floor(db_t *db, fault_t *fault)
{
    static const char sql[] = "UPDATE waybill_head SET floor ="
                              " coalesce((SELECT min(lsn) - 1 FROM change_log), lsn)"
                              " WHERE floor = 0";
    return db_run(db, sql, NULL, fault, "");
}

err_t
change_log_begin(db_t *db, const char *epoch, fault_t *fault)
{
    err_t err = db_run(db,
                       "INSERT OR IGNORE INTO waybill_head (one, epoch, lsn, floor)"
                       " VALUES (1, ?1, ?2, ?2)",
                       NULL, fault, "ti", epoch, (int64_t) CHANGE_LOG_ORIGIN);
    if (err == OK)
        err = find_floor(db, fault);
    if (err == OK)
        err = db_run(db, "INSERT OR IGNORE INTO waybill_origin (one) VALUES (1)", NULL, fault,
                     "");
    return err;
}

err_t
change_log_head(db_t *db, log_head_t *head, fault_t *fault)
{
    static const char sql[] =
        "SELECT epoch, lsn, EXISTS (SELECT 1 FROM change_log WHERE lsn > waybill_head.lsn),"
        " max(lsn, captured), captured = 0"
        " FROM waybill_head WHERE one = 1";
    err_t err = OK;
    sqlite3_stmt *statement = db_query(db, sql, fault, "");
    if (!db_step(db, statement, &err, fault))
        return err != OK ? err
                         : fault_set(fault, ERR_CORRUPT,
                                     "waybill_head: its row is gone; restore the database");
    (void) snprintf(head->epoch, sizeof head->epoch, "%s", column_text(statement, 0));
    head->lsn = (uint64_t) sqlite3_column_int64(statement, 1);
    head->unsealed = sqlite3_column_int(statement, 2) != 0;
    head->captured = (uint64_t) sqlite3_column_int64(statement, 3);
    head->dense = sqlite3_column_int(statement, 4) != 0;
    sqlite3_reset(statement);
    return OK;
}

err_t
change_log_rename(db_t *db, const char *epoch, fault_t *fault)
{
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = db_run(db, "UPDATE waybill_head SET epoch = ?1", NULL, fault, "t", epoch);
    if (err == OK)
        err = db_run(db, "UPDATE waybill_clients SET lease = '', next_lease = ''", NULL, fault,
                     "");
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

static err_t
read_number(db_t *db, sqlite3_stmt *statement, int64_t *number, fault_t *fault)
{
    err_t err = OK;
    *number = 0;
    if (!db_step(db, statement, &err, fault))
        return err;
    *number = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return OK;
}

err_t
change_log_seal(db_t *db, uint64_t *lsn, fault_t *fault)
{
    static const char sql[] =
        "UPDATE waybill_head SET lsn = lsn + 1"
        " WHERE EXISTS (SELECT 1 FROM change_log WHERE lsn > waybill_head.lsn)";
    int64_t number = 0;
    err_t err = db_run(db, sql, NULL, fault, "");
    if (err == OK)
        err = read_number(db, db_query(db, "SELECT lsn FROM waybill_head", fault, ""), &number,
                          fault);
    *lsn = (uint64_t) number;
    return err;
}

err_t
change_log_floor(db_t *db, uint64_t *lsn, fault_t *fault)
{
    static const char sql[] =
        "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM change_log) THEN lsn WHEN captured = 0"
        " THEN (SELECT min(lsn) - 1 FROM change_log) ELSE floor END FROM waybill_head";
    int64_t number = 0;
    const err_t err = read_number(db, db_query(db, sql, fault, ""), &number, fault);
    *lsn = (uint64_t) number;
    return err;
}

err_t
change_log_nth(db_t *db, uint64_t after, uint64_t n, uint64_t *lsn, fault_t *fault)
{
    static const char sql[] = "SELECT DISTINCT lsn FROM change_log WHERE lsn > ?1"
                              " ORDER BY lsn LIMIT 1 OFFSET ?2";
    int64_t number = 0;
    const err_t err =
        read_number(db, db_query(db, sql, fault, "uu", after, n - 1), &number, fault);
    *lsn = (uint64_t) number;
    return err;
}

err_t
change_log_count(db_t *db, uint64_t after, uint64_t up_to, uint64_t *n, fault_t *fault)
{
    static const char sql[] = "SELECT count(*) FROM change_log WHERE lsn > ?1 AND lsn <= ?2";
    int64_t number = 0;
    const err_t err =
        read_number(db, db_query(db, sql, fault, "uu", after, up_to), &number, fault);
    *n = (uint64_t) number;
    return err;
}

/*  Whole transactions only: half a one would look like the whole to a client.  */
err_t
change_log_prune(db_t *db, uint64_t lsn, int64_t max_rows, pruned_t *pruned, fault_t *fault)
{
    static const char sql[] =
        "DELETE FROM change_log WHERE lsn <= min(?1, coalesce("
        "(SELECT lsn FROM change_log ORDER BY lsn LIMIT 1 OFFSET ?2), ?1))"
        " RETURNING lsn, length(data)";
    static const char raise[] = "UPDATE waybill_head SET floor = max(floor, ?1)";
    int64_t last = 0;
    err_t err = OK;
    sqlite3_stmt *rows = db_query(db, sql, fault, "ui", lsn, max_rows);
    *pruned = (pruned_t){0};
    while (db_step(db, rows, &err, fault)) {
        const int64_t position = sqlite3_column_int64(rows, 0);
        pruned->transactions += position != last;
        pruned->bytes += sqlite3_column_int64(rows, 1);
        last = position;
    }
    return err == OK && last > 0 ? db_run(db, raise, NULL, fault, "i", last) : err;
}

err_t
change_log_row_at(db_t *db, uint64_t lsn, int64_t *row, fault_t *fault)
{
    static const char sql[] =
        "SELECT seq FROM change_log WHERE lsn <= ?1 ORDER BY lsn DESC, seq DESC LIMIT 1";
    return read_number(db, db_query(db, sql, fault, "u", lsn), row, fault);
}

/*  In the order of seq, which is that of (lsn, seq): there is one writer at a time. The +
    keeps SQLite from taking the index on lsn and sorting.  */
sqlite3_stmt *
change_log_read(db_t *db, int64_t after_row, uint64_t up_to, fault_t *fault)
{
    static const char sql[] =
        "SELECT seq, lsn, tbl, operation, data, updated_at, client_id, change_id, old"
        " FROM change_log WHERE seq > ?1 AND +lsn <= ?2 ORDER BY seq";
    return db_query(db, sql, fault, "iu", after_row, up_to);
}

bool
change_log_next(db_t *db, sqlite3_stmt *statement, log_row_t *row, err_t *err, fault_t *fault)
{
    if (!db_step(db, statement, err, fault))
        return false;
    *row = (log_row_t){
        .row = sqlite3_column_int64(statement, 0),
        .lsn = (uint64_t) sqlite3_column_int64(statement, 1),
        .table = column_text(statement, 2),
        .operation = column_text(statement, 3),
        .data = column_bytes(statement, 4),
        .updated_at = sqlite3_column_int64(statement, 5),
        .client_id = column_text(statement, 6),
        .change_id = column_text(statement, 7),
        .old = column_bytes(statement, 8),
    };
    return true;
}
