/*  Rows of local_changes as people and the retry manager see them; declared in outbox.h.  */

#include "actors/agent/outbox.h"

#include "actors/agent/text_set.h"
#include "actors/agent/walk.h"

#include <string.h>

enum { FAILED_AT_ONCE = 500, LISTED_AT_ONCE = 500, LISTED_AT_MOST = 5000 };

/*  A page must fit a frame, and memory: it ends before so many rows if they are large.  */
enum { LISTED_BYTES = 1 << 20 };

#define ROW_WITH(data, old_data, metadata)                                                     \
    "SELECT rowid, id, txn, entity_type, entity_id, operation, " data ", timestamp,"           \
    " processed_local, processed_sync, state, error, attempts, next_attempt, from_server,"     \
    " skip_reason, lsn, verdict, " old_data ", " metadata ", folded_into,"                     \
    " nullif(client_id, (SELECT client_id FROM sync_state)) FROM local_changes "
#define ROW ROW_WITH("data", "old_data", "metadata")

typedef struct listing {
    change_row_t *rows;
    size_t n;
    bool cut; /* by its bytes: there may be more */
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
        .verdict = text_of(self, row, 17),
        .old_data = text_of(self, row, 18),
        .metadata = text_of(self, row, 19),
        .folded_into = text_of(self, row, 20),
        .client_id = text_of(self, row, 21),
    };
}

static err_t
read_rows(const outbox_reader_t *self, sqlite3_stmt *rows, size_t room, listing_t *listing,
          fault_t *fault)
{
    size_t bytes = 0;
    err_t err = OK;
    *listing = (listing_t){.rows = arena_new(self->arena, (room + 1) * sizeof *listing->rows)};
    while (!listing->cut && listing->n < room && db_step(self->db, rows, &err, fault)) {
        const change_row_t row = read_row(self, rows);
        listing->rows[listing->n++] = row;
        bytes += strlen(row.data) + strlen(row.old_data) + strlen(row.metadata);
        listing->cut = bytes >= LISTED_BYTES;
    }
    sqlite3_reset(rows);
    return err;
}

err_t
outbox_failed(const outbox_reader_t *self, failed_batch_t *batch, fault_t *fault)
{
    static const char sql[] = ROW_WITH(
        "NULL", "NULL",
        "NULL") "INDEXED BY idx_local_changes_refused WHERE state IN ('failed', 'parked')"
                " AND processed_sync = 0 AND from_server = 0 AND folded_into IS NULL"
                " AND state = 'failed' ORDER BY next_attempt, timestamp, rowid";
    listing_t listing;
    const err_t err =
        read_rows(self, db_query(self->db, sql, fault, ""), FAILED_AT_ONCE, &listing, fault);
    *batch = (failed_batch_t){.changes = listing.rows, .n_changes = listing.n};
    return err;
}

/*  ----------------------------------------------------------------------- for people  */

/*  Which of the rows listed wait for others.  */
typedef struct holding {
    text_set_t held; /* ids; the note is what each waits for */
    uint64_t last;   /* seq */
} holding_t;

static bool
note_held(void *arg, const walk_group_t *group)
{
    holding_t *self = arg;
    for (size_t i = 0; group->held_by && i < group->n; i++)
        if (!group->rows[i].waits)
            text_set_add_note(&self->held, group->rows[i].change.id, group->held_by);
    return group->rows[group->n - 1].seq < self->last;
}

static err_t
find_holders(const outbox_reader_t *self, listing_t *listing, fault_t *fault)
{
    holding_t holding = {.last = listing->n > 0 ? listing->rows[listing->n - 1].seq : 0};
    err_t err = OK;
    if (self->blocked && listing->n > 0)
        err = walk_outbox(self, 0, note_held, &holding, fault);
    for (size_t i = 0; err == OK && i < listing->n; i++) {
        const char *holder = text_set_note(&holding.held, listing->rows[i].id);
        listing->rows[i].held_by = holder ? arena_text(self->arena, holder) : NULL;
    }
    text_set_release(&holding.held);
    return err;
}

/*  In the order of rowid, as in walk.c; those that are done are not even looked at.  */
#define UNDECIDED                                                                              \
    ROW "INDEXED BY idx_local_changes_processed_sync WHERE processed_sync = 0"                 \
        " AND from_server = 0 AND rowid > ?1 AND timestamp >= coalesce((SELECT timestamp FROM" \
        " local_changes WHERE rowid = ?1), 0)"
#define IN_ORDER " ORDER BY timestamp, rowid"

