/*  The triggers that write the server's change log, whoever changes a row.

    Not seen by triggers, because SQLite calls none: rows that INSERT OR REPLACE removes, on a
    connection without recursive_triggers, for another reason than the same key.  */

#include "actors/common/capture_body.h"
#include "actors/common/table.h"

typedef struct capture {
    const table_t *table;
    const capture_options_t *options;
} capture_t;

static bool
is_wanted(const capture_t *self, const capture_event_t *event)
{
    return self->options->keep_old || !event->for_old;
}

static void
write_name(buffer_t *name, const table_t *table, const capture_event_t *event)
{
    buffer_clear(name);
    buffer_add_format(name, "waybill_capture_%s_%s", table->name, event->name);
}

static void
write_trigger(buffer_t *sql, const char *name, const capture_t *self,
              const capture_event_t *event)
{
    buffer_clear(sql);
    buffer_add_text(sql, "CREATE TRIGGER ");
    sql_name(sql, name);
    buffer_add_format(sql, " %s ON ", event->when);
    sql_name(sql, self->table->name);
    buffer_add_text(sql, " BEGIN");
    event->write_body(sql, self->table, self->options);
    buffer_add_text(sql, " END");
}

/*  Rows that were there before the triggers: clients that follow this history are sent them,
    too. Where nobody can have followed it yet, a snapshot will have them.  */
static err_t
log_present_rows(const capture_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    capture_body_present_rows(&sql, self->table);
    const err_t err = db_exec(self->table->db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

/*  All there are, and of these the ones exactly as they should be: after a table was renamed
    there are more, under its old name. And none of the application's is younger: SQLite runs
    the youngest first, and what that writes to the row must be logged behind the row itself. */
static err_t
is_captured(const capture_t *self, bool *captured, bool *fresh, fault_t *fault)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE ours),"
        "       count(*) FILTER (WHERE ours AND sql IN (?2, ?3, ?4, ?5)),"
        "       coalesce(max(place) FILTER (WHERE NOT ours)"
        "                > min(place) FILTER (WHERE ours), 0)"
        " FROM (SELECT rowid AS place, sql,"
        "       name LIKE 'waybill\\_capture\\_%' ESCAPE '\\' AS ours"
        "       FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1)";
    buffer_t name = {0};
    buffer_t texts[CAPTURE_EVENTS] = {{0}};
    int wanted = 0;
    for (size_t i = 0; i < CAPTURE_EVENTS; i++) {
        if (!is_wanted(self, &capture_events[i]))
            continue;
        wanted++;
        write_name(&name, self->table, &capture_events[i]);
        write_trigger(&texts[i], buffer_text(&name), self, &capture_events[i]);
    }

    err_t err = OK;
    sqlite3_stmt *row = db_query(self->table->db, sql, fault, "ttttt", self->table->name,
                                 buffer_text(&texts[0]), buffer_text(&texts[1]),
                                 buffer_text(&texts[2]), buffer_text(&texts[3]));
    *captured = db_step(self->table->db, row, &err, fault)
                && sqlite3_column_int(row, 0) == wanted && sqlite3_column_int(row, 1) == wanted
                && !sqlite3_column_int(row, 2);
    *fresh = err == OK && sqlite3_column_int(row, 0) == 0;
    sqlite3_reset(row);
    buffer_release(&name);
    for (size_t i = 0; i < CAPTURE_EVENTS; i++)
        buffer_release(&texts[i]);
    return err;
}

/*  One statement that drops them all; nothing if there are none.  */
static err_t
drop_triggers(const capture_t *self, fault_t *fault)
{
    static const char sql[] = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
                              " AND tbl_name = ?1 AND name LIKE 'waybill\\_capture\\_%'"
                              " ESCAPE '\\'";
    err_t err = OK;
    buffer_t drops = {0};
    sqlite3_stmt *rows = db_query(self->table->db, sql, fault, "t", self->table->name);
    while (db_step(self->table->db, rows, &err, fault)) {
        buffer_add_text(&drops, "DROP TRIGGER ");
        sql_name(&drops, column_text(rows, 0));
        buffer_add_text(&drops, ";");
    }
    if (err == OK && drops.size > 0)
        err = db_exec(self->table->db, buffer_text(&drops), fault);
    buffer_release(&drops);
    return err;
}

static err_t
create_triggers(const capture_t *self, fault_t *fault)
{
    err_t err = OK;
    buffer_t name = {0};
    buffer_t sql = {0};
    for (size_t i = 0; i < CAPTURE_EVENTS && err == OK; i++) {
        if (!is_wanted(self, &capture_events[i]))
            continue;
        write_name(&name, self->table, &capture_events[i]);
        write_trigger(&sql, buffer_text(&name), self, &capture_events[i]);
        err = db_exec(self->table->db, buffer_text(&sql), fault);
    }
    buffer_release(&sql);
    buffer_release(&name);
    return err;
}

static err_t
follow_policy(const capture_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    capture_body_versions(&sql, self->table, self->options);
    const err_t err = db_exec(self->table->db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

static err_t
make_anew(const capture_t *self, fault_t *fault)
{
    err_t err = drop_triggers(self, fault);
    if (err == OK)
        err = create_triggers(self, fault);
    return err == OK ? follow_policy(self, fault) : err;
}

static err_t
make_first(const capture_t *self, fault_t *fault)
{
    const err_t err = log_present_rows(self, fault);
    return err == OK ? create_triggers(self, fault) : err;
}

/*  Between the old triggers and the new ones nobody may write.  */
static err_t
in_transaction(const capture_t *self, err_t (*work)(const capture_t *, fault_t *),
               fault_t *fault)
{
    if (!sqlite3_get_autocommit(db_handle(self->table->db)))
        return work(self, fault);
    err_t err = db_begin(self->table->db, fault);
    if (err != OK)
        return err;
    err = work(self, fault);
    if (err == OK)
        return db_commit(self->table->db, fault);
    db_rollback(self->table->db);
    return err;
}

err_t
table_capture(table_t *table, const capture_options_t *options, fault_t *fault)
{
    bool captured = false;
    bool fresh = false;
    const capture_t capture = {table, options};
    err_t err = table_need_key(table, fault);
    if (err == OK)
        err = is_captured(&capture, &captured, &fresh, fault);
    if (err != OK || captured)
        return err;
    return in_transaction(&capture, fresh ? make_first : make_anew, fault);
}
