#include "actors/server/rejected.h"

#include <string.h>

#define NEWEST ((uint64_t) INT64_MAX)
enum { USUALLY = 100, AT_MOST = 1000, PAGE_BYTES = 1 << 20 };

rejected_paging_t
rejected_begin(const rejected_get_t *request, arena_t *arena)
{
    const uint64_t wanted = request->limit == 0 ? USUALLY : request->limit;
    const size_t room = wanted < AT_MOST ? (size_t) wanted : AT_MOST;
    rejected_page_t *page = arena_new(arena, sizeof *page);
    *page = (rejected_page_t){.changes = arena_new(arena, room * sizeof *page->changes)};
    return (rejected_paging_t){
        .page = page,
        .arena = arena,
        .before = request->after != 0 ? request->after : NEWEST,
        .room = room,
    };
}

bool
rejected_add(rejected_paging_t *self, const rejected_change_t *row)
{
    rejected_page_t *page = self->page;
    page->more = page->n_changes == self->room || self->bytes > PAGE_BYTES;
    if (page->more)
        return false;
    page->changes[page->n_changes++] = (rejected_change_t){
        .seq = row->seq,
        .time = row->time,
        .client_id = arena_text(self->arena, row->client_id),
        .change_id = arena_text(self->arena, row->change_id),
        .table = arena_text(self->arena, row->table),
        .operation = arena_text(self->arena, row->operation),
        .data = arena_text(self->arena, row->data),
        .code = arena_text(self->arena, row->code),
        .message = arena_text(self->arena, row->message),
    };
    self->bytes += strlen(row->data);
    return true;
}
