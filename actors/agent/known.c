#include "actors/agent/known.h"

#include <string.h>

known_t
known_read(sqlite3_stmt *row, const char *id, arena_t *arena)
{
    return (known_t){
        .seq = sqlite3_column_int64(row, 0),
        .id = id,
        .table = arena_text(arena, column_text(row, 1)),
        .key = arena_text(arena, column_text(row, 2)),
        .operation = arena_text(arena, column_text(row, 3)),
        .error = arena_text(arena, column_text(row, 5)),
        .pending = strcmp(column_text(row, 4), "pending") == 0,
        .parked = strcmp(column_text(row, 4), "parked") == 0,
        .undecided = sqlite3_column_int(row, 6) != 0,
        .done = sqlite3_column_int(row, 7) != 0,
        .attempts = (uint64_t) sqlite3_column_int64(row, 8),
        .made = sqlite3_column_int64(row, 9),
    };
}

err_t
known_find(const overlay_t *overlay, const char *id, known_t *known, bool *found,
           fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(overlay->db,
                                 "SELECT " KNOWN_COLUMNS " FROM local_changes"
                                 " WHERE id = ?1 AND from_server = 0",
                                 fault, "t", id);
    *found = db_step(overlay->db, row, &err, fault);
    if (!*found)
        return err;
    *known = known_read(row, id, overlay->arena);
    sqlite3_reset(row);
    return OK;
}

/*  Found by their row, which has an index.  */
err_t
known_folded(const overlay_t *overlay, const known_t *into, known_list_t *list, fault_t *fault)
{
    static const char sql[] =
        "SELECT " KNOWN_COLUMNS ", id, count(*) OVER () FROM local_changes"
        " WHERE entity_type = ?1 AND entity_id = ?2 AND folded_into = ?3 AND from_server = 0"
        " ORDER BY rowid";
    err_t err = OK;
    sqlite3_stmt *rows =
        db_query(overlay->db, sql, fault, "ttt", into->table, into->key, into->id);
    for (*list = (known_list_t){0}; db_step(overlay->db, rows, &err, fault); list->n++) {
        if (list->n == 0)
            list->items =
                arena_new(overlay->arena, (size_t) sqlite3_column_int64(rows, KNOWN_COUNT + 1)
                                              * sizeof *list->items);
        const char *id = arena_text(overlay->arena, column_text(rows, KNOWN_COUNT));
        list->items[list->n] = known_read(rows, id, overlay->arena);
    }
    return err;
}
