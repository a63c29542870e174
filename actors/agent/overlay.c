#include "actors/agent/overlay.h"

#include "actors/agent/aside.h"
#include "actors/agent/written.h"
#include "schemas/codec.h"

#include <string.h>

/*  Of the row ?1, ?2: what stands above position ?3. A change that was recorded after ?4 and
    applied at the same position came later in the same server transaction.  */
#define STANDS                                                                                 \
    "(verdict IS NULL OR (verdict = 'applied' AND (lsn > ?3 OR (lsn = ?3 AND ?4 > 0 AND "      \
    "rowid > ?4))))"
#define OF_THE_ROW                                                                             \
    " FROM local_changes WHERE entity_type = ?1 AND entity_id = ?2 AND from_server = 0"

/*  Those applied come as the server applied them: one that was refused and tried again comes
    later there than it was recorded. One without a verdict stays behind what was recorded
    before it.  */
#define PLACE                                                                                  \
    " iif(verdict IS NULL, max(iif(verdict IS NULL, 0, lsn)) OVER (ORDER BY rowid), lsn)"      \
    " AS place"

typedef struct standing {
    const char *operation;
    bytes_t row; /* empty for a delete */
} standing_t;

typedef struct pile {
    standing_t *items;
    size_t n;
} pile_t;

/*  Did the query give a row? It is reset then as well.  */
static err_t
has_row(db_t *db, sqlite3_stmt *query, bool *has, fault_t *fault)
{
    err_t err = OK;
    *has = db_step(db, query, &err, fault);
    if (*has)
        sqlite3_reset(query);
    return err;
}

err_t
overlay_covers(const overlay_t *self, const char *table, const version_t *version, bool *covers,
               fault_t *fault)
{
    static const char sql[] =
        "SELECT 1" OF_THE_ROW " AND (processed_sync = 0 OR " STANDS ") LIMIT 1";
    sqlite3_stmt *query =
        db_query(self->db, sql, fault, "ttui", table, version->key, version->lsn, version->seq);
    return has_row(self->db, query, covers, fault);
}

/*  ------------------------------------------------------------------ what stands above  */

/*  False of one that nobody can read: it will be refused when it is to be sent.  */
static bool
read_standing(const overlay_t *self, sqlite3_stmt *rows, standing_t *standing)
{
    buffer_t row = {0};
    fault_t none = {0};
    err_t err = OK;
    const bytes_t data = column_bytes(rows, 1);
    if (data.size > 0)
        err = stored_json_to_msgpack(data, &row, &none);
    *standing = (standing_t){.operation = arena_text(self->arena, column_text(rows, 0)),
                             .row = arena_bytes(self->arena, buffer_bytes(&row))};
    buffer_release(&row);
    return err == OK;
}

/*  All at once: rows are not written under the statement that reads them.  */
static err_t
find_standing(const overlay_t *self, const char *table, const version_t *version, pile_t *pile,
              fault_t *fault)
{
    static const char sql[] =
        "SELECT iif(result IS NULL, operation, 'insert'), coalesce(result, data),"
        " count(*) OVER ()," PLACE OF_THE_ROW " AND " STANDS " ORDER BY place, rowid";
    err_t err = OK;
    sqlite3_stmt *rows =
        db_query(self->db, sql, fault, "ttui", table, version->key, version->lsn, version->seq);
    *pile = (pile_t){0};
    while (db_step(self->db, rows, &err, fault)) {
        if (pile->items == NULL)
            pile->items = arena_new(self->arena, (size_t) sqlite3_column_int64(rows, 2)
                                                     * sizeof *pile->items);
        pile->n += read_standing(self, rows, &pile->items[pile->n]);
    }
    sqlite3_reset(rows);
    return err;
}

static err_t
remove_row(const overlay_t *self, table_t *table, const char *entity_id, fault_t *fault)
{
    bytes_t key;
    bool removed = false;
    err_t err = table_key_named(table, entity_id, self->arena, &key, fault);
    if (err == OK)
        err = table_delete(table, key, &removed, fault);
    return err == OK && !removed ? written_check_gone(table, key, fault) : err;
}

/*  As the server will do it: an insert of a row that is there sets its columns, an update of
    one that is gone does nothing.  */
static err_t
operate(const overlay_t *self, table_t *table, const standing_t *standing,
        const char *entity_id, fault_t *fault)
{
    bool changed = false;
    if (strcmp(standing->operation, "insert") == 0)
        return table_upsert(table, standing->row, fault);
    if (strcmp(standing->operation, "update") == 0)
        return table_update(table, standing->row, &changed, fault);
    return remove_row(self, table, entity_id, fault);
}

