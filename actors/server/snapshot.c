#include "actors/server/snapshot.h"

#include "actors/common/catalog.h"
#include "actors/server/change_log.h"

#include <stdlib.h>

/*  What a change costs in a frame beside its row.  */
enum { CHANGE_OVERHEAD = 100 };

struct snapshot {
    db_t *db;
    catalog_t *catalog;
    uint64_t lsn;
    size_t table; /* index in the catalog */
    uint64_t n_pages;
    uint64_t total; /* pages of this table, if they are counted */
    buffer_t after; /* key of the last row sent; empty: none of this table */
};

static err_t
begin(snapshot_t *self, const char *database, fault_t *fault)
{
    log_head_t head;
    err_t err = db_open_reader(database, &self->db, fault);
    if (err == OK)
        err = db_begin_read(self->db, fault);
    if (err == OK)
        err = change_log_head(self->db, &head, fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, fault);
    if (err == OK)
        self->lsn = head.lsn;
    return err;
}

err_t
snapshot_open(const char *database, snapshot_t **self, fault_t *fault)
{
    *self = mem_new(sizeof **self);
    const err_t err = begin(*self, database, fault);
    if (err != OK)
        snapshot_destroy(self);
    return err;
}

void
snapshot_destroy(snapshot_t **self)
{
    if (*self == NULL)
        return;
    catalog_close(&(*self)->catalog);
    db_close(&(*self)->db);
    buffer_release(&(*self)->after);
    free(*self);
    *self = NULL;
}

uint64_t
snapshot_lsn(const snapshot_t *self)
{
    return self->lsn;
}

int64_t
snapshot_clock(snapshot_t *self)
{
    return db_number(self->db, "SELECT max(updated_at) FROM waybill_versions", 0);
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

static bool
take(void *arg, bytes_t row)
{
    page_t *page = arg;
    const bool enough = page->size.rows > 0 && page->n >= page->size.rows;
    if (enough || (page->n > 0 && page->bytes + row.size > page->size.bytes)) {
        page->more = true;
        return false;
    }
    make_room(page);
    page->changes[page->n++] = (server_change_t){
        .table = page->table,
        .operation = "insert",
        .data = arena_bytes(page->arena, row),
        .lsn = page->lsn,
    };
    page->bytes += row.size + CHANGE_OVERHEAD;
    return true;
}

static void
remember_key(snapshot_t *self, const table_t *table, const page_t *page)
{
    if (page->n == 0)
        return;
    const bytes_t key = table_key_row(table, page->changes[page->n - 1].data, page->arena);
    buffer_clear(&self->after);
    buffer_add(&self->after, key.data, key.size);
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
    buffer_clear(&self->after);
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
    };
    chunk->after = arena_bytes(arena, buffer_bytes(&self->after));
    err_t err = OK;
    if (chunk->after.size == 0 && size.rows > 0)
        err = count_pages(self, table, size.rows, fault);
    if (err == OK)
        err = table_scan(table, chunk->after, take, &page, fault);
    if (err != OK)
        return err;
    chunk->table = page.table;
    chunk->final = !page.more;
    chunk->chunk = ++self->n_pages;
    chunk->total = total_of(self, &page);
    chunk->changes = page.changes;
    chunk->n_changes = page.n;
    remember_key(self, table, &page);
    if (!page.more)
        next_table(self);
    return OK;
}
