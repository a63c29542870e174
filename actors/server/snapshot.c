#include "actors/server/snapshot.h"

#include "actors/common/catalog.h"
#include "actors/server/change_log.h"

#include <stdio.h>
#include <stdlib.h>

/*  What a change costs in a frame beside its row.  */
enum { CHANGE_OVERHEAD = 100, ROWS_LOOKED_AT = 20000 };

struct snapshot {
    db_t *db;
    catalog_t *catalog;
    rights_t *rights;
    char *user;
    char epoch[UUID_TEXT];
    uint64_t lsn;
    size_t table; /* index in the catalog */
    uint64_t n_pages;
    uint64_t total;   /* pages of this table, if they are counted */
    buffer_t after;   /* key of the last row sent; empty: none of this table */
    buffer_t scanned; /* key of the last row looked at */
};

static err_t
begin(snapshot_t *self, const char *database, bool *sealed, fault_t *fault)
{
    log_head_t head;
    err_t err = db_open_reader(database, &self->db, fault);
    if (err == OK)
        err = db_begin_read(self->db, fault);
    if (err == OK)
        err = change_log_head(self->db, &head, fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, fault);
    *sealed = err == OK && !head.unsealed;
    if (err != OK)
        return err;
    self->lsn = head.lsn;
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", head.epoch);
    return OK;
}

err_t
snapshot_open(const char *database, const settings_t *settings, const char *user,
              snapshot_t **self, fault_t *fault)
{
    *self = mem_new(sizeof **self);
    (*self)->user = mem_text(user);
    bool sealed = false;
    err_t err = begin(*self, database, &sealed, fault);
    if (err == OK)
        err =
            rights_open_later((*self)->db, (*self)->catalog, settings, &(*self)->rights, fault);
    if (err != OK || !sealed)
        snapshot_destroy(self);
    return err;
}

void
snapshot_destroy(snapshot_t **self)
{
    if (*self == NULL)
        return;
    rights_close(&(*self)->rights);
    catalog_close(&(*self)->catalog);
    db_close(&(*self)->db);
    free((*self)->user);
    buffer_release(&(*self)->after);
    buffer_release(&(*self)->scanned);
    free(*self);
    *self = NULL;
}

uint64_t
snapshot_lsn(const snapshot_t *self)
{
    return self->lsn;
}

const char *
snapshot_epoch(const snapshot_t *self)
{
    return self->epoch;
}

int64_t
snapshot_clock(snapshot_t *self)
{
    static const char sql[] =
        "SELECT max(clock, coalesce((SELECT max(updated_at) FROM waybill_versions), 0))"
        " FROM waybill_head";
    return db_number(self->db, sql, 0);
}

/*  ------------------------------------------------------------------------- a page  */

typedef struct page {
    arena_t *arena;
    page_size_t size;
    size_t bytes;
    const char *table;
    uint64_t lsn;
    server_change_t *changes;
    size_t n, room;
    bool more; /* a row did not fit */

    rule_t *rule; /* NULL: every row may be read */
    const char *user;
    size_t looked_at;
    buffer_t last; /* row looked at, where there is a rule */
    err_t err;
    fault_t *fault;
} page_t;

/*  The array doubles in the arena: at most as much again is lost until the round ends.  */
static void
make_room(page_t *page)
{
    if (page->n < page->room)
        return;
    const size_t room = page->room ? page->room * 2 : 64;
    server_change_t *changes = arena_new(page->arena, room * sizeof *changes);
    for (size_t i = 0; i < page->n; i++)
        changes[i] = page->changes[i];
    page->changes = changes;
    page->room = room;
}

static void
add_row(page_t *page, bytes_t row)
{
    make_room(page);
    page->changes[page->n++] = (server_change_t){
        .table = page->table,
        .operation = "insert",
        .data = arena_bytes(page->arena, row),
        .lsn = page->lsn,
    };
    page->bytes += row.size + CHANGE_OVERHEAD;
}

/*  Others want to be served as well: after so many rows the page ends as it is.  */
static bool
take_if_readable(page_t *page, bytes_t row)
{
    bool readable = false;
    buffer_clear(&page->last);
    buffer_add(&page->last, row.data, row.size);
    page->err =
        rule_holds(page->rule, RIGHT_READ, (asking_t){page->user, row}, &readable, page->fault);
    if (page->err == OK && readable)
        add_row(page, rule_visible(page->rule, row, page->arena));
    page->more = ++page->looked_at >= ROWS_LOOKED_AT;
    return page->err == OK && !page->more;
}

