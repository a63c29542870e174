/*  publication_world - a database whose publication is looked after, and its log.  */

#pragma once

#include "actors/server/postgres/publication.h"
#include "actors/server/postgres/table_rows.h"
#include "schemas/tables.h"
#include "tests/postgres/pg_place.h"

typedef struct looked_after {
    pg_place_t place;
    publication_t *publication;
    pg_tables_t *tables;
    buffer_t advice;
    fault_t fault;
} looked_after_t;

static inline void
open_it(looked_after_t *self)
{
    *self = (looked_after_t){0};
    open_place(&self->place, NULL);
    exec(&self->place, postgres_sql);
    exec(&self->place, "INSERT INTO waybill.identity VALUES (1, 'e', '7', 1, 'secret')");
    self->publication = publication_new(&self->place.settings);
}

static inline void
close_it(looked_after_t *self)
{
    publication_destroy(&self->publication);
    pg_tables_destroy(&self->tables);
    buffer_release(&self->advice);
    close_place(&self->place);
}

static inline err_t
try(looked_after_t *self)
{
    buffer_clear(&self->advice);
    return publication_ensure(self->publication, self->place.pg, &self->tables, &self->advice,
                              &self->fault);
}

static inline void
ensure(looked_after_t *self)
{
    must(try(self), &self->fault);
}

static inline bool
is_published(const looked_after_t *self, const char *table)
{
    const pg_table_t *found = pg_tables_find(self->tables, table);
    assert_non_null(found);
    return found->published;
}

static inline int64_t
count_published(looked_after_t *self)
{
    return number_of(&self->place, "SELECT count(*) FROM pg_publication_tables");
}

/*  A slot as another server has one: what comes through it.  */
static inline void
make_slot(looked_after_t *self)
{
    exec(&self->place, "SELECT pg_create_logical_replication_slot('s' || oid, 'pgoutput')"
                       " FROM pg_database WHERE datname = current_database()");
}

static inline PGresult *
log_of(looked_after_t *self)
{
    PGresult *log = NULL;
    must(pg_run(self->place.pg,
                "SELECT data FROM pg_database, pg_logical_slot_get_binary_changes('s' || oid, "
                "NULL, NULL, 'proto_version', '1', 'publication_names', 'waybill', 'messages', "
                "'true') WHERE datname = current_database()",
                &log, &self->fault, ""),
         &self->fault);
    return log;
}

static inline pgoutput_message_t
message_at(const PGresult *log, int row, arena_t *arena)
{
    fault_t fault = {0};
    size_t size = 0;
    pgoutput_message_t message;
    unsigned char *data =
        PQunescapeBytea((const unsigned char *) pg_text_at(log, row, 0), &size);
    const bytes_t bytes = arena_bytes(arena, (bytes_t){data, size});
    PQfreemem(data);
    must(pgoutput_read(bytes, arena, &message, &fault), &fault);
    return message;
}

static inline table_row_t
row_at(const PGresult *log, int row, arena_t *arena)
{
    fault_t fault = {0};
    table_row_t found;
    const pgoutput_message_t message = message_at(log, row, arena);
    assert_int_equal(message.kind, PGOUTPUT_MESSAGE);
    assert_true(message.transactional);
    assert_string_equal(message.prefix, TABLE_ROWS_PREFIX);
    must(table_row_read(message.content, arena, &found, &fault), &fault);
    assert_string_equal(found.token, "secret");
    return found;
}
