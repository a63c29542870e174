/*  Rows of local_changes as people and the retry manager see them; declared in outbox.h.  */

#include "actors/agent/outbox.h"

#include <string.h>

enum { FAILED_AT_ONCE = 500, LISTED_AT_ONCE = 500, LISTED_AT_MOST = 5000 };

#define ROW                                                                                    \
    "SELECT rowid, id, txn, entity_type, entity_id, operation, data, timestamp,"               \
    " processed_local, processed_sync, state, error, attempts, next_attempt, from_server,"     \
    " skip_reason, lsn FROM local_changes "

typedef struct listing {
    change_row_t *rows;
    size_t n;
} listing_t;

static const char *
text_of(const outbox_reader_t *self, sqlite3_stmt *row, int column)
{
    return arena_text(self->arena, column_text(row, column));
}

static change_row_t
read_row(const outbox_reader_t *self, sqlite3_stmt *row)
{
    return (change_row_t){
        .seq = (uint64_t) sqlite3_column_int64(row, 0),
        .id = text_of(self, row, 1),
        .txn = text_of(self, row, 2),
        .entity_type = text_of(self, row, 3),
        .entity_id = text_of(self, row, 4),
        .operation = text_of(self, row, 5),
        .data = text_of(self, row, 6),
        .timestamp = sqlite3_column_int64(row, 7),
        .processed_local = sqlite3_column_int(row, 8) != 0,
        .processed_sync = sqlite3_column_int(row, 9) != 0,
        .state = text_of(self, row, 10),
        .error = text_of(self, row, 11),
        .attempts = (uint64_t) sqlite3_column_int64(row, 12),
        .next_attempt = sqlite3_column_int64(row, 13),
        .from_server = sqlite3_column_int(row, 14) != 0,
        .skip_reason = text_of(self, row, 15),
        .lsn = (uint64_t) sqlite3_column_int64(row, 16),
    };
}

static err_t
read_rows(const outbox_reader_t *self, sqlite3_stmt *rows, size_t room, listing_t *listing,
          fault_t *fault)
{
    err_t err = OK;
    *listing = (listing_t){.rows = arena_new(self->arena, (room + 1) * sizeof *listing->rows)};
    while (listing->n < room && db_step(self->db, rows, &err, fault))
        listing->rows[listing->n++] = read_row(self, rows);
    sqlite3_reset(rows);
    return err;
}

err_t
outbox_failed(const outbox_reader_t *self, failed_batch_t *batch, fault_t *fault)
{
    static const char sql[] =
        ROW "WHERE processed_sync = 0 AND from_server = 0"
            " AND state = 'failed' ORDER BY next_attempt, timestamp, rowid";
    listing_t listing;
    const err_t err =
        read_rows(self, db_query(self->db, sql, fault, ""), FAILED_AT_ONCE, &listing, fault);
    *batch = (failed_batch_t){.changes = listing.rows, .n_changes = listing.n};
    return err;
}

/*  ----------------------------------------------------------------------- for people  */

static const struct {
    const char *name;
    const char *sql;
} filters[] = {
    {"pending", ROW "WHERE rowid > ?1 AND processed_sync = 0 AND from_server = 0"
                    " AND state = 'pending' ORDER BY rowid"},
    {"failed", ROW "WHERE rowid > ?1 AND processed_sync = 0 AND from_server = 0"
                   " AND state IN ('failed', 'parked') ORDER BY rowid"},
    {"all", ROW "WHERE rowid > ?1 ORDER BY rowid"},
};

static const char *
sql_of(const char *filter)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (strcmp(filters[i].name, filter) == 0)
            return filters[i].sql;
    return NULL;
}

static size_t
rows_wanted(uint64_t limit)
{
    if (limit == 0)
        return LISTED_AT_ONCE;
    return limit < LISTED_AT_MOST ? (size_t) limit : LISTED_AT_MOST;
}

/*  One row more than wanted tells whether there are more.  */
err_t
outbox_list(const outbox_reader_t *self, const changes_list_t *request, changes_page_t *page,
            fault_t *fault)
{
    listing_t listing;
    const char *sql = sql_of(request->filter);
    const size_t wanted = rows_wanted(request->limit);
    if (sql == NULL)
        return fault_set(fault, ERR_USAGE,
                         "field filter: \"%.40s\": it must be pending, failed or all",
                         request->filter);
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "u", request->after);
    const err_t err = read_rows(self, rows, wanted + 1, &listing, fault);
    *page = (changes_page_t){
        .changes = listing.rows,
        .n_changes = listing.n < wanted ? listing.n : wanted,
        .more = listing.n > wanted,
    };
    return err;
}
