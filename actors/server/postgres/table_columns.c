#include "actors/server/postgres/table_columns.h"

err_t
table_columns_read(pg_t *pg, uint32_t table, arena_t *arena, const char **columns,
                   fault_t *fault)
{
    static const char sql[] =
        "SELECT string_agg(atttypid || ' ' || atttypmod || ' ' || attname || E'\\n', ''"
        " ORDER BY attnum) FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";
    PGresult *result = NULL;
    const err_t err = pg_run(pg, sql, &result, fault, "u", (uint64_t) table);
    if (err == OK)
        *columns = arena_text(arena, pg_text_at(result, 0, 0));
    PQclear(result);
    return err;
}
