/*  The triggers that write local_changes.

    Not seen by them, because SQLite calls none: rows that INSERT OR REPLACE or UPDATE OR
   REPLACE removes, on a connection without recursive_triggers. Where it is the row of the same
   key, the insertion that follows says it all.  */

#include "actors/common/local_capture.h"

#include "actors/common/capture_sql.h"
#include "actors/common/table.h"

#include <string.h>

/*  ------------------------------------------------------------------------- one change  */

/*  Milliseconds since 1970: unixepoch('subsec') is younger than the SQLite of many programs. */
#define NOW "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"

/*  A UUIDv7. Its variant is one of four digits, by chance.  */
#define CHANCE "instr('0123456789ABCDEF', substr(hex(randomblob(1)), 1, 1))"
static const char new_id[] =
    "printf('%08x-%04x-7%s-%s%s-%s', " NOW " >> 16, " NOW " & 65535,"
    " substr(hex(randomblob(2)), 2), substr('89ab', 1 + (" CHANCE " & 3), 1),"
    " substr(hex(randomblob(2)), 2), hex(randomblob(6)))";

/*  It never falls below that of an undecided change, because they are sent in its order; nor
    below what the server is known to have, or the newer change would lose against the older.
    Each of these is one step in an index.  */
static const char written_at[] =
    "max(" NOW ", coalesce((SELECT clock + 1 FROM sync_state), 0),"
    " coalesce((SELECT max(timestamp) FROM local_changes WHERE processed_sync = 0), 0))";

typedef struct change {
    const char *operation;
    const char *image;                                       /* whose key it is */
    void (*write_data)(buffer_t *sql, const table_t *table); /* NULL: none */
    void (*write_old)(buffer_t *sql, const table_t *table);
} change_t;

static void
write_new_row(buffer_t *sql, const table_t *table)
{
    capture_sql_row(sql, "NEW", table);
}

static void
write_old_row(buffer_t *sql, const table_t *table)
{
    capture_sql_row(sql, "OLD", table);
}

/*  As they were put together by write_update().  */
static void
write_new_values(buffer_t *sql, const table_t *table)
{
    (void) table;
    buffer_add_text(sql, "new_values");
}

static void
write_old_values(buffer_t *sql, const table_t *table)
{
    (void) table;
    buffer_add_text(sql, "old_values");
}

static const change_t inserted = {"insert", "NEW", write_new_row, NULL};
static const change_t updated = {"update", "NEW", write_new_values, write_old_values};
static const change_t deleted = {"delete", "OLD", NULL, write_old_row};

static void
add_data(buffer_t *sql, const table_t *table, void (*write)(buffer_t *, const table_t *))
{
    if (write)
        write(sql, table);
    else
        buffer_add_text(sql, "NULL");
}

/*  Without the end of the statement: WHERE may follow.  */
static void
add_change(buffer_t *sql, const table_t *table, const change_t *change)
{
    buffer_add_format(
        sql,
        " INSERT INTO local_changes (id, timestamp, processed_local, base, writer,"
        " operation, entity_type, entity_id, data, old_data) SELECT lower(%s), %s,"
        " 1, (SELECT lsn FROM sync_state), total_changes(), '%s', ",
        new_id, written_at, change->operation);
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, ", ");
    capture_sql_key_text(sql, change->image, table);
    buffer_add_text(sql, ", ");
    add_data(sql, table, change->write_data);
    buffer_add_text(sql, ", ");
    add_data(sql, table, change->write_old);
}

static void
add_whole_change(buffer_t *sql, const table_t *table, const change_t *change)
{
    add_change(sql, table, change);
    buffer_add_text(sql, " WHERE ");
    capture_sql_has_key(sql, change->image, table);
    buffer_add_text(sql, ";");
}

/*  --------------------------------------------------------------------------- triggers  */

typedef struct trigger {
    const char *name;
    const char *event;
    const char *condition; /* on the key, before "moved"; NULL: none */
    void (*write_body)(buffer_t *sql, const table_t *table);
} trigger_t;

static void
write_insert(buffer_t *sql, const table_t *table)
{
    add_whole_change(sql, table, &inserted);
}

static void
write_delete(buffer_t *sql, const table_t *table)
{
    add_whole_change(sql, table, &deleted);
}

/*  A new key is a deletion there and an insertion here.  */
static void
write_move(buffer_t *sql, const table_t *table)
{
    add_whole_change(sql, table, &deleted);
    add_whole_change(sql, table, &inserted);
}

/*  If nothing but the key is left to say, nothing has changed.  */
static void
write_update(buffer_t *sql, const table_t *table)
{
    add_change(sql, table, &updated);
    buffer_add_text(sql, " FROM (SELECT ");
    capture_sql_changes(sql, "NEW", table);
    buffer_add_text(sql, " AS new_values, ");
    capture_sql_changes(sql, "OLD", table);
    buffer_add_text(sql, " AS old_values, ");
    capture_sql_key(sql, "NEW", table);
    buffer_add_text(sql, " AS unchanged) WHERE new_values <> unchanged AND ");
    capture_sql_has_key(sql, "NEW", table);
    buffer_add_text(sql, ";");
}

