/*  The stream itself: what comes, and what is confirmed.  */

#include "actors/server/postgres/wal_stream_private.h"

/*  Tags and sizes of what travels inside of the copy.  */
enum {
    DATA = 'w',
    DATA_HEAD = 1 + 8 + 8 + 8,
    KEEPALIVE = 'k',
    KEEPALIVE_SIZE = 1 + 8 + 8 + 1,
    STATUS = 'r',
    STATUS_SIZE = 1 + 8 + 8 + 8 + 8 + 1,
    MOST_UNTOLD = 1 << 20,
};

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
    if (self->unsent || self->stage != WAL_STREAMING) {
        self->due = true;
        return OK;
    }
    put_number(status + 1, self->received > self->durable ? self->received : self->durable);
    put_number(status + 9, self->durable);
    put_number(status + 17, self->durable);
    put_number(status + 25, self->clock);
    status[STATUS_SIZE - 1] = self->asks;
    const int put = PQputCopyData(pg_handle(self->pg), (const char *) status, sizeof(status));
    self->due = put == 0;
    self->asks = self->asks && put == 0;
    self->untold = 0;
    return put < 0 ? wal_trouble(self, NULL, fault) : wal_flush(self, fault);
}

void
wal_stream_ask(wal_stream_t *self)
{
    self->asks = true;
}

err_t
wal_stream_confirm(wal_stream_t *self, uint64_t durable, fault_t *fault)
{
    if (durable > self->durable)
        self->durable = durable;
    const err_t err = self->unsent ? wal_flush(self, fault) : OK;
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
    } while (size == 0 && pg_is_held_back(self->pg));
    return size;
}

static err_t
end_of_stream(wal_stream_t *self, fault_t *fault)
{
    PGresult *result = PQgetResult(pg_handle(self->pg));
    err_t err = result != NULL ? wal_trouble(self, result, fault) : OK;
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
    if (!pg_consume(self->pg))
        return wal_trouble(self, NULL, fault);
    if (PQisBusy(connection) == 1)
        return OK;
    PGresult *result = PQgetResult(connection);
    const bool streams = PQresultStatus(result) == PGRES_COPY_BOTH;
    const err_t err = streams ? OK : wal_trouble(self, result, fault);
    PQclear(result);
    if (streams)
        self->stage = WAL_STREAMING;
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
        return wal_trouble(self, NULL, fault);
    const bytes_t bytes = {(const uint8_t *) self->taken, (size_t) size};
    self->untold += bytes.size;
    self->due = self->due || self->untold > MOST_UNTOLD;
    return read_message(self, bytes, message, fault);
}

err_t
wal_stream_next(wal_stream_t *self, wal_message_t *message, fault_t *fault)
{
    *message = (wal_message_t){0};
    PQfreemem(self->taken);
    self->taken = NULL;
    err_t err = self->unsent ? wal_flush(self, fault) : OK;
    if (err == OK && self->stage == WAL_STARTING)
        err = begin(self, fault);
    if (err == OK && self->due && !self->unsent)
        err = send_status(self, fault);
    if (err == OK && self->stage == WAL_STREAMING)
        err = take_message(self, message, fault);
    return err;
}
