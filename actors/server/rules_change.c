#include "actors/server/rules_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 12 }; /* the last group of a UUID */

/*  Whatever of the settings decides what is sent. Letters that no name has stand between.  */
static void
write_rules(const settings_t *settings, buffer_t *rules)
{
    for (size_t i = 0; i < settings->n_tables; i++) {
        const table_settings_t *table = &settings->tables[i];
        if (table->tables_read[0] != '\0' || table->tables_server_only[0] != '\0')
            buffer_add_format(rules, "%s\x1f%s\x1f%s\x1e", table->name, table->tables_read,
                              table->tables_server_only);
    }
}

static err_t
are_remembered(db_t *db, const char *rules, bool *remembered, fault_t *fault)
{
    static const char sql[] =
        "SELECT coalesce((SELECT rules FROM waybill_rules), '') = ?1 FROM waybill_head";
    err_t err = OK;
    sqlite3_stmt *statement = db_query(db, sql, fault, "t", rules);
    if (db_step(db, statement, &err, fault))
        *remembered = sqlite3_column_int(statement, 0) != 0;
    sqlite3_reset(statement);
    return err;
}

static err_t
remember(db_t *db, const char *rules, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_rules (one, rules, lsn) SELECT 1, ?1, lsn FROM waybill_head WHERE "
        "1"
        " ON CONFLICT (one) DO UPDATE SET rules = excluded.rules, lsn = excluded.lsn";
    const err_t err = db_run(db, "UPDATE waybill_head SET lsn = lsn + 1", NULL, fault, "");
    return err == OK ? db_run(db, sql, NULL, fault, "t", rules) : err;
}

err_t
rules_remember(db_t *db, const settings_t *settings, fault_t *fault)
{
    bool remembered = true;
    buffer_t rules = {0};
    write_rules(settings, &rules);
    err_t err = are_remembered(db, buffer_text(&rules), &remembered, fault);
    if (err == OK && !remembered)
        err = remember(db, buffer_text(&rules), fault);
    buffer_release(&rules);
    return err;
}

/*  FNV-1a.  */
static uint64_t
hash_of(bytes_t bytes)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * 0x100000001b3;
    return hash;
}

void
rules_mark(const settings_t *settings, char epoch[UUID_TEXT])
{
    const size_t size = strlen(epoch);
    char digits[DIGITS + 1];
    buffer_t rules = {0};
    write_rules(settings, &rules);
    if (rules.size > 0 && size >= DIGITS) {
        (void) snprintf(digits, sizeof digits, "%0*" PRIx64, DIGITS,
                        hash_of(buffer_bytes(&rules)) >> (64 - 4 * DIGITS));
        memcpy(epoch + size - DIGITS, digits, DIGITS);
    }
    buffer_release(&rules);
}

err_t
rules_since(db_t *db, uint64_t *lsn, fault_t *fault)
{
    static const char sql[] = "SELECT lsn FROM waybill_rules";
    err_t err = OK;
    *lsn = 0;
    sqlite3_stmt *statement = db_query(db, sql, fault, "");
    if (db_step(db, statement, &err, fault))
        *lsn = (uint64_t) sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return err;
}
