/*  Opened, asked, told where to begin.  */

#include "actors/server/postgres/wal_stream_private.h"

#include "runtime/actor.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_PAUSE_MS = 10000 };

/*  Errors of the database that mean something special here.  */
static const struct {
    wal_stage_t stage;
    err_t err;
    const char *state;
    const char *way_out;
} meanings[] = {
    {WAL_CREATING, ERR_EXISTS, "42710", "drop it first"},
    {WAL_CREATING, ERR_CONFIG, "55000",
     "set wal_level = logical in postgresql.conf, and start the database again"},
    {WAL_STARTING, ERR_NOT_FOUND, "42704", "it is made anew"},
    {WAL_STARTING, ERR_EXISTS, "55006",
     "another server has the same name, or the database has not noticed yet that its "
     "connection is gone: give each server a postgres.name of its own, or wait"},
    {WAL_STREAMING, ERR_GAP, "42704",
     "the slot is older than the publication: it is made anew"},
    {WAL_STREAMING, ERR_GAP, "58P01", "what the slot kept is gone: it is made anew"},
};

/*  ------------------------------------------------------------------- life  */

wal_stream_t *
wal_stream_new(const settings_t *settings)
{
    wal_stream_t *self = mem_new(sizeof(*self));
    self->pg = pg_new(settings, PG_REPLICATION, "waybill feed");
    self->publication = mem_text(settings->postgres_publication);
    self->pause_ms = LONGEST_PAUSE_MS;
    return self;
}

static void
forget(wal_stream_t *self)
{
    PQclear(self->snapshot);
    PQfreemem(self->taken);
    free(self->slot);
    self->snapshot = NULL;
    self->taken = NULL;
    self->slot = NULL;
    self->received = self->durable = self->clock = self->untold = 0;
    self->due = self->unsent = false;
}

void
wal_stream_close(wal_stream_t *self)
{
    forget(self);
    pg_disconnect(self->pg);
    self->stage = WAL_CLOSED;
}

void
wal_stream_destroy(wal_stream_t **self)
{
    if (*self == NULL)
        return;
    forget(*self);
    pg_destroy(&(*self)->pg);
    free((*self)->publication);
    free(*self);
    *self = NULL;
}

int
wal_stream_fd(const wal_stream_t *self)
{
    return PQsocket(pg_handle(self->pg));
}

int
wal_stream_ready(const wal_stream_t *self)
{
    return self->unsent ? FD_READ | FD_WRITE : FD_READ;
}

uint64_t
wal_stream_pause_ms(const wal_stream_t *self)
{
    return self->pause_ms;
}

/*  ----------------------------------------------------------------- errors  */

/*  In the words of the database, which name slot and process.  */
err_t
wal_trouble(wal_stream_t *self, const PGresult *result, fault_t *fault)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state != NULL && i < COUNT_OF(meanings); i++)
        if (meanings[i].stage == self->stage && strcmp(meanings[i].state, state) == 0)
            return fault_set(fault, meanings[i].err, "slot %s: %.200s; %s", self->slot,
                             PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                             meanings[i].way_out);
    return pg_error(self->pg, result, "the log of the database", fault);
}

/*  --------------------------------------------------------------- before it  */

static err_t
identify(wal_stream_t *self, wal_system_t *system, fault_t *fault)
{
    PGresult *result = NULL;
    err_t err = pg_run(self->pg, "IDENTIFY_SYSTEM", &result, fault, "");
    if (err != OK)
        return err;
    const char *id = pg_text_at(result, 0, 0);
    if (PQntuples(result) == 1 && strlen(id) < sizeof(system->id)
        && lsn_parse(pg_text_at(result, 0, 2), &system->lsn)) {
        memcpy(system->id, id, strlen(id) + 1);
        system->timeline = pg_number_at(result, 0, 1);
    } else {
        err = fault_set(fault, ERR_PROTOCOL,
                        "the database does not say which system it is: is something other than "
                        "PostgreSQL in between?");
    }
    PQclear(result);
    return err;
}