static bool
take(void *arg, bytes_t row)
{
    page_t *page = arg;
    const bool enough = page->size.rows > 0 && page->n >= page->size.rows;
    if (enough || (page->n > 0 && page->bytes + row.size > page->size.bytes)) {
        page->more = true;
        return false;
    }
    if (page->rule != NULL)
        return take_if_readable(page, row);
    add_row(page, row);
    return true;
}

static void
keep_key(buffer_t *kept, const table_t *table, bytes_t row, arena_t *arena)
{
    const bytes_t key = table_key_row(table, row, arena);
    buffer_clear(kept);
    buffer_add(kept, key.data, key.size);
}

/*  The client is told only keys of rows that it got.  */
static void
remember_key(snapshot_t *self, const table_t *table, const page_t *page)
{
    if (page->n > 0)
        keep_key(&self->after, table, page->changes[page->n - 1].data, page->arena);
    if (page->rule == NULL && page->n > 0)
        keep_key(&self->scanned, table, page->changes[page->n - 1].data, page->arena);
    if (page->last.size > 0)
        keep_key(&self->scanned, table, buffer_bytes(&page->last), page->arena);
}

/*  Rows in a table; table is quoted as it comes out of the schema.  */
static err_t
count_pages(snapshot_t *self, const table_t *table, size_t rows, fault_t *fault)
{
    buffer_t sql = {0};
    err_t err = OK;
    buffer_add_text(&sql, "SELECT count(*) FROM ");
    sql_name(&sql, table_name(table));
    sqlite3_stmt *statement = db_query(self->db, buffer_text(&sql), fault, "");
    if (db_step(self->db, statement, &err, fault)) {
        const uint64_t n = (uint64_t) sqlite3_column_int64(statement, 0);
        self->total = n == 0 ? 1 : (n + rows - 1) / rows;
        sqlite3_reset(statement);
    }
    buffer_release(&sql);
    return err;
}

/*  Rows may be so large that pages were cut by bytes: then there are more.  */
static uint64_t
total_of(const snapshot_t *self, const page_t *page)
{
    if (page->size.rows == 0)
        return 0;
    if (!page->more)
        return self->n_pages;
    return self->total > self->n_pages ? self->total : self->n_pages + 1;
}

static void
next_table(snapshot_t *self)
{
    self->table++;
    self->n_pages = 0;
    self->total = 0; /* of what may not be read in full, the number is not told either */
    buffer_clear(&self->after);
    buffer_clear(&self->scanned);
}

static table_t *
current_table(snapshot_t *self)
{
    for (; self->table < catalog_count(self->catalog); self->table++) {
        table_t *table = catalog_at(self->catalog, self->table);
        if (table_key(table) != NULL)
            return table;
    }
    return NULL;
}

err_t
snapshot_page(snapshot_t *self, page_size_t size, arena_t *arena, stream_chunk_t *chunk,
              fault_t *fault)
{
    table_t *table = current_table(self);
    if (table == NULL)
        return OK;
    page_t page = {
        .arena = arena,
        .size = size,
        .table = arena_text(arena, table_name(table)),
        .lsn = self->lsn,
        .rule = rights_of(self->rights, table_name(table)),
        .user = self->user,
        .fault = fault,
    };
    chunk->after = arena_bytes(arena, buffer_bytes(&self->after));
    const bool restricted = page.rule != NULL && rule_asks(page.rule, RIGHT_READ);
    err_t err = OK;
    if (chunk->after.size == 0 && size.rows > 0 && !restricted)
        err = count_pages(self, table, size.rows, fault);
    if (err == OK)
        err = table_scan(table, buffer_bytes(&self->scanned), take, &page, fault);
    if (err == OK)
        err = page.err;
    if (err != OK) {
        buffer_release(&page.last);
        return err;
    }
    chunk->table = page.table;
    chunk->final = !page.more;
    chunk->chunk = ++self->n_pages;
    chunk->total = total_of(self, &page);
    chunk->changes = page.changes;
    chunk->n_changes = page.n;
    remember_key(self, table, &page);
    buffer_release(&page.last);
    if (!page.more)
        next_table(self);
    return OK;
}