static const trigger_t triggers[] = {
    {"insert", "INSERT", NULL, write_insert},
    {"update", "UPDATE", " AND NOT ", write_update},
    {"move", "UPDATE", " AND ", write_move},
    {"delete", "DELETE", NULL, write_delete},
};

static void
write_name(buffer_t *name, const table_t *table, const trigger_t *trigger)
{
    buffer_clear(name);
    buffer_add_format(name, "waybill_capture_%s_%s", table->name, trigger->name);
}

static void
write_trigger(buffer_t *sql, const char *name, const table_t *table, const trigger_t *trigger)
{
    buffer_clear(sql);
    buffer_add_text(sql, "CREATE TRIGGER ");
    sql_name(sql, name);
    buffer_add_format(sql, " AFTER %s ON ", trigger->event);
    sql_name(sql, table->name);
    buffer_add_text(sql, " WHEN NOT EXISTS (SELECT 1 FROM waybill_guard WHERE held)");
    if (trigger->condition) {
        buffer_add_format(sql, "%s(", trigger->condition);
        capture_sql_moved(sql, table);
        buffer_add_text(sql, ")");
    }
    buffer_add_text(sql, " BEGIN");
    trigger->write_body(sql, table);
    buffer_add_text(sql, " END");
}

/*  ------------------------------------------------------------------- made and dropped  */

#define OURS                                                                                   \
    " FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'waybill\\_capture\\_%'"         \
    " ESCAPE '\\'"

err_t
local_capture_any(db_t *db, bool *any, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, "SELECT 1" OURS " LIMIT 1", fault, "");
    *any = db_step(db, row, &err, fault);
    if (*any)
        sqlite3_reset(row);
    return err;
}

/*  In a transaction that has begun, so that nobody writes between the old triggers and the
    new ones.  */
err_t
local_capture_drop(const table_t *self, fault_t *fault)
{
    err_t err = OK;
    buffer_t drops = {0};
    sqlite3_stmt *rows =
        db_query(self->db, "SELECT name" OURS " AND tbl_name = ?1", fault, "t", self->name);
    while (db_step(self->db, rows, &err, fault)) {
        buffer_add_text(&drops, "DROP TRIGGER ");
        sql_name(&drops, column_text(rows, 0));
        buffer_add_text(&drops, ";");
    }
    if (err == OK && drops.size > 0)
        err = db_exec(self->db, buffer_text(&drops), fault);
    buffer_release(&drops);
    return err;
}

static err_t
create_triggers(const table_t *self, fault_t *fault)
{
    err_t err = OK;
    buffer_t name = {0};
    buffer_t sql = {0};
    for (size_t i = 0; err == OK && i < COUNT_OF(triggers); i++) {
        write_name(&name, self, &triggers[i]);
        write_trigger(&sql, buffer_text(&name), self, &triggers[i]);
        err = db_exec(self->db, buffer_text(&sql), fault);
    }
    buffer_release(&sql);
    buffer_release(&name);
    return err;
}

static bool
is_wanted(const table_t *self, const char *sql)
{
    bool wanted = false;
    buffer_t name = {0};
    buffer_t text = {0};
    for (size_t i = 0; !wanted && i < COUNT_OF(triggers); i++) {
        write_name(&name, self, &triggers[i]);
        write_trigger(&text, buffer_text(&name), self, &triggers[i]);
        wanted = strcmp(buffer_text(&text), sql) == 0;
    }
    buffer_release(&text);
    buffer_release(&name);
    return wanted;
}

/*  How many there are, and whether these are exactly those that should be: after the table or
    a column was renamed they are not.  */
static err_t
look_at_triggers(const table_t *self, size_t *n, bool *right, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *rows =
        db_query(self->db, "SELECT sql" OURS " AND tbl_name = ?1", fault, "t", self->name);
    *right = true;
    for (*n = 0; db_step(self->db, rows, &err, fault); ++*n)
        *right = *right && is_wanted(self, column_text(rows, 0));
    *right = *right && *n == COUNT_OF(triggers);
    return err;
}

static err_t
record_present_rows(const table_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    add_change(&sql, self, &inserted);
    buffer_add_text(&sql, " FROM ");
    sql_name(&sql, self->name);
    buffer_add_text(&sql, " AS NEW WHERE ");
    capture_sql_has_key(&sql, "NEW", self);
    const err_t err = db_exec(self->db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

err_t
local_capture_make(table_t *self, bool adopt, fault_t *fault)
{
    size_t n = 0;
    bool right = false;
    err_t err = table_need_key(self, fault);
    if (err == OK)
        err = look_at_triggers(self, &n, &right, fault);
    if (err != OK || right)
        return err;
    if (n == 0 && adopt)
        err = record_present_rows(self, fault);
    if (err == OK)
        err = local_capture_drop(self, fault);
    return err == OK ? create_triggers(self, fault) : err;
}

/*  ------------------------------------------------------------------------------ guard  */

err_t
local_capture_mute(db_t *db, fault_t *fault)
{
    return db_run(db, "INSERT OR REPLACE INTO waybill_guard VALUES (1, 1)", NULL, fault, "");
}

err_t
local_capture_unmute(db_t *db, fault_t *fault)
{
    return db_run(db, "DELETE FROM waybill_guard", NULL, fault, "");
}