/*  A third, so that one may be late.  */
static err_t
look_up_pause(wal_stream_t *self, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err =
        pg_run(self->pg, "SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'",
               &result, fault, "");
    const int64_t timeout_ms = err == OK ? pg_number_at(result, 0, 0) : 0;
    PQclear(result);
    self->pause_ms = LONGEST_PAUSE_MS;
    if (timeout_ms > 0 && timeout_ms / 3 < LONGEST_PAUSE_MS)
        self->pause_ms = (uint64_t) (timeout_ms / 3);
    return err;
}

err_t
wal_stream_open(wal_stream_t *self, wal_system_t *system, fault_t *fault)
{
    wal_stream_close(self);
    err_t err = pg_ready(self->pg, fault);
    if (err == OK)
        err = identify(self, system, fault);
    if (err == OK)
        err = look_up_pause(self, fault);
    if (err == OK)
        self->stage = WAL_IDLE;
    else
        wal_stream_close(self);
    return err;
}

static void
name_slot(wal_stream_t *self, const char *slot)
{
    free(self->slot);
    self->slot = mem_text(slot);
}

err_t
wal_flush(wal_stream_t *self, fault_t *fault)
{
    const int left = PQflush(pg_handle(self->pg));
    self->unsent = left == 1;
    return left < 0 ? wal_trouble(self, NULL, fault) : OK;
}

/*  sql is given back.  */
static err_t
ask(wal_stream_t *self, buffer_t *sql, wal_stage_t stage, fault_t *fault)
{
    const bool sent = PQsendQuery(pg_handle(self->pg), buffer_text(sql)) == 1;
    buffer_release(sql);
    self->stage = stage;
    return sent ? wal_flush(self, fault) : wal_trouble(self, NULL, fault);
}

err_t
wal_stream_create(wal_stream_t *self, const char *slot, fault_t *fault)
{
    buffer_t sql = {0};
    name_slot(self, slot);
    buffer_add_text(&sql, "CREATE_REPLICATION_SLOT ");
    pg_name(&sql, slot);
    buffer_add_text(&sql, " LOGICAL pgoutput (SNAPSHOT 'export')");
    return ask(self, &sql, WAL_CREATING, fault);
}

/*  *done: no answer is to come any more.  */
static err_t
take_answers(wal_stream_t *self, bool *done, fault_t *fault)
{
    PGconn *connection = pg_handle(self->pg);
    err_t err = wal_flush(self, fault);
    if (err == OK && !pg_consume(self->pg))
        err = wal_trouble(self, NULL, fault);
    while (err == OK && !*done && PQisBusy(connection) == 0) {
        PGresult *result = PQgetResult(connection);
        *done = result == NULL;
        if (result != NULL) {
            err = wal_trouble(self, result, fault);
            PQclear(self->snapshot);
            self->snapshot = result;
        }
    }
    return err;
}

err_t
wal_stream_created(wal_stream_t *self, wal_snapshot_t *snapshot, bool *done, fault_t *fault)
{
    *done = false;
    const err_t err = take_answers(self, done, fault);
    if (err != OK || !*done)
        return err;
    const char *name = pg_text_at(self->snapshot, 0, 2);
    if (PQntuples(self->snapshot) != 1 || strlen(name) >= sizeof(snapshot->name)
        || !lsn_parse(pg_text_at(self->snapshot, 0, 1), &snapshot->consistent))
        return fault_set(fault, ERR_PROTOCOL,
                         "slot %s: the database does not say where it begins", self->slot);
    memcpy(snapshot->name, name, strlen(name) + 1);
    self->stage = WAL_IDLE;
    return OK;
}

/*  The server skips commits whose record begins before that place.  */
err_t
wal_stream_start(wal_stream_t *self, const char *slot, uint64_t lsn, fault_t *fault)
{
    char text[LSN_TEXT];
    buffer_t sql = {0};
    buffer_t publication = {0};
    name_slot(self, slot);
    pg_name(&publication, self->publication);
    buffer_add_text(&sql, "START_REPLICATION SLOT ");
    pg_name(&sql, slot);
    buffer_add_format(&sql,
                      " LOGICAL %s (proto_version '1', messages 'true', publication_names ",
                      lsn_text(lsn, text));
    pg_literal(&sql, buffer_text(&publication));
    buffer_add_text(&sql, ")");
    buffer_release(&publication);
    self->durable = lsn;
    return ask(self, &sql, WAL_STARTING, fault);
}
