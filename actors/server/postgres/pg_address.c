/*  The address of a database, and what goes wrong on the way to it.  */

#include "actors/server/postgres/pg_private.h"

#include <string.h>

/*  libpq tells of a failed attempt in words alone. Where they are English, they tell the way
    out, too.  */
static const struct {
    const char *words;
    err_t err;
    const char *way_out;
} causes[] = {
    {"password authentication failed", ERR_CONFIG, "correct the user or the password"},
    {"no password supplied", ERR_CONFIG,
     "give a password in server.db, PGPASSWORD or ~/.pgpass"},
    {"pg_hba.conf", ERR_CONFIG, "let this user in with a line in pg_hba.conf, or use TLS"},
    {"must be superuser or replication role", ERR_CONFIG, "ALTER ROLE ... REPLICATION"},
    {"authentication failed", ERR_CONFIG, "correct the user, or pg_hba.conf"},
    {"is not permitted to log in", ERR_CONFIG, "ALTER ROLE ... LOGIN"},
    {"permission denied for database", ERR_CONFIG, "GRANT CONNECT ON DATABASE"},
    {"certificate", ERR_CONFIG, "name the authority that signed the server's with sslrootcert"},
    {"does not support SSL", ERR_CONFIG, "turn ssl on at the database"},
    {"connection slots", ERR_OFFLINE, "end other sessions, or raise max_connections"},
    {"too many clients", ERR_OFFLINE, "end other sessions, or raise max_connections"},
    {"too many connections", ERR_OFFLINE, "end other sessions, or raise the limit"},
    {"number of requested standby", ERR_OFFLINE, "raise max_wal_senders"},
    {"starting up", ERR_OFFLINE, "wait until it is up"},
    {"shutting down", ERR_OFFLINE, "wait until it is up again"},
    {"\" does not exist", ERR_CONFIG, "correct the name in server.db"},
    {"could not translate host name", ERR_OFFLINE, "correct the host, or look at the network"},
    {"", ERR_OFFLINE, "look whether the database runs and can be reached"},
};

err_t
pg_connect_error(PGconn *connection, fault_t *fault)
{
    char line[PG_WORDS];
    const char *words = pg_connection_words(connection, line);
    size_t i = 0;
    while (strstr(words, causes[i].words) == NULL)
        i++;
    return fault_set(fault, causes[i].err, "PostgreSQL: %s; %s", words, causes[i].way_out);
}

static err_t
refuse_address(fault_t *fault)
{
    return fault_set(
        fault, ERR_CONFIG,
        "server.db: it is no address of a PostgreSQL database; write "
        "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %%40 for @ and %%2F for "
        "/ inside of a part");
}

/*  One @ at most, and that before the first slash: else part of a password would be taken for
    a host, a port or a database, and told to everybody when it is not found.  */
static bool
has_plain_user(const char *address)
{
    const char *authority = strstr(address, "://");
    if (authority == NULL)
        return false;
    authority += strlen("://");
    const char *at = strchr(authority, '@');
    return at == NULL
           || (at < authority + strcspn(authority, "/") && strchr(at + 1, '@') == NULL);
}

err_t
pg_address_check(const char *address, fault_t *fault)
{
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(address, &words);
    const bool fits = options != NULL && has_plain_user(address);
    PQconninfoFree(options);
    PQfreemem(words);
    return fits ? OK : refuse_address(fault);
}
