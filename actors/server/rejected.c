#include "actors/server/rejected.h"

#include <string.h>

#define NEWEST ((uint64_t) INT64_MAX)
enum { USUALLY = 100, AT_MOST = 1000, PAGE_BYTES = 1 << 20 };

static rejected_change_t
read_row(sqlite3_stmt *row, arena_t *arena)
{
    return (rejected_change_t){
        .seq = (uint64_t) sqlite3_column_int64(row, 0),
        .time = sqlite3_column_int64(row, 1),
        .client_id = arena_text(arena, column_text(row, 2)),
        .change_id = arena_text(arena, column_text(row, 3)),
        .table = arena_text(arena, column_text(row, 4)),
        .operation = arena_text(arena, column_text(row, 5)),
        .data = arena_text(arena, column_text(row, 6)),
        .code = arena_text(arena, column_text(row, 7)),
        .message = arena_text(arena, column_text(row, 8)),
    };
}

/*  One row more than is wanted tells whether there are more.  */
static err_t
read_page(db_t *db, const rejected_get_t *request, arena_t *arena, rejected_page_t *page,
          fault_t *fault)
{
    static const char sql[] =
        "SELECT seq, time, client_id, change_id, tbl, operation, data, code, message"
        " FROM changes_history WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    const uint64_t wanted = request->limit == 0 ? USUALLY : request->limit;
    const size_t room = wanted < AT_MOST ? (size_t) wanted : AT_MOST;
    err_t err = OK;
    size_t bytes = 0;
    sqlite3_stmt *rows =
        db_query(db, sql, fault, "uu", request->after != 0 ? request->after : NEWEST,
                 (uint64_t) room + 1);
    *page = (rejected_page_t){.changes = arena_new(arena, room * sizeof *page->changes)};
    while (!page->more && db_step(db, rows, &err, fault)) {
        page->more = page->n_changes == room || bytes > PAGE_BYTES;
        if (page->more)
            break;
        const rejected_change_t row = read_row(rows, arena);
        page->changes[page->n_changes++] = row;
        bytes += strlen(row.data);
    }
    if (rows)
        sqlite3_reset(rows);
    return err;
}

err_t
rejected_tell(ctx_t *ctx, db_t *db, const rejected_get_t *request)
{
    rejected_page_t page;
    fault_t fault = {0};
    const err_t err = read_page(db, request, ctx_arena(ctx), &page, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    ctx_reply(ctx, MSG_rejected_page, &page);
    return OK;
}
