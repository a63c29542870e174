#include "actors/server/postgres/wal_stream.h"

#include "actors/server/postgres/pg.h"
#include "runtime/actor.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/*  Tags and sizes of what travels inside of the copy.  */
enum {
    DATA = 'w',
    DATA_HEAD = 1 + 8 + 8 + 8,
    KEEPALIVE = 'k',
    KEEPALIVE_SIZE = 1 + 8 + 8 + 1,
    STATUS = 'r',
    STATUS_SIZE = 1 + 8 + 8 + 8 + 8 + 1,
    LONGEST_PAUSE_MS = 10000,
};

typedef enum stage { CLOSED, IDLE, CREATING, STARTING, STREAMING } stage_t;

struct wal_stream {
    pg_t *pg;
    stage_t stage;
    char *publication;
    char *slot;
    PGresult *snapshot; /* as CREATE_REPLICATION_SLOT answered */
    char *taken;        /* what the last message is in */
    uint64_t received, durable;
    uint64_t clock; /* of the database, when it last said so */
    uint64_t pause_ms;
    bool due;    /* the database waits for a status */
    bool unsent; /* the socket did not take the last one whole */
};

/*  Errors of the database that mean something special here.  */
static const struct {
    stage_t stage;
    err_t err;
    const char *state;
    const char *way_out;
} meanings[] = {
    {CREATING, ERR_EXISTS, "42710", "drop it first"},
    {STARTING, ERR_NOT_FOUND, "42704", "it is made anew"},
    {STARTING, ERR_EXISTS, "55006",
     "another server has the same name, or the database has not noticed yet that its "
     "connection "
     "is gone: give each server a postgres.name of its own, or wait"},
    {STREAMING, ERR_GAP, "42704", "the slot is older than the publication: it is made anew"},
    {STREAMING, ERR_GAP, "58P01", "what the slot kept is gone: it is made anew"},
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
    self->received = self->durable = self->clock = 0;
    self->due = self->unsent = false;
}

void
wal_stream_close(wal_stream_t *self)
{
    forget(self);
    pg_disconnect(self->pg);
    self->stage = CLOSED;
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

bool
wal_stream_is_open(const wal_stream_t *self)
{
    return self->stage != CLOSED;
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
static err_t
trouble(wal_stream_t *self, const PGresult *result, fault_t *fault)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state != NULL && i < COUNT_OF(meanings); i++)
        if (meanings[i].stage == self->stage && strcmp(meanings[i].state, state) == 0)
            return fault_set(fault, meanings[i].err, "slot %s: %.200s; %s", self->slot,
                             PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                             meanings[i].way_out);
    return pg_error(self->pg, result, "the log of the database", fault);
}

