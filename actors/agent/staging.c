#include "actors/agent/staging.h"

#include "schemas/codec.h"

err_t
staging_clear(db_t *db, fault_t *fault)
{
    return db_run(db, "DELETE FROM waybill_staged", NULL, fault, "");
}

static err_t
unpack(bytes_t packed, arena_t *arena, server_change_t *change, fault_t *fault)
{
    return message_unpack(MSG_server_change, arena_bytes(arena, packed), arena, change, fault);
}

/*  Does the stretch begin at or before the last change that is staged? Then the server
    sends the transaction again.  */
static err_t
begins_anew(db_t *db, const server_changes_t *stretch, bool *anew, fault_t *fault)
{
    static const char sql[] = "SELECT change FROM waybill_staged ORDER BY seq DESC LIMIT 1";
    arena_t arena = {0};
    server_change_t last = {0};
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    *anew = false;
    if (!db_step(db, row, &err, fault))
        return err;
    err = unpack(column_bytes(row, 0), &arena, &last, fault);
    if (err == OK && stretch->n_changes > 0) {
        const server_change_t *first = &stretch->changes[0];
        *anew = first->lsn != last.lsn || first->index <= last.index;
    }
    sqlite3_reset(row);
    arena_release(&arena);
    return err;
}

static err_t
clear_if_anew(db_t *db, const server_changes_t *stretch, fault_t *fault)
{
    bool anew = false;
    err_t err = begins_anew(db, stretch, &anew, fault);
    if (err == OK && anew)
        err = staging_clear(db, fault);
    return err;
}

err_t
staging_add(db_t *db, const server_changes_t *stretch, fault_t *fault)
{
    buffer_t packed = {0};
    err_t err = clear_if_anew(db, stretch, fault);
    for (size_t i = 0; err == OK && i < stretch->n_changes; i++) {
        buffer_clear(&packed);
        message_pack(MSG_server_change, &stretch->changes[i], &packed);
        err = db_run(db, "INSERT INTO waybill_staged (change) VALUES (?1)", NULL, fault, "b",
                     buffer_bytes(&packed));
    }
    buffer_release(&packed);
    return err;
}

static err_t
load(db_t *db, arena_t *arena, server_changes_t *whole, size_t room, fault_t *fault)
{
    static const char sql[] =
        "SELECT change, count(*) OVER () FROM waybill_staged ORDER BY seq";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(db, sql, fault, "");
    whole->n_changes = 0;
    while (err == OK && db_step(db, rows, &err, fault)) {
        if (whole->n_changes == 0)
            whole->changes = arena_new(arena, ((size_t) sqlite3_column_int64(rows, 1) + room)
                                                  * sizeof *whole->changes);
        err = unpack(column_bytes(rows, 0), arena, &whole->changes[whole->n_changes++], fault);
    }
    sqlite3_reset(rows);
    return err;
}

err_t
staging_complete(db_t *db, const server_changes_t *stretch, arena_t *arena,
                 server_changes_t *whole, fault_t *fault)
{
    *whole = *stretch;
    err_t err = clear_if_anew(db, stretch, fault);
    if (err == OK)
        err = load(db, arena, whole, stretch->n_changes, fault);
    if (err != OK || whole->n_changes == 0) {
        *whole = *stretch;
        return err;
    }
    for (size_t i = 0; i < stretch->n_changes; i++)
        whole->changes[whole->n_changes++] = stretch->changes[i];
    return staging_clear(db, fault);
}
