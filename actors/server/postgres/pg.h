/*  pg - PostgreSQL as every part of the server uses it.

    One connection, blocking with limits for everything: connecting (postgres.connect_ms), a
    statement and a lock (postgres.statement_ms), a silent peer (keepalives, tcp_user_timeout).
    Statements are prepared once, by their text. Values travel as texts, blobs as bytes. The
    session has TimeZone UTC, DateStyle ISO, IntervalStyle postgres, extra_float_digits 1,
    bytea_output hex, and search_path is the schema of the settings, so that a value has one
   text. A pg_t belongs to one actor.

    A connection that broke is opened again by the next pg_ready(), and by nothing else: a
    transaction never goes on on another connection. The caller keeps a pause between attempts.
    What the address holds of passwords never reaches a fault.

    Errors: ERR_OFFLINE: the database is out of reach, starting, stopping, or has no connection
    left; ERR_BUSY: another transaction was in the way (serialization, deadlock, lock): try the
    transaction again; ERR_TIMEOUT: it took too long; ERR_FULL, ERR_READONLY;
   ERR_RULE_VIOLATION: a constraint or a trigger refused (classes 23, P0); ERR_INVALID_CHANGE: a
   value does not fit its type (class 22); ERR_CONFIG: a right or an object is missing (class
   42, 28, 3D); ERR_STORAGE: any other. fault has the database's words.  */

#pragma once

#include "actors/settings.h"
#include "schemas/row.h"

#include <libpq-fe.h>

typedef struct pg pg_t;

typedef enum pg_kind { PG_SQL, PG_REPLICATION } pg_kind_t;

/*  ERR_CONFIG if libpq would read the address otherwise than it was meant: its own words could
    quote a password then.  */
CHECKED err_t pg_address_check(const char *address, fault_t *fault);
/*  Does not connect yet.  */
pg_t *pg_new(const settings_t *settings, pg_kind_t kind, const char *application_name);
void pg_destroy(pg_t **self);

/*  Connects if it is not connected.  */
CHECKED err_t pg_ready(pg_t *self, fault_t *fault);
bool pg_is_connected(const pg_t *self);
/*  Counts up with each new connection: what was found out on the one before may be void.  */
uint64_t pg_connections(const pg_t *self);
/*  Gives the connection up; pg_ready() makes another.  */
void pg_disconnect(pg_t *self);
PGconn *pg_handle(pg_t *self);
/*  For those who wait for the socket themselves: reads what has come. False: the connection is
    broken.  */
bool pg_consume(pg_t *self);
/*  More has come, for which the socket will not be ready again.  */
bool pg_is_held_back(const pg_t *self);

/*  Parameters by letters, from $1 on: i int64_t   u uint64_t   t const char * (NULL: NULL)
    b bytes_t (bytea)   a pg_array_t *   n NULL. Their types come from the SQL ($1::bigint).  */
typedef struct pg_array pg_array_t;

/*  A parameter as PostgreSQL takes it: a text, or bytes. Zero is NULL.  */
typedef struct pg_parameter {
    const char *text; /* ends with NUL where it is not binary */
    int length;       /* of bytes */
    bool binary;
} pg_parameter_t;

/*  One statement, outside of a pipeline. *result (if wanted) is the caller's to PQclear().  */
CHECKED err_t pg_run(pg_t *self, const char *sql, PGresult **result, fault_t *fault,
                     const char *letters, ...);
/*  Several statements without parameters or results, for DDL.  */
CHECKED err_t pg_exec(pg_t *self, const char *sql, fault_t *fault);
/*  The first column of the first row as a number; *number stays as it was if there is none, or
    if it is NULL.  */
CHECKED err_t pg_number(pg_t *self, const char *sql, int64_t *number, fault_t *fault,
                        const char *letters, ...);

/*  A pipeline: statements are sent without waiting, answers taken in the same order. After one
    that failed all others up to pg_pipeline_sync() are skipped (ERR_STOPPED).  */
CHECKED err_t pg_pipeline_begin(pg_t *self, fault_t *fault);
CHECKED err_t pg_send(pg_t *self, const char *sql, fault_t *fault, const char *letters, ...);
/*  The same with n parameters, as pg_value_write() makes them.  */
CHECKED err_t pg_send_values(pg_t *self, const char *sql, const pg_parameter_t *parameters,
                             size_t n, fault_t *fault);
CHECKED err_t pg_pipeline_sync(pg_t *self, fault_t *fault);
/*  *result (if wanted) is the caller's.  */
CHECKED err_t pg_take(pg_t *self, PGresult **result, fault_t *fault);
/*  Would pg_take() return at once? What went wrong with the connection, it tells.  */
bool pg_is_answered(pg_t *self);
/*  Waits until one of them has something to take. False after a silence that is longer than a
    statement may take.  */
bool pg_await_any(pg_t *const *list, size_t n);
/*  After the last answer: takes what pg_pipeline_sync() sent.  */
CHECKED err_t pg_pipeline_end(pg_t *self, fault_t *fault);

/*  The error of a result, or of the connection if result is NULL; doing names the thing.  */
err_t pg_error(pg_t *self, const PGresult *result, const char *doing, fault_t *fault);

/*  An array parameter, for unnest(): zero is empty.  */
struct pg_array {
    buffer_t text;
    size_t n;
};
void pg_array_add_text(pg_array_t *self, const char *text); /* NULL: NULL */
void pg_array_add_number(pg_array_t *self, int64_t number);
/*  As PostgreSQL reads it; the array's own until it changes.  */
const char *pg_array_text(pg_array_t *self);
void pg_array_release(pg_array_t *self);

/*  Quoted: "a""b", 'it''s'.  */
void pg_name(buffer_t *sql, const char *name);
void pg_literal(buffer_t *sql, const char *text);

/*  Texts and numbers of a result; empty and 0 for NULL.  */
const char *pg_text_at(const PGresult *result, int row, int column);
int64_t pg_number_at(const PGresult *result, int row, int column);