static err_t
broken(wal_stream_t *self, fault_t *fault)
{
    return trouble(self, NULL, fault);
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
        self->stage = IDLE;
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

/*  What the socket does not take at once goes with the next calls.  */
static err_t
flush(wal_stream_t *self, fault_t *fault)
{
    const int left = PQflush(pg_handle(self->pg));
    self->unsent = left == 1;
    return left < 0 ? broken(self, fault) : OK;
}

/*  sql is given back.  */
static err_t
ask(wal_stream_t *self, buffer_t *sql, stage_t stage, fault_t *fault)
{
    const bool sent = PQsendQuery(pg_handle(self->pg), buffer_text(sql)) == 1;
    buffer_release(sql);
    self->stage = stage;
    return sent ? flush(self, fault) : broken(self, fault);
}

err_t
wal_stream_create(wal_stream_t *self, const char *slot, fault_t *fault)
{
    buffer_t sql = {0};
    name_slot(self, slot);
    buffer_add_text(&sql, "CREATE_REPLICATION_SLOT ");
    pg_name(&sql, slot);
    buffer_add_text(&sql, " LOGICAL pgoutput (SNAPSHOT 'export')");
    return ask(self, &sql, CREATING, fault);
}

/*  *done: no answer is to come any more.  */
static err_t
take_answers(wal_stream_t *self, bool *done, fault_t *fault)
{
    PGconn *connection = pg_handle(self->pg);
    err_t err = flush(self, fault);
    if (err == OK && PQconsumeInput(connection) == 0)
        err = broken(self, fault);
    while (err == OK && !*done && PQisBusy(connection) == 0) {
        PGresult *result = PQgetResult(connection);
        *done = result == NULL;
        if (result != NULL) {
            err = trouble(self, result, fault);
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
    self->stage = IDLE;
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
    return ask(self, &sql, STARTING, fault);
}

/*  ------------------------------------------------------------- streaming  */

static void
put_number(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t) number;
}

static uint64_t
get_number(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

/*  While one is on its way no other is queued behind it: it would say less than the next.  */
static err_t
send_status(wal_stream_t *self, fault_t *fault)
{
    uint8_t status[STATUS_SIZE] = {STATUS};
    if (self->unsent || self->stage != STREAMING) {
        self->due = true;
        return OK;
    }
    put_number(status + 1, self->received > self->durable ? self->received : self->durable);
    put_number(status + 9, self->durable);
    put_number(status + 17, self->durable);
    put_number(status + 25, self->clock);
    const int put = PQputCopyData(pg_handle(self->pg), (const char *) status, sizeof(status));
    self->due = put == 0;
    return put < 0 ? broken(self, fault) : flush(self, fault);
}

err_t
wal_stream_confirm(wal_stream_t *self, uint64_t durable, fault_t *fault)
{
    if (durable > self->durable)
        self->durable = durable;
    const err_t err = self->unsent ? flush(self, fault) : OK;
    return err == OK ? send_status(self, fault) : err;
}

static err_t
read_data(wal_stream_t *self, bytes_t bytes, wal_message_t *message)
{
    const uint64_t place = get_number(bytes.data + 1);
    if (place > self->received)
        self->received = place;
    self->clock = get_number(bytes.data + 17);
    *message = (wal_message_t){
        .kind = WAL_DATA,
        .bytes = {bytes.data + DATA_HEAD, bytes.size - DATA_HEAD},
    };
    return OK;
}

static err_t
read_keepalive(wal_stream_t *self, bytes_t bytes, wal_message_t *message)
{
    const uint64_t end = get_number(bytes.data + 1);
    if (end > self->received)
        self->received = end;
    self->clock = get_number(bytes.data + 9);
    self->due = self->due || bytes.data[KEEPALIVE_SIZE - 1] != 0;
    *message = (wal_message_t){.kind = WAL_KEEPALIVE, .end = end};
    return OK;
}

static err_t
read_message(wal_stream_t *self, bytes_t bytes, wal_message_t *message, fault_t *fault)
{
    if (bytes.size >= DATA_HEAD && bytes.data[0] == DATA)
        return read_data(self, bytes, message);
    if (bytes.size == KEEPALIVE_SIZE && bytes.data[0] == KEEPALIVE)
        return read_keepalive(self, bytes, message);
    return fault_set(
        fault, ERR_PROTOCOL,
        "slot %s: the database sent %zu bytes that are neither log nor keepalive: is "
        "something other than PostgreSQL in between?",
        self->slot, bytes.size);
}

/*  TLS may hold bytes that it has taken from the socket already: that will not be ready again.
 */
static bool
is_held_back(PGconn *connection)
{
    const SSL *tls = PQsslStruct(connection, "OpenSSL");
    return tls != NULL && SSL_pending(tls) > 0;
}

/*  As PQgetCopyData(): the size, 0 nothing yet, -1 the end, -2 an error.  */
static int
take(wal_stream_t *self)
{
    PGconn *connection = pg_handle(self->pg);
    int size = PQgetCopyData(connection, &self->taken, 1);
    if (size != 0)
        return size;
    do {
        if (PQconsumeInput(connection) == 0)
            return -2;
        size = PQgetCopyData(connection, &self->taken, 1);
    } while (size == 0 && is_held_back(connection));
    return size;
}

static err_t
end_of_stream(wal_stream_t *self, fault_t *fault)
{
    PGresult *result = PQgetResult(pg_handle(self->pg));
    err_t err = result != NULL ? trouble(self, result, fault) : OK;
    PQclear(result);
    if (err == OK)
        err = fault_set(fault, ERR_OFFLINE,
                        "slot %s: the database ended the stream; wait until it is up again",
                        self->slot);
    return err;
}

/*  The answer to START_REPLICATION.  */
static err_t
begin(wal_stream_t *self, fault_t *fault)
{
    PGconn *connection = pg_handle(self->pg);
    if (PQconsumeInput(connection) == 0)
        return broken(self, fault);
    if (PQisBusy(connection) == 1)
        return OK;
    PGresult *result = PQgetResult(connection);
    const bool streams = PQresultStatus(result) == PGRES_COPY_BOTH;
    const err_t err = streams ? OK : trouble(self, result, fault);
    PQclear(result);
    if (streams)
        self->stage = STREAMING;
    return streams || err != OK ? err : end_of_stream(self, fault);
}

static err_t
take_message(wal_stream_t *self, wal_message_t *message, fault_t *fault)
{
    const int size = take(self);
    if (size == 0)
        return OK;
    if (size == -1)
        return end_of_stream(self, fault);
    if (size < 0)
        return broken(self, fault);
    const bytes_t bytes = {(const uint8_t *) self->taken, (size_t) size};
    return read_message(self, bytes, message, fault);
}

err_t
wal_stream_next(wal_stream_t *self, wal_message_t *message, fault_t *fault)
{
    *message = (wal_message_t){0};
    PQfreemem(self->taken);
    self->taken = NULL;
    err_t err = self->unsent ? flush(self, fault) : OK;
    if (err == OK && self->stage == STARTING)
        err = begin(self, fault);
    if (err == OK && self->due && !self->unsent)
        err = send_status(self, fault);
    if (err == OK && self->stage == STREAMING)
        err = take_message(self, message, fault);
    return err;
}
