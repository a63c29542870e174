/*  The triggers that write the server's change log, whoever changes a row.

    A program that writes plain SQL into the server's database runs these triggers on its own
    connection, so they use nothing but what every SQLite brings. Values travel as JSON: text
    and integers as they are; reals with 20 digits, of which every double comes back exactly;
    a blob as {"$hex": "..."}; an infinite real as {"$real": "Inf"} or "-Inf".

    Not seen by triggers, because SQLite calls none: rows that INSERT OR REPLACE removes, on a
    connection without recursive_triggers, for another reason than the same key.  */

#include "actors/common/table.h"

#include <string.h>

typedef struct event {
    const char *name;
    void (*write_body)(buffer_t *sql, const table_t *table);
} event_t;

/*  A text literal: 'it''s'.  */
static void
add_literal(buffer_t *sql, const char *text)
{
    buffer_add_text(sql, "'");
    for (; *text != '\0'; text++)
        buffer_add(sql, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    buffer_add_text(sql, "'");
}

/*  NEW."name"  */
static void
add_reference(buffer_t *sql, const char *image, const char *column)
{
    buffer_add_format(sql, "%s.", image);
    sql_name(sql, column);
}

/*  "$column" in the pattern stands for the column of image.  */
static void
add_pattern(buffer_t *sql, const char *pattern, const char *image, const char *column)
{
    static const char mark[] = "$column";
    for (const char *at; (at = strstr(pattern, mark)) != NULL; pattern = at + strlen(mark)) {
        buffer_add(sql, pattern, (size_t) (at - pattern));
        add_reference(sql, image, column);
    }
    buffer_add_text(sql, pattern);
}

/*  Only of an infinite real is the product with zero not zero. A text that json() made, stored
    a moment ago, would be quoted as JSON and not as text: || takes that mark off.  */
static const char value_pattern[] =
    "CASE typeof($column) WHEN 'null' THEN 'null' WHEN 'integer' THEN $column"
    " WHEN 'text' THEN json_quote($column || '')"
    " WHEN 'blob' THEN '{\"$hex\":\"' || hex($column) || '\"}'"
    " ELSE CASE WHEN $column * 0.0 = 0.0 THEN printf('%!.20g', $column)"
    " ELSE '{\"$real\":\"' || printf('%!.20g', $column) || '\"}' END END";

static void
add_member(buffer_t *sql, const char *image, const char *column)
{
    buffer_add_text(sql, "json_quote(");
    add_literal(sql, column);
    buffer_add_text(sql, ") || ':' || ");
    add_pattern(sql, value_pattern, image, column);
}

/*  A row as JSON, put together as text: json_object() takes 63 columns at most. Groups in
    parentheses keep the depth of the expression below SQLite's limit.  */
static void
add_row(buffer_t *sql, const char *image, const table_t *table)
{
    enum { GROUP = 32 };
    buffer_add_text(sql, "'{' || (");
    for (size_t i = 0; i < table->n_columns; i++) {
        if (i > 0)
            buffer_add_text(sql, i % GROUP == 0 ? ") || (',' || " : " || ',' || ");
        add_member(sql, image, table->columns[i].name);
    }
    buffer_add_text(sql, ") || '}'");
}

static void
add_key(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_text(sql, "'{' || ");
    add_member(sql, image, table->key->name);
    buffer_add_text(sql, " || '}'");
}

/*  Keys of other kinds are not synchronised.  */
static void
add_is_key(buffer_t *sql, const char *image, const table_t *table)
{
    add_pattern(sql, "typeof($column) IN ('integer', 'text')", image, table->key->name);
}

/*  OLD.key IS NOT NEW.key, also where the column compares without regard to case.  */
static void
add_moved(buffer_t *sql, const table_t *table)
{
    add_reference(sql, "OLD", table->key->name);
    buffer_add_text(sql, " IS NOT ");
    add_reference(sql, "NEW", table->key->name);
    buffer_add_text(sql, " COLLATE BINARY");
}

static const char next_position[] = "(SELECT lsn + 1 FROM waybill_head)";
static const char written_at[] =
    "COALESCE((SELECT updated_at FROM waybill_origin),"
    " CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER))";

static void
begin_log(buffer_t *sql, const table_t *table)
{
    buffer_add_format(sql,
                      " INSERT INTO change_log"
                      " (lsn, updated_at, client_id, change_id, tbl, operation, data)"
                      " SELECT %s, %s, (SELECT client_id FROM waybill_origin),"
                      " (SELECT change_id FROM waybill_origin), ",
                      next_position, written_at);
    add_literal(sql, table->name);
    buffer_add_text(sql, ", ");
}

static void
begin_version(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_format(sql,
                      " INSERT INTO waybill_versions"
                      " (lsn, updated_at, client_id, tbl, key, deleted)"
                      " SELECT %s, %s, COALESCE((SELECT client_id FROM waybill_origin), ''), ",
                      next_position, written_at);
    add_literal(sql, table->name);
    add_pattern(sql, ", CAST($column AS TEXT), ", image, table->key->name);
}

static void
end_version(buffer_t *sql)
{
    buffer_add_text(sql, " ON CONFLICT (tbl, key) DO UPDATE SET lsn = excluded.lsn,"
                         " updated_at = excluded.updated_at, client_id = excluded.client_id,"
                         " deleted = excluded.deleted;");
}

/*  The row is there now: logged under that operation, an SQL expression.  */
static void
add_written(buffer_t *sql, const table_t *table, void (*operation)(buffer_t *, const table_t *))
{
    begin_log(sql, table);
    operation(sql, table);
    buffer_add_text(sql, ", ");
    add_row(sql, "NEW", table);
    buffer_add_text(sql, " WHERE ");
    add_is_key(sql, "NEW", table);
    buffer_add_text(sql, ";");

    begin_version(sql, "NEW", table);
    buffer_add_text(sql, "0 WHERE ");
    add_is_key(sql, "NEW", table);
    end_version(sql);
}

/*  The row is gone from its key.  */
static void
add_gone(buffer_t *sql, const table_t *table, bool only_if_moved)
{
    buffer_t condition = {0};
    add_is_key(&condition, "OLD", table);
    if (only_if_moved) {
        buffer_add_text(&condition, " AND ");
        add_moved(&condition, table);
    }

    begin_log(sql, table);
    buffer_add_text(sql, "'delete', ");
    add_key(sql, "OLD", table);
    buffer_add_format(sql, " WHERE %s;", buffer_text(&condition));

    begin_version(sql, "OLD", table);
    buffer_add_format(sql, "1 WHERE %s", buffer_text(&condition));
    end_version(sql);
    buffer_release(&condition);
}

static void
add_insert(buffer_t *sql, const table_t *table)
{
    (void) table;
    buffer_add_text(sql, "'insert'");
}

static void
add_insert_or_update(buffer_t *sql, const table_t *table)
{
    buffer_add_text(sql, "CASE WHEN ");
    add_moved(sql, table);
    buffer_add_text(sql, " THEN 'insert' ELSE 'update' END");
}

static void
write_inserted(buffer_t *sql, const table_t *table)
{
    add_written(sql, table, add_insert);
}

/*  A new key is a deletion there and an insertion here.  */
static void
write_updated(buffer_t *sql, const table_t *table)
{
    add_gone(sql, table, true);
    add_written(sql, table, add_insert_or_update);
}

static void
write_deleted(buffer_t *sql, const table_t *table)
{
    add_gone(sql, table, false);
}

static const event_t events[] = {
    {"insert", write_inserted},
    {"update", write_updated},
    {"delete", write_deleted},
};

/*  --------------------------------------------------------------------------- triggers  */

static void
write_name(buffer_t *name, const table_t *table, const event_t *event)
{
    buffer_clear(name);
    buffer_add_format(name, "waybill_capture_%s_%s", table->name, event->name);
}

static void
write_trigger(buffer_t *sql, const char *name, const table_t *table, const event_t *event)
{
    buffer_clear(sql);
    buffer_add_text(sql, "CREATE TRIGGER ");
    sql_name(sql, name);
    buffer_add_format(sql, " AFTER %s ON ", event->name);
    sql_name(sql, table->name);
    buffer_add_text(sql, " BEGIN");
    event->write_body(sql, table);
    buffer_add_text(sql, " END");
}

/*  Rows that were there before the triggers: clients that follow this history are sent them,
    too. Where nobody can have followed it yet, a snapshot will have them.  */
static err_t
log_present_rows(table_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    begin_log(&sql, self);
    buffer_add_text(&sql, "'insert', ");
    add_row(&sql, "NEW", self);
    buffer_add_text(&sql, " FROM ");
    sql_name(&sql, self->name);
    buffer_add_text(&sql, " AS NEW WHERE (EXISTS (SELECT 1 FROM change_log)"
                          " OR EXISTS (SELECT 1 FROM waybill_clients)) AND ");
    add_is_key(&sql, "NEW", self);
    const err_t err = db_exec(self->db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

/*  All there are, and of these the ones exactly as they should be: after a table was renamed
    there are more, under its old name.  */
static err_t
is_captured(table_t *self, bool *captured, bool *fresh, fault_t *fault)
{
    static const char sql[] = "SELECT count(*), count(*) FILTER (WHERE sql IN (?2, ?3, ?4))"
                              " FROM sqlite_schema WHERE type = 'trigger'"
                              " AND tbl_name = ?1 AND name LIKE 'waybill\\_capture\\_%'"
                              " ESCAPE '\\'";
    buffer_t name = {0};
    buffer_t texts[COUNT_OF(events)] = {{0}};
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        write_name(&name, self, &events[i]);
        write_trigger(&texts[i], buffer_text(&name), self, &events[i]);
    }

    err_t err = OK;
    sqlite3_stmt *row =
        db_query(self->db, sql, fault, "tttt", self->name, buffer_text(&texts[0]),
                 buffer_text(&texts[1]), buffer_text(&texts[2]));
    *captured = db_step(self->db, row, &err, fault)
                && sqlite3_column_int(row, 0) == (int) COUNT_OF(events)
                && sqlite3_column_int(row, 1) == (int) COUNT_OF(events);
    *fresh = err == OK && sqlite3_column_int(row, 0) == 0;
    sqlite3_reset(row);
    buffer_release(&name);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        buffer_release(&texts[i]);
    return err;
}

/*  One statement that drops them all; nothing if there are none.  */
static err_t
drop_triggers(table_t *self, fault_t *fault)
{
    static const char sql[] = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
                              " AND tbl_name = ?1 AND name LIKE 'waybill\\_capture\\_%'"
                              " ESCAPE '\\'";
    err_t err = OK;
    buffer_t drops = {0};
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "t", self->name);
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
create_triggers(table_t *self, fault_t *fault)
{
    err_t err = OK;
    buffer_t name = {0};
    buffer_t sql = {0};
    for (size_t i = 0; i < COUNT_OF(events) && err == OK; i++) {
        write_name(&name, self, &events[i]);
        write_trigger(&sql, buffer_text(&name), self, &events[i]);
        err = db_exec(self->db, buffer_text(&sql), fault);
    }
    buffer_release(&sql);
    buffer_release(&name);
    return err;
}

static err_t
make_anew(table_t *self, fault_t *fault)
{
    const err_t err = drop_triggers(self, fault);
    return err == OK ? create_triggers(self, fault) : err;
}

static err_t
make_first(table_t *self, fault_t *fault)
{
    const err_t err = log_present_rows(self, fault);
    return err == OK ? create_triggers(self, fault) : err;
}

/*  Between the old triggers and the new ones nobody may write.  */
static err_t
in_transaction(table_t *self, err_t (*work)(table_t *, fault_t *), fault_t *fault)
{
    if (!sqlite3_get_autocommit(db_handle(self->db)))
        return work(self, fault);
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = work(self, fault);
    if (err == OK)
        return db_commit(self->db, fault);
    db_rollback(self->db);
    return err;
}

err_t
table_capture(table_t *self, fault_t *fault)
{
    bool captured = false;
    bool fresh = false;
    if (self->key == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "table %s: it cannot be synchronised: %s; give it one column of "
                         "integers or text as PRIMARY KEY",
                         self->name, self->refusal);
    const err_t err = is_captured(self, &captured, &fresh, fault);
    if (err != OK || captured)
        return err;
    return in_transaction(self, fresh ? make_first : make_anew, fault);
}
