/*  Connections: opened, set up, given up.  */

#include "actors/server/postgres/pg_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { OLDEST_VERSION = 150000 };

pg_t *
pg_new(const settings_t *settings, pg_kind_t kind, const char *application_name)
{
    pg_t *self = mem_new(sizeof *self);
    *self = (pg_t){.kind = kind,
                   .address = mem_text(settings->server_db),
                   .application = mem_text(application_name),
                   .schema = mem_text(settings->postgres_schema),
                   .connect_ms = settings->postgres_connect_ms,
                   .statement_ms = settings->postgres_statement_ms};
    return self;
}

void
pg_destroy(pg_t **self)
{
    if (*self == NULL)
        return;
    pg_disconnect(*self);
    free((*self)->sent);
    arena_release(&(*self)->arena);
    free((*self)->address);
    free((*self)->application);
    free((*self)->schema);
    free(*self);
    *self = NULL;
}

void
pg_disconnect(pg_t *self)
{
    PQfinish(self->connection);
    self->connection = NULL;
    self->broken = false;
    self->forget = false;
    self->unasked = false;
    self->n_sent = self->n_taken = self->n_pushed = 0;
    self->last_number = 0;
    pg_prepared_forget(self);
    PQclear(self->refusal);
    self->refusal = NULL;
}

bool
pg_is_connected(const pg_t *self)
{
    return self->connection != NULL && !self->broken
           && PQstatus(self->connection) == CONNECTION_OK;
}

uint64_t
pg_connections(const pg_t *self)
{
    return self->connections;
}

PGconn *
pg_handle(pg_t *self)
{
    return self->connection;
}

/*  ---------------------------------------------------------------------------- session  */

/*  With row security a query would pass over rows in silence; off makes it an error.  */
static err_t
set_session(pg_t *self, fault_t *fault)
{
    buffer_t sql = {0};
    buffer_add_text(
        &sql, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; "
              "SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; "
              "SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET lc_monetary = 'C'; "
              "SET standard_conforming_strings = on; SET row_security = off; "
              "SET search_path = ");
    pg_name(&sql, self->schema);
    /* A snapshot is exported by a session that waits. */
    if (self->kind == PG_REPLICATION)
        buffer_add_text(&sql, "; SET idle_in_transaction_session_timeout = 0");
    if (self->kind == PG_SQL)
        buffer_add_format(&sql, "; SET statement_timeout = %lld; SET lock_timeout = %lld",
                          (long long) self->statement_ms, (long long) self->statement_ms);
    const err_t err = pg_exec(self, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

static err_t
check_version(const pg_t *self, fault_t *fault)
{
    const int version = PQserverVersion(self->connection);
    if (version >= OLDEST_VERSION)
        return OK;
    return fault_set(fault, ERR_CONFIG, "PostgreSQL at %s: it is version %d; use 15 or newer",
                     PQhost(self->connection), version / 10000);
}

static void
ignore_notice(void *of, const PGresult *notice)
{
    (void) of;
    (void) notice;
}

/*  ------------------------------------------------------------------------- connecting  */

/*  What stands before the address is overruled by it; what stands behind it is ours.  */
static PGconn *
dial(const pg_t *self)
{
    char seconds[24], milliseconds[24];
    const long long whole = (long long) (self->connect_ms + 999) / 1000;
    (void) snprintf(seconds, sizeof seconds, "%lld", whole);
    (void) snprintf(milliseconds, sizeof milliseconds, "%lld", (long long) self->statement_ms);
    const struct {
        const char *name, *value;
    } options[] = {
        {"connect_timeout", seconds},
        {"keepalives", "1"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", milliseconds},
        {"application_name", self->application},
        {"dbname", self->address},
        {"client_encoding", "UTF8"},
        {"replication", self->kind == PG_REPLICATION ? "database" : "false"},
    };
    const char *names[COUNT_OF(options) + 1] = {0};
    const char *values[COUNT_OF(options) + 1] = {0};
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        names[i] = options[i].name;
        values[i] = options[i].value;
    }
    return PQconnectdbParams(names, values, true);
}

static err_t
set_up(pg_t *self, fault_t *fault)
{
    (void) PQsetNoticeReceiver(self->connection, ignore_notice, NULL);
    if (PQsetnonblocking(self->connection, 1) != 0)
        return pg_error(self, NULL, NULL, fault);
    const err_t err = check_version(self, fault);
    return err == OK ? set_session(self, fault) : err;
}

static err_t
connect_anew(pg_t *self, fault_t *fault)
{
    err_t err = pg_address_check(self->address, fault);
    if (err != OK)
        return err;
    self->connection = dial(self);
    if (PQstatus(self->connection) != CONNECTION_OK)
        err = pg_connect_error(self->connection, fault);
    else
        err = set_up(self, fault);
    if (err != OK)
        pg_disconnect(self);
    else
        self->connections++;
    return err;
}

/*  A connection that ended while nobody used it shows so when it is read.  */
err_t
pg_ready(pg_t *self, fault_t *fault)
{
    if (pg_is_connected(self) && pg_is_alive(self))
        return OK;
    pg_disconnect(self);
    return connect_anew(self, fault);
}
