#include "actors/agent/covered.h"

#include <stdlib.h>

enum { LISTED_AT_MOST = 256 };

static char *
name_of(const char *table, const char *key)
{
    return mem_format("%s\n%s", table, key);
}

err_t
covered_read(covered_t *self, db_t *db, uint64_t lsn, fault_t *fault)
{
    static const char sql[] =
        "SELECT entity_type, entity_id FROM local_changes"
        " WHERE processed_sync = 0 AND from_server = 0 UNION ALL"
        " SELECT entity_type, entity_id FROM local_changes"
        " WHERE from_server = 0 AND lsn > ?1 AND verdict = 'applied' LIMIT ?2";
    size_t n = 0;
    err_t err = OK;
    covered_release(self);
    sqlite3_stmt *rows = db_query(db, sql, fault, "ui", lsn, (int64_t) LISTED_AT_MOST + 1);
    while (db_step(db, rows, &err, fault)) {
        char *name = name_of(column_text(rows, 0), column_text(rows, 1));
        text_set_add(&self->rows, name);
        free(name);
        n++;
    }
    self->too_many = n > LISTED_AT_MOST;
    return err;
}

bool
covered_has(const covered_t *self, const char *table, const char *key)
{
    if (self->too_many || self->rows.n == 0)
        return self->too_many;
    char *name = name_of(table, key);
    const bool has = text_set_has(&self->rows, name);
    free(name);
    return has;
}

void
covered_release(covered_t *self)
{
    text_set_release(&self->rows);
    *self = (covered_t){0};
}
