/*  identity_world - a server that starts on a database of its own, and what its cache
    remembers.  */

#pragma once

#include "actors/server/postgres/identity.h"
#include "actors/server/postgres/wal_stream.h"
#include "tests/postgres/pg_place.h"

#define FIRST "11111111-1111-7111-8111-111111111111"
#define SECOND "22222222-2222-7222-8222-222222222222"

/*  A server, its database, and what its cache would remember.  */
typedef struct server {
    pg_place_t place;
    identity_t *identity;
    identity_known_t known;
    identity_found_t found;
    char epoch[UUID_TEXT];
    char *name;
    fault_t fault;
} server_t;

static inline identity_t *
identity_of(const settings_t *settings)
{
    fault_t fault = {0};
    identity_t *identity = NULL;
    must(identity_new(settings, &identity, &fault), &fault);
    return identity;
}

/*  Names of slots are of the whole cluster: each test has its own.  */
static inline void
open_server(server_t *self, cluster_t *cluster)
{
    *self = (server_t){0};
    open_place(&self->place, cluster);
    self->name = mem_format("s_%s", self->place.database->name);
    self->place.settings.postgres_name = self->name;
    self->identity = identity_of(&self->place.settings);
    self->known = (identity_known_t){
        .system = {.id = "7", .timeline = 1, .lsn = 1000000},
        .epoch = "",
        .slot = "",
        .new_epoch = FIRST,
        .wall_ms = 1700000000000,
    };
    must(identity_prepare(self->identity, self->place.pg, &self->fault), &self->fault);
}

static inline void
close_server(server_t *self)
{
    identity_destroy(&self->identity);
    close_place(&self->place);
    free(self->name);
}

static inline const identity_found_t *
check(server_t *self)
{
    must(identity_check(self->identity, self->place.pg, &self->known, &self->found,
                        &self->fault),
         &self->fault);
    return &self->found;
}

static inline void
run(server_t *self, const char *format, const char *argument)
{
    buffer_t sql = {0};
    const char *at = strstr(format, "%s");
    buffer_add(&sql, format, at != NULL ? (size_t) (at - format) : strlen(format));
    if (at != NULL) {
        buffer_add_text(&sql, argument);
        buffer_add_text(&sql, at + 2);
    }
    exec(&self->place, buffer_text(&sql));
    buffer_release(&sql);
}

static const char make_slot[] = "SELECT pg_create_logical_replication_slot('%s', 'pgoutput')";

/*  As after a first start: the cache is filled, and follows its slot.  */
static inline void
follow(server_t *self)
{
    (void) check(self);
    memcpy(self->epoch, self->found.epoch, sizeof(self->epoch));
    run(self, make_slot, identity_slot(self->identity));
    must(identity_took_slot(self->identity, self->place.pg, &self->fault), &self->fault);
    self->known.epoch = self->epoch;
    self->known.slot = identity_slot(self->identity);
    self->known.confirmed = UINT64_MAX;
    self->known.captured = 999999;
    self->known.beat = self->found.beat;
    self->known.new_epoch = SECOND;
}

/*  The epoch that all servers are told from now on.  */
static inline void
assert_epoch(server_t *self, const char *epoch)
{
    PGresult *result = NULL;
    assert_string_equal(self->found.epoch, epoch);
    must(
        pg_run(self->place.pg, "SELECT epoch FROM waybill.identity", &result, &self->fault, ""),
        &self->fault);
    assert_int_equal(PQntuples(result), 1);
    assert_string_equal(pg_text_at(result, 0, 0), epoch);
    PQclear(result);
}

static inline void
assert_goes_on(server_t *self)
{
    assert_false(check(self)->rebuild);
    assert_string_equal(self->found.why, "");
    assert_epoch(self, FIRST);
}

static inline void
assert_fills_again(server_t *self, const char *why)
{
    assert_true(check(self)->rebuild);
    assert_non_null(strstr(self->found.why, why));
    assert_epoch(self, FIRST);
}

static inline void
assert_begins_anew(server_t *self, const char *why)
{
    assert_true(check(self)->rebuild);
    assert_non_null(strstr(self->found.why, why));
    assert_epoch(self, SECOND);
}
