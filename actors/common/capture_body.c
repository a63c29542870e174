#include "actors/common/capture_body.h"

#include "actors/common/capture_sql.h"
#include "actors/common/table.h"

static const char next_position[] = "(SELECT lsn + 1 FROM waybill_head)";
static const char now[] = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";
static const char writer[] = "COALESCE((SELECT client_id FROM waybill_origin), '')";

/*  When the change was made, which may be long before it is written.  */
static void
add_made_at(buffer_t *sql, const table_t *table)
{
    (void) table;
    buffer_add_format(sql, "COALESCE((SELECT updated_at FROM waybill_origin), %s)", now);
}

/*  Of the whole row, where columns have versions: an older writer may have won one of them.  */
static void
add_made_at_last(buffer_t *sql, const table_t *table)
{
    buffer_add_text(sql, "max(");
    add_made_at(sql, table);
    buffer_add_text(sql, ", COALESCE((SELECT updated_at FROM waybill_versions WHERE tbl = ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, " AND key = ");
    capture_sql_key_text(sql, "NEW", table);
    buffer_add_text(sql, "), 0))");
}

static void
begin_log(buffer_t *sql, const table_t *table,
          void (*add_time)(buffer_t *sql, const table_t *table))
{
    buffer_add_format(sql,
                      " INSERT INTO change_log (lsn, updated_at, client_id, change_id, time,"
                      " tbl, operation, data, old) SELECT %s, ",
                      next_position);
    add_time(sql, table);
    buffer_add_format(sql,
                      ", (SELECT client_id FROM waybill_origin),"
                      " (SELECT change_id FROM waybill_origin), %s, ",
                      now);
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, ", ");
}

/*  Where columns have versions, an older writer may have won one of them: the row's stays that
    of the newest.  */
static void
end_version(buffer_t *sql, const capture_options_t *options)
{
    buffer_add_text(sql, " ON CONFLICT (tbl, key) DO UPDATE SET lsn = excluded.lsn,"
                         " deleted = excluded.deleted, ");
    buffer_add_text(sql, options->columns
                             ? "updated_at = max(updated_at, excluded.updated_at), client_id ="
                               " iif(excluded.updated_at < updated_at, client_id,"
                               " excluded.client_id);"
                             : "updated_at = excluded.updated_at,"
                               " client_id = excluded.client_id;");
}

typedef struct gone_or_there {
    const char *image;     /* the row's */
    const char *deleted;   /* 1: gone */
    const char *condition; /* for what was logged */
} gone_or_there_t;

/*  Of the row that was logged just before, by this trigger: cheaper than asking for position,
    time and writer once more. Where columns have versions, it was not logged with the time of
    the change alone.  */
static void
add_version(buffer_t *sql, const table_t *table, const capture_options_t *options,
            const gone_or_there_t *row)
{
    buffer_add_text(sql, " INSERT INTO waybill_versions"
                         " (lsn, updated_at, client_id, tbl, key, deleted) SELECT lsn, ");
    if (options->columns)
        add_made_at(sql, table);
    else
        buffer_add_text(sql, "updated_at");
    buffer_add_text(sql, ", COALESCE(client_id, ''), ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, ", ");
    capture_sql_key_text(sql, row->image, table);
    buffer_add_format(sql, ", %s FROM change_log WHERE seq = last_insert_rowid() AND %s",
                      row->deleted, row->condition);
    end_version(sql, options);
}

/*  ---------------------------------------------------------------------------- columns  */

/*  Each column that was written gets the version of the row: (name, whether written).  */
static void
add_columns(buffer_t *sql, const table_t *table,
            void (*written)(buffer_t *, const table_t *, size_t column))
{
    const char *before = "";
    buffer_add_text(sql, " INSERT INTO waybill_columns (tbl, key, updated_at, client_id, col)"
                         " SELECT ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, ", ");
    capture_sql_key_text(sql, "NEW", table);
    buffer_add_text(sql, ", ");
    add_made_at(sql, table);
    buffer_add_format(sql, ", %s, column1 FROM (VALUES ", writer);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key != 0)
            continue;
        buffer_add_format(sql, "%s(", before);
        capture_sql_literal(sql, table->columns[i].name);
        buffer_add_text(sql, ", ");
        written(sql, table, i);
        buffer_add_text(sql, ")");
        before = ", ";
    }
    buffer_add_text(sql, ") WHERE column2 AND ");
    capture_sql_has_key(sql, "NEW", table);
    buffer_add_text(sql, " ON CONFLICT (tbl, key, col) DO UPDATE SET"
                         " updated_at = excluded.updated_at, client_id = excluded.client_id;");
}