static bool
is_of_the_change(err_t err)
{
    return err == ERR_RULE_VIOLATION || err == ERR_INVALID_CHANGE;
}

/*  A change that does not fit on the server's row any more waits for its verdict without
    being seen: the server will find the same.  */
static err_t
lay(const overlay_t *self, table_t *table, const standing_t *standing, const char *entity_id,
    fault_t *fault)
{
    err_t err = db_savepoint(self->db, "standing", fault);
    if (err != OK)
        return err;
    err = operate(self, table, standing, entity_id, fault);
    if (is_of_the_change(err))
        db_rollback_to(self->db, "standing");
    else if (err != OK)
        return err;
    return db_release(self->db, "standing", fault);
}

static err_t
lay_all(const overlay_t *self, table_t *table, const pile_t *pile, const char *entity_id,
        fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < pile->n; i++)
        err = lay(self, table, &pile->items[i], entity_id, fault);
    return err;
}

/*  --------------------------------------------------------------- the server's version  */

static err_t
write_base(const overlay_t *self, table_t *table, const version_t *version, fault_t *fault)
{
    if (version->row.size == 0)
        return remove_row(self, table, version->key, fault);
    const err_t err = table_upsert(table, version->row, fault);
    return err == OK ? written_check(self->db, table, version->row, fault) : err;
}

static err_t
keep(const overlay_t *self, const char *table, const version_t *version, fault_t *fault)
{
    static const char with_row[] =
        "INSERT OR REPLACE INTO waybill_server_rows VALUES (?1, ?2, ?3, ?4, ?5)";
    static const char without[] =
        "INSERT OR REPLACE INTO waybill_server_rows VALUES (?1, ?2, ?3, NULL, ?4)";
    if (version->row.size == 0)
        return db_run(self->db, without, NULL, fault, "ttui", table, version->key, version->lsn,
                      version->seq);
    return db_run(self->db, with_row, NULL, fault, "ttubi", table, version->key, version->lsn,
                  version->row, version->seq);
}

static err_t
drop_kept(const overlay_t *self, const char *table, const char *key, fault_t *fault)
{
    return db_run(self->db,
                  "DELETE FROM waybill_server_rows WHERE entity_type = ?1 AND entity_id = ?2",
                  NULL, fault, "tt", table, key);
}

/*  Without a key: nothing is kept.  */
static err_t
read_kept(const overlay_t *self, const char *table, const char *key, version_t *kept,
          fault_t *fault)
{
    static const char sql[] = "SELECT lsn, data, seq FROM waybill_server_rows"
                              " WHERE entity_type = ?1 AND entity_id = ?2";
    err_t err = OK;
    sqlite3_stmt *row = db_query(self->db, sql, fault, "tt", table, key);
    *kept = (version_t){0};
    if (!db_step(self->db, row, &err, fault))
        return err;
    *kept = (version_t){.key = key,
                        .lsn = (uint64_t) sqlite3_column_int64(row, 0),
                        .row = arena_bytes(self->arena, column_bytes(row, 1)),
                        .seq = sqlite3_column_int64(row, 2)};
    sqlite3_reset(row);
    return OK;
}

/*  Is a local change of the row not done?  */
static err_t
is_open(const overlay_t *self, const char *table, const char *key, bool *open, fault_t *fault)
{
    static const char sql[] = "SELECT 1 FROM local_changes WHERE entity_type = ?1"
                              " AND entity_id = ?2 AND from_server = 0 AND processed_sync = 0"
                              " LIMIT 1";
    return has_row(self->db, db_query(self->db, sql, fault, "tt", table, key), open, fault);
}

static err_t
keep_if_open(const overlay_t *self, const char *table, const version_t *version, fault_t *fault)
{
    bool open = false;
    const err_t err = is_open(self, table, version->key, &open, fault);
    return err == OK && open ? keep(self, table, version, fault) : err;
}

err_t
overlay_write(const overlay_t *self, table_t *table, const version_t *version, fault_t *fault)
{
    pile_t pile;
    err_t err = find_standing(self, table_name(table), version, &pile, fault);
    if (err == OK)
        err = write_base(self, table, version, fault);
    if (err == OK)
        err = lay_all(self, table, &pile, version->key, fault);
    return err == OK ? keep_if_open(self, table_name(table), version, fault) : err;
}

