#include "actors/server/postgres/table_pieces.h"

err_t
table_pieces_read(pg_t *pg, const settings_t *settings, const char *known, arena_t *arena,
                  table_pieces_t *pieces, fault_t *fault)
{
    static const char sql[] =
        "WITH RECURSIVE pieces (id) AS ("
        " SELECT i.inhrelid FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace"
        " JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid"
        " WHERE s.nspname = $1 AND c.relkind = 'p' AND NOT c.relispartition"
        " UNION ALL SELECT i.inhrelid FROM pieces p"
        " JOIN pg_catalog.pg_inherits i ON i.inhparent = p.id),"
        " known (id) AS (SELECT unnest(string_to_array($2, ' ')::oid[]))"
        " SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), ''),"
        " EXISTS (SELECT FROM known WHERE id NOT IN (SELECT id FROM pieces))"
        " OR coalesce(bool_or(id NOT IN (SELECT id FROM known) AND pg_relation_size(id) > 0),"
        " false) FROM pieces";
    PGresult *result = NULL;
    const err_t err = pg_run(pg, sql, &result, fault, "tt", settings->postgres_schema, known);
    if (err == OK)
        *pieces = (table_pieces_t){.ids = arena_text(arena, pg_text_at(result, 0, 0)),
                                   .moved = pg_text_at(result, 0, 1)[0] == 't'};
    PQclear(result);
    return err;
}
