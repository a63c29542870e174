/*  Waiting for the database: the one place where an actor may wait, and never without a limit.
 */

#include "actors/server/postgres/pg_private.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>

/*  On top of what the database itself gives a statement.  */
enum { SLACK_MS = 5000, POLLED_AT_ONCE = 64 };

/*  TLS may hold bytes that it has taken from the socket already: that will not be ready again.
    libpq sees to it only of late.
 */
bool
pg_is_held_back(const pg_t *self)
{
    const SSL *tls = PQsslStruct(self->connection, "OpenSSL");
    return tls != NULL && SSL_pending(tls) > 0;
}

bool
pg_consume(pg_t *self)
{
    bool alive = true;
    do
        alive = PQconsumeInput(self->connection) == 1;
    while (alive && pg_is_held_back(self));
    return alive;
}

static err_t
fall_silent(pg_t *self, int64_t limit_ms, fault_t *fault)
{
    self->broken = true;
    return fault_set(fault, ERR_OFFLINE,
                     "PostgreSQL at %s: no answer for %lld ms; look whether it is stopped, or "
                     "give it more time with postgres.statement_ms",
                     PQhost(self->connection), (long long) limit_ms);
}

static err_t
wait_for(pg_t *self, short events, fault_t *fault)
{
    const int64_t limit_ms = self->statement_ms + SLACK_MS;
    struct pollfd socket = {.fd = PQsocket(self->connection), .events = events};
    int n = 0;
    do
        n = poll(&socket, 1, (int) limit_ms);
    while (n < 0 && errno == EINTR);
    return n == 0 ? fall_silent(self, limit_ms, fault) : OK;
}

/*  1: there is more to send. What cannot be sent shows when the answer is read.  */
static short
events_of(pg_t *self)
{
    return PQflush(self->connection) == 1 ? POLLIN | POLLOUT : POLLIN;
}

err_t
pg_await(pg_t *self, fault_t *fault)
{
    err_t err = OK;
    while (err == OK && PQisBusy(self->connection) == 1) {
        err = wait_for(self, events_of(self), fault);
        if (err == OK && !pg_consume(self))
            break;
    }
    return err;
}

err_t
pg_push(pg_t *self, fault_t *fault)
{
    err_t err = OK;
    while (err == OK && PQflush(self->connection) == 1) {
        err = wait_for(self, POLLIN | POLLOUT, fault);
        if (err == OK && !pg_consume(self))
            break;
    }
    return err;
}

/*  What ends a connection is behind the words that say why.  */
bool
pg_is_alive(pg_t *self)
{
    enum { READS = 4 };
    struct pollfd socket = {.fd = PQsocket(self->connection), .events = POLLIN};
    for (int i = 0; i < READS && poll(&socket, 1, 0) > 0; i++)
        if (!pg_consume(self))
            return false;
    return PQstatus(self->connection) == CONNECTION_OK;
}

/*  ------------------------------------------------------------------- several connections  */

bool
pg_is_answered(pg_t *self)
{
    return self->connection == NULL || PQconsumeInput(self->connection) == 0
           || PQisBusy(self->connection) == 0;
}

bool
pg_await_any(pg_t *const *list, size_t n)
{
    struct pollfd sockets[POLLED_AT_ONCE];
    nfds_t polled = 0;
    int64_t limit_ms = SLACK_MS;
    for (size_t i = 0; i < n && polled < POLLED_AT_ONCE; i++) {
        if (list[i]->connection == NULL || PQisBusy(list[i]->connection) == 0)
            return true;
        sockets[polled++] =
            (struct pollfd){.fd = PQsocket(list[i]->connection), .events = POLLIN};
        limit_ms = list[i]->statement_ms + SLACK_MS;
    }
    return poll(sockets, polled, (int) limit_ms) != 0;
}
