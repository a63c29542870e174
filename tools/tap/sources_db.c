/*  Steps in the rows of a database, read beside whoever uses it.  */

#include "actors/common/db.h"
#include "tools/tap/sources.h"
#include "tools/verb.h"

#include <string.h>

enum { US_PER_MS = 1000 };

typedef struct rows {
    db_t *db;
    const char *label;
    journey_t *journey;
} rows_t;

static const char *
text_at(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *) text : "";
}

static void
add(const rows_t *self, const char *actor, step_name_t step, int64_t time_ms, uint64_t detail)
{
    if (time_ms > 0)
        journey_add(self->journey, &(journey_step_t){.time_us = (uint64_t) time_ms * US_PER_MS,
                                                     .within_us = FROM_ROWS,
                                                     .process = self->label,
                                                     .actor = actor,
                                                     .step = step,
                                                     .detail = detail});
}

static void
take_local(const rows_t *self, sqlite3_stmt *row)
{
    char lsn[LSN_TEXT];
    const bool from_server = sqlite3_column_int(row, 0) != 0;
    const uint64_t position = (uint64_t) sqlite3_column_int64(row, 4);
    add(self, from_server ? "processor" : "recorder",
        from_server ? STEP_applied : STEP_recorded, sqlite3_column_int64(row, 1),
        from_server ? position : 0);
    journey_note(self->journey, "%s has it in local_changes: %s%s%s, position %s", self->label,
                 text_at(row, 2), *text_at(row, 3) ? ", " : "", text_at(row, 3),
                 lsn_text(position, lsn));
}

static void
take_error(const rows_t *self, sqlite3_stmt *row)
{
    add(self, "recorder", STEP_refused, sqlite3_column_int64(row, 0), 0);
    journey_note(self->journey, "%s: %s: %s", self->label, text_at(row, 1), text_at(row, 2));
}

static void
take_verdict(const rows_t *self, sqlite3_stmt *row)
{
    char lsn[LSN_TEXT];
    const uint64_t position = (uint64_t) sqlite3_column_int64(row, 1);
    add(self, "client-changes", STEP_committed, sqlite3_column_int64(row, 2), position);
    journey_note(self->journey, "%s has its verdict: %s, position %s, of client %s",
                 self->label, text_at(row, 0), lsn_text(position, lsn), text_at(row, 3));
}

static void
take_rejected(const rows_t *self, sqlite3_stmt *row)
{
    journey_note(self->journey, "%s rejected it: %s: %s", self->label, text_at(row, 0),
                 text_at(row, 1));
}

static void
take_logged(const rows_t *self, sqlite3_stmt *row)
{
    char lsn[LSN_TEXT];
    journey_note(self->journey, "%s has it in change_log: %s of %s, position %s", self->label,
                 text_at(row, 1), text_at(row, 2),
                 lsn_text((uint64_t) sqlite3_column_int64(row, 0), lsn));
}

/*  What each kind of database has of a change.  */
static const struct {
    const char *table;
    const char *sql;
    void (*take)(const rows_t *self, sqlite3_stmt *row);
} places[] = {
    {"local_changes",
     "SELECT from_server, timestamp, state, verdict, lsn FROM local_changes WHERE id = ?1",
     take_local},
    {"waybill_errors",
     "SELECT time, code, message FROM waybill_errors WHERE change_id = ?1 ORDER BY rowid",
     take_error},
    {"client_changes", "SELECT verdict, lsn, time, client_id FROM client_changes WHERE id = ?1",
     take_verdict},
    {"changes_history", "SELECT code, message FROM changes_history WHERE change_id = ?1",
     take_rejected},
    {"change_log", "SELECT lsn, operation, tbl FROM change_log WHERE change_id = ?1",
     take_logged},
};

static bool
has_table(db_t *db, const char *table, err_t *err, fault_t *fault)
{
    static const char sql[] = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    sqlite3_stmt *row = db_query(db, sql, fault, "t", table);
    const bool found = db_step(db, row, err, fault);
    if (found)
        sqlite3_reset(row);
    return found;
}

static err_t
read_places(const rows_t *self, fault_t *fault)
{
    size_t n = 0;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(places); i++) {
        if (!has_table(self->db, places[i].table, &err, fault))
            continue;
        n++;
        sqlite3_stmt *rows =
            db_query(self->db, places[i].sql, fault, "t", self->journey->change);
        while (db_step(self->db, rows, &err, fault))
            places[i].take(self, rows);
    }
    if (err == OK && n == 0)
        return fault_set(fault, ERR_NOT_FOUND, "%s: it is no database of an agent or a server",
                         self->label);
    return err;
}

bool
sources_read_db(const char *path, journey_t *journey)
{
    const char *slash = strrchr(path, '/');
    rows_t self = {.label = slash ? slash + 1 : path, .journey = journey};
    fault_t fault = {0};
    err_t err = db_open_reader(path, &self.db, &fault);
    if (err == OK)
        err = read_places(&self, &fault);
    db_close(&self.db);
    if (err != OK)
        complain("%s", fault.text);
    return err == OK;
}