/*  -------------------------------------------------------------------- or set aside  */

static err_t
set_aside(const overlay_t *self, table_t *table, const version_t *version, const fault_t *cause,
          fault_t *fault)
{
    const err_t err = keep_if_open(self, table_name(table), version, fault);
    return err == OK ? aside_put_version(self, table, version, cause, fault) : err;
}

static err_t
write_or_set_aside(const overlay_t *self, table_t *table, const version_t *version,
                   fault_t *fault)
{
    fault_t cause = {ERR_RULE_VIOLATION, "a rule of this database rolls everything back"};
    if (self->aside)
        return set_aside(self, table, version, &cause, fault);
    err_t err = db_savepoint(self->db, "version", fault);
    if (err != OK)
        return err;
    const err_t written = overlay_write(self, table, version, &cause);
    if (written != OK && !is_of_the_change(written)) {
        *fault = cause;
        return written;
    }
    if (written != OK)
        db_rollback_to(self->db, "version");
    err = db_release(self->db, "version", fault);
    if (err != OK)
        return err;
    if (written != OK)
        return set_aside(self, table, version, &cause, fault);
    return aside_forget(self->db, table_name(table), version->key, version->lsn, fault);
}

/*  -------------------------------------------------------------------------- verdicts  */

/*  The version that a verdict uncovers; false if the row may stay as it is. An applied change
    may have come to the server after others that were recorded later: they are written anew. */
static bool
choose_base(const decided_t *decided, const version_t *kept, version_t *base)
{
    if (kept->key != NULL && kept->lsn > decided->version.lsn) {
        *base = *kept;
        return true;
    }
    const bool says_row =
        strcmp(decided->verdict, "applied") != 0 || decided->version.row.size > 0;
    *base = says_row ? decided->version : *kept;
    return says_row || (kept->key != NULL && kept->lsn < decided->version.lsn);
}

static err_t
drop_if_done(const overlay_t *self, const char *table, const char *key, fault_t *fault)
{
    bool open = false;
    err_t err = is_open(self, table, key, &open, fault);
    if (err == OK && !open)
        err = drop_kept(self, table, key, fault);
    return err;
}

/*  A table that is gone has no rows to put right.  */
err_t
overlay_decide(const overlay_t *self, const decided_t *decided, fault_t *fault)
{
    version_t kept;
    version_t base;
    table_t *table = catalog_table(self->catalog, decided->table);
    err_t err = read_kept(self, decided->table, decided->version.key, &kept, fault);
    if (err != OK || table == NULL || table_key(table) == NULL)
        return err;
    if (choose_base(decided, &kept, &base))
        err = write_or_set_aside(self, table, &base, fault);
    if (err == OK && kept.key != NULL)
        err = drop_if_done(self, decided->table, decided->version.key, fault);
    return err;
}

/*  Nothing is kept after a change of epoch: the row is the server's, or there is none.  */
static err_t
lay_on_what_is_there(const overlay_t *self, table_t *table, const char *key, fault_t *fault)
{
    pile_t undecided;
    const version_t newest = {.key = key, .lsn = INT64_MAX};
    if (self->aside)
        return OK;
    const err_t err = find_standing(self, table_name(table), &newest, &undecided, fault);
    return err == OK ? lay_all(self, table, &undecided, key, fault) : err;
}

err_t
overlay_restore(const overlay_t *self, const char *table, const char *key, fault_t *fault)
{
    version_t kept;
    table_t *known = catalog_table(self->catalog, table);
    err_t err = read_kept(self, table, key, &kept, fault);
    if (err != OK || known == NULL || table_key(known) == NULL)
        return err;
    return kept.key ? write_or_set_aside(self, known, &kept, fault)
                    : lay_on_what_is_there(self, known, key, fault);
}

err_t
overlay_give_up(const overlay_t *self, const char *table, const char *key, fault_t *fault)
{
    const err_t err = overlay_restore(self, table, key, fault);
    return err == OK ? drop_if_done(self, table, key, fault) : err;
}

/*  ----------------------------------------------------------------------------- epochs  */

err_t
overlay_change_epoch(db_t *db, uint64_t lsn, fault_t *fault)
{
    err_t err = db_run(db,
                       "UPDATE local_changes SET lsn = NULL WHERE from_server = 0"
                       " AND lsn > ?1",
                       NULL, fault, "u", lsn);
    if (err == OK)
        err = db_run(db, "DELETE FROM waybill_server_rows", NULL, fault, "");
    return err;
}
