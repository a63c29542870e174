/*  wal_stream_world - the log of a database of its own, through a slot.  */

#pragma once

#include "actors/server/postgres/wal_stream.h"

#include "actors/server/postgres/pgoutput.h"
#include "runtime/actor.h"
#include "tests/defaults.h"
#include "tests/postgres/cluster.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DEADLINE_MS = 120000 };

typedef struct place {
    database_t *database;
    settings_t settings;
    wal_stream_t *stream;
    char *slot; /* names of slots are of the whole cluster */
    wal_system_t system;
    wal_message_t message;
    pgoutput_message_t row;
    arena_t arena;
    fault_t fault;
} place_t;

static inline void
open_stream(place_t *self)
{
    if (wal_stream_open(self->stream, &self->system, &self->fault) != OK)
        fail_msg("%s", self->fault.text);
}

static inline place_t *
place_new(cluster_t *cluster)
{
    place_t *self = mem_new(sizeof(*self));
    self->database = database_new(cluster);
    self->settings = defaults;
    self->settings.server_db = self->database->address;
    self->slot = mem_format("waybill_%s", self->database->name);
    self->stream = wal_stream_new(&self->settings);
    database_run(self->database, "CREATE TABLE todo (id INT PRIMARY KEY, at TIMESTAMPTZ);"
                                 "CREATE TABLE other (id INT PRIMARY KEY, data TEXT);"
                                 "CREATE PUBLICATION waybill FOR TABLE todo");
    open_stream(self);
    return self;
}

static inline void
place_destroy(place_t *self)
{
    wal_stream_destroy(&self->stream);
    database_destroy(&self->database);
    arena_release(&self->arena);
    free(self->slot);
    free(self);
}

/*  What pg_replication_slots has of it; to be freed.  */
static inline char *
of_slot(const place_t *self, const char *columns)
{
    return mem_format("SELECT %s FROM pg_replication_slots WHERE slot_name = '%s'", columns,
                      self->slot);
}

static inline int64_t
slot_number(place_t *self, const char *column)
{
    char *sql = of_slot(self, column);
    const int64_t number = database_number(self->database, sql);
    free(sql);
    return number;
}

static inline void
slot_await(place_t *self, const char *condition)
{
    char *sql = of_slot(self, condition);
    database_await(self->database, sql);
    free(sql);
}

/*  The database notices a little later that a connection is gone.  */
static inline void
open_again(place_t *self)
{
    wal_stream_close(self->stream);
    slot_await(self, "NOT active");
    open_stream(self);
}

static inline void
wait_for_socket(place_t *self)
{
    const short events = wal_stream_ready(self->stream) == FD_READ ? POLLIN : POLLIN | POLLOUT;
    struct pollfd socket = {.fd = wal_stream_fd(self->stream), .events = events};
    if (poll(&socket, 1, DEADLINE_MS) <= 0)
        fail_msg("nothing comes");
}

static inline wal_snapshot_t
create(place_t *self)
{
    wal_snapshot_t snapshot;
    bool done = false;
    err_t err = wal_stream_create(self->stream, self->slot, &self->fault);
    while (err == OK && !done) {
        wait_for_socket(self);
        err = wal_stream_created(self->stream, &snapshot, &done, &self->fault);
    }
    if (err != OK)
        fail_msg("%s", self->fault.text);
    return snapshot;
}

static inline void
start(place_t *self, uint64_t lsn)
{
    if (wal_stream_start(self->stream, self->slot, lsn, &self->fault) != OK)
        fail_msg("%s", self->fault.text);
}

static inline err_t
next(place_t *self)
{
    err_t err = wal_stream_next(self->stream, &self->message, &self->fault);
    while (err == OK && self->message.kind == WAL_NOTHING) {
        wait_for_socket(self);
        err = wal_stream_next(self->stream, &self->message, &self->fault);
    }
    return err;
}

/*  Until an error comes, which is given back.  */
static inline err_t
end(place_t *self)
{
    err_t err = OK;
    while (err == OK)
        err = next(self);
    return err;
}

/*  The next message of the log of that kind.  */
static inline const pgoutput_message_t *
read_until(place_t *self, pgoutput_kind_t kind)
{
    do {
        err_t err = OK;
        do
            err = next(self);
        while (err == OK && self->message.kind != WAL_DATA);
        if (err == OK)
            err = pgoutput_read(self->message.bytes, &self->arena, &self->row, &self->fault);
        if (err != OK)
            fail_msg("%s", self->fault.text);
    } while (self->row.kind != kind);
    return &self->row;
}

static inline void
assert_next_insert(place_t *self, const char *id)
{
    const bytes_t text = read_until(self, PGOUTPUT_INSERT)->fresh.values[0].text;
    char *found = arena_text_of(&self->arena, text.data, text.size);
    assert_string_equal(found, id);
}

static inline void
confirm(place_t *self, uint64_t durable)
{
    if (wal_stream_confirm(self->stream, durable, &self->fault) != OK)
        fail_msg("%s", self->fault.text);
}