static void
is_written(buffer_t *sql, const table_t *table, size_t column)
{
    (void) table;
    (void) column;
    buffer_add_text(sql, "1");
}

/*  A row at a new key is a new one.  */
static void
is_changed(buffer_t *sql, const table_t *table, size_t column)
{
    capture_sql_differs(sql, table, column);
    buffer_add_text(sql, " OR ");
    capture_sql_moved(sql, table);
}

static bool
has_columns(const table_t *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (table->columns[i].key == 0)
            return true;
    return false;
}

static void
forget_columns(buffer_t *sql, const table_t *table, const char *condition)
{
    buffer_add_text(sql, " DELETE FROM waybill_columns WHERE tbl = ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, " AND key = ");
    capture_sql_key_text(sql, "OLD", table);
    buffer_add_format(sql, " AND %s;", condition);
}

/*  ----------------------------------------------------------------------------- events  */

/*  The row is there now: logged under that operation and with the row before it, both SQL
    expressions.  */
static void
add_written(buffer_t *sql, const table_t *table, const capture_options_t *options,
            const char *operation, const char *old)
{
    buffer_t condition = {0};
    capture_sql_has_key(&condition, "NEW", table);

    begin_log(sql, table, options->columns ? add_made_at_last : add_made_at);
    buffer_add_format(sql, "%s, ", operation);
    capture_sql_row(sql, "NEW", table);
    buffer_add_format(sql, ", %s WHERE %s;", old, buffer_text(&condition));

    const gone_or_there_t there = {"NEW", "0", buffer_text(&condition)};
    add_version(sql, table, options, &there);
    buffer_release(&condition);
}

static void
add_old_row(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    if (options->keep_old)
        capture_sql_row(sql, "OLD", table);
    else
        buffer_add_text(sql, "NULL");
}

/*  The row is gone from its key.  */
static void
add_gone(buffer_t *sql, const table_t *table, const capture_options_t *options,
         bool only_if_moved)
{
    buffer_t condition = {0};
    capture_sql_has_key(&condition, "OLD", table);
    if (only_if_moved) {
        buffer_add_text(&condition, " AND ");
        capture_sql_moved(&condition, table);
    }

    begin_log(sql, table, add_made_at);
    buffer_add_text(sql, "'delete', ");
    capture_sql_key(sql, "OLD", table);
    buffer_add_text(sql, ", ");
    add_old_row(sql, table, options);
    buffer_add_format(sql, " WHERE %s;", buffer_text(&condition));

    const gone_or_there_t gone = {"OLD", "1", buffer_text(&condition)};
    add_version(sql, table, options, &gone);
    if (options->columns && has_columns(table))
        forget_columns(sql, table, buffer_text(&condition));
    buffer_release(&condition);
}

/*  ---------------------------------------------------------------------- what it replaces  */

static void
add_replaced(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_text(sql, " FROM waybill_replaced WHERE tbl = ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, " AND key = ");
    capture_sql_key_text(sql, image, table);
}

static void
forget_replaced(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_text(sql, " DELETE");
    add_replaced(sql, image, table);
    buffer_add_text(sql, ";");
}

/*  The row that stands at the key now, and goes if this is a REPLACE.  */
static void
write_inserting(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    (void) options;
    forget_replaced(sql, "NEW", table);
    buffer_add_text(sql, " INSERT INTO waybill_replaced (tbl, key, data) SELECT ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, ", ");
    capture_sql_key_text(sql, "NEW", table);
    buffer_add_text(sql, ", ");
    capture_sql_row(sql, "waybill_before", table);
    buffer_add_text(sql, " FROM ");
    sql_name(sql, table->name);
    buffer_add_text(sql, " AS waybill_before WHERE ");
    for (size_t i = 0; i < table->n_keys; i++) {
        buffer_add_text(sql, i > 0 ? " AND waybill_before." : "waybill_before.");
        sql_name(sql, table->columns[table->keys[i]].name);
        buffer_add_text(sql, " = NEW.");
        sql_name(sql, table->columns[table->keys[i]].name);
    }
    buffer_add_text(sql, ";");
}

/*  ---------------------------------------------------------------------- what was done  */

static void
write_inserted(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    buffer_t old = {0};
    buffer_add_text(&old, "(SELECT data");
    add_replaced(&old, "NEW", table);
    buffer_add_text(&old, ")");
    add_written(sql, table, options, "'insert'",
                options->keep_old ? buffer_text(&old) : "NULL");
    if (options->keep_old)
        forget_replaced(sql, "NEW", table);
    buffer_release(&old);
    if (options->columns && has_columns(table))
        add_columns(sql, table, is_written);
}

/*  A new key is a deletion there and an insertion here.  */
static void
write_updated(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    buffer_t operation = {0};
    buffer_t old = {0};
    buffer_add_text(&operation, "CASE WHEN ");
    capture_sql_moved(&operation, table);
    buffer_add_text(&operation, " THEN 'insert' ELSE 'update' END");
    buffer_add_text(&old, "CASE WHEN NOT ");
    capture_sql_moved(&old, table);
    buffer_add_text(&old, " THEN ");
    add_old_row(&old, table, options);
    buffer_add_text(&old, " END");

    add_gone(sql, table, options, true);
    add_written(sql, table, options, buffer_text(&operation),
                options->keep_old ? buffer_text(&old) : "NULL");
    if (options->keep_old)
        forget_replaced(sql, "NEW", table);
    if (options->columns && has_columns(table))
        add_columns(sql, table, is_changed);
    buffer_release(&operation);
    buffer_release(&old);
}

static void
write_deleted(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    add_gone(sql, table, options, false);
}

const capture_event_t capture_events[CAPTURE_EVENTS] = {
    {"inserting", "BEFORE INSERT", true, write_inserting},
    {"insert", "AFTER INSERT", false, write_inserted},
    {"update", "AFTER UPDATE", false, write_updated},
    {"delete", "AFTER DELETE", false, write_deleted},
};

void
capture_body_present_rows(buffer_t *sql, const table_t *table)
{
    begin_log(sql, table, add_made_at);
    buffer_add_text(sql, "'insert', ");
    capture_sql_row(sql, "NEW", table);
    buffer_add_text(sql, ", NULL FROM ");
    sql_name(sql, table->name);
    buffer_add_text(sql, " AS NEW WHERE (EXISTS (SELECT 1 FROM change_log)"
                         " OR EXISTS (SELECT 1 FROM waybill_clients)) AND ");
    capture_sql_has_key(sql, "NEW", table);
}

static void
add_versions_of_rows(buffer_t *sql, const table_t *table)
{
    const char *before = "";
    buffer_add_text(sql, "INSERT INTO waybill_columns (tbl, key, col, updated_at, client_id)"
                         " SELECT tbl, key, column1, updated_at, client_id FROM"
                         " waybill_versions AS v, (VALUES ");
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key != 0)
            continue;
        buffer_add_format(sql, "%s(", before);
        capture_sql_literal(sql, table->columns[i].name);
        buffer_add_text(sql, ")");
        before = ", ";
    }
    buffer_add_text(sql, ") WHERE NOT deleted AND tbl = ");
    capture_sql_literal(sql, table->name);
    buffer_add_text(sql, " AND NOT EXISTS (SELECT 1 FROM waybill_columns AS c"
                         " WHERE c.tbl = v.tbl AND c.key = v.key)");
}

void
capture_body_versions(buffer_t *sql, const table_t *table, const capture_options_t *options)
{
    if (options->columns && has_columns(table)) {
        add_versions_of_rows(sql, table);
        return;
    }
    buffer_add_text(sql, "DELETE FROM waybill_columns WHERE tbl = ");
    capture_sql_literal(sql, table->name);
}