static const struct {
    const char *name;
    const char *sql;
} filters[] = {
    {"pending", UNDECIDED " AND state = 'pending'" IN_ORDER},
    {"failed", UNDECIDED " AND state IN ('failed', 'parked')" IN_ORDER},
    {"parked", UNDECIDED " AND state = 'parked'" IN_ORDER},
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
                         "field filter: \"%.40s\": it must be pending, failed, parked or all",
                         request->filter);
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "u", request->after);
    err_t err = read_rows(self, rows, wanted + 1, &listing, fault);
    if (err == OK)
        err = find_holders(self, &listing, fault);
    *page = (changes_page_t){
        .changes = listing.rows,
        .n_changes = listing.n < wanted ? listing.n : wanted,
        .more = listing.n > wanted || listing.cut,
    };
    return err;
}

/*  ------------------------------------------------------------------------ one change  */

static err_t
read_errors(const outbox_reader_t *self, const char *id, change_found_t *found, fault_t *fault)
{
    static const char sql[] = "SELECT attempt, time, code, message, count(*) OVER ()"
                              " FROM waybill_errors WHERE change_id = ?1 ORDER BY rowid";
    err_t err = OK;
    past_error_t *errors = NULL;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "t", id);
    for (; db_step(self->db, rows, &err, fault); found->n_errors++) {
        if (errors == NULL)
            errors =
                arena_new(self->arena, (size_t) sqlite3_column_int64(rows, 4) * sizeof *errors);
        errors[found->n_errors] = (past_error_t){
            .attempt = (uint64_t) sqlite3_column_int64(rows, 0),
            .time = sqlite3_column_int64(rows, 1),
            .code = text_of(self, rows, 2),
            .message = text_of(self, rows, 3),
        };
    }
    found->errors = errors;
    return err;
}

static err_t
find_row(const outbox_reader_t *self, const char *id, listing_t *listing, fault_t *fault)
{
    return read_rows(self, db_query(self->db, ROW "WHERE id = ?1", fault, "t", id), 1, listing,
                     fault);
}

/*  Without what its columns are: who waits wants to know why.  */
static err_t
find_holder(const outbox_reader_t *self, const change_row_t *row, change_row_t **holder,
            fault_t *fault)
{
    const char *id = row->held_by ? row->held_by : row->folded_into;
    listing_t listing;
    if (id[0] == '\0')
        return OK;
    const err_t err = find_row(self, id, &listing, fault);
    if (err == OK && listing.n > 0) {
        *holder = &listing.rows[0];
        (*holder)->data = (*holder)->old_data = (*holder)->metadata = NULL;
    }
    return err;
}

err_t
outbox_find(const outbox_reader_t *self, const char *id, change_found_t *found, fault_t *fault)
{
    listing_t listing;
    err_t err = find_row(self, id, &listing, fault);
    if (err == OK)
        err = find_holders(self, &listing, fault);
    *found = (change_found_t){.id = id, .changes = listing.rows, .n_changes = listing.n};
    if (err == OK && listing.n > 0)
        err = find_holder(self, &listing.rows[0], &found->holder, fault);
    return err == OK ? read_errors(self, id, found, fault) : err;
}

/*  An error is kept as "CODE: message".  */
static void
read_error(const outbox_reader_t *self, const char *error, processed_t *result)
{
    const char *colon = strstr(error, ": ");
    const size_t size = colon ? (size_t) (colon - error) : 0;
    result->code = arena_text_of(self->arena, error, size);
    result->message = colon ? colon + 2 : error;
}

err_t
outbox_result(const outbox_reader_t *self, const char *id, processed_t *result, bool *decided,
              fault_t *fault)
{
    listing_t listing;
    const err_t err = find_row(self, id, &listing, fault);
    if (err != OK)
        return err;
    if (listing.n == 0)
        return fault_set(fault, ERR_NOT_FOUND, "ids: there is no change \"%.64s\"", id);
    const change_row_t *row = &listing.rows[0];
    const bool done = strcmp(row->state, "done") == 0;
    const bool skipped = row->skip_reason[0] != '\0';
    *decided = strcmp(row->state, "pending") != 0;
    *result = (processed_t){
        .id = row->id,
        .entity_type = row->entity_type,
        .entity_id = row->entity_id,
        .operation = row->operation,
        .result = !done             ? row->state
                  : row->verdict[0] ? row->verdict
                  : skipped         ? "skipped"
                                    : "applied",
        .from_server = row->from_server,
        .message = row->skip_reason,
        .lsn = row->lsn,
    };
    if (!done)
        read_error(self, row->error, result);
    return OK;
}
