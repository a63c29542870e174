/*  pg_private - what the files of pg share about a connection.  */

#pragma once

#include "actors/server/postgres/pg.h"

/*  Statements that this connection has prepared, by their text.  */
typedef struct pg_prepared {
    char *sql; /* NULL: a free place */
    uint64_t hash;
    uint64_t number; /* its name, w1, w2, ...; never used twice on a connection */
    bool made;       /* sent, and not refused as far as is known */
} pg_prepared_t;

enum {
    PG_PREPARED_PLACES = 1024, /* a power of two */
    PG_PREPARED_MOST = 512,    /* then all of them are forgotten */
    PG_PARAMETERS = 32,        /* of one statement by letters */
};

/*  What was sent and not answered yet.  */
typedef enum pg_sent_kind {
    SENT_FORGET,
    SENT_PREPARE,
    SENT_STATEMENT,
    SENT_SYNC
} pg_sent_kind_t;

typedef struct pg_sent {
    pg_sent_kind_t kind;
    uint64_t number; /* of the statement that is prepared */
} pg_sent_t;

struct pg {
    pg_kind_t kind;
    char *address;
    char *application;
    char *schema;
    int64_t connect_ms;
    int64_t statement_ms;
    PGconn *connection; /* NULL: none */
    bool broken;        /* nothing more is to be expected of it */
    uint64_t connections;
    pg_prepared_t prepared[PG_PREPARED_PLACES];
    size_t n_prepared;
    uint64_t last_number;
    bool forget; /* what is prepared does not fit any more, or is too much */
    pg_sent_t *sent;
    size_t n_sent, n_taken, sent_room;
    size_t n_pushed;   /* of sent, what the socket was given */
    bool unasked;      /* statements were sent, and nothing that makes the server answer */
    PGresult *refusal; /* why the next statement was not prepared */
    arena_t arena;     /* lists of one statement */
};

/*  ---------------------------------------------------------------------------- waiting  */

/*  Until an answer can be taken without waiting. ERR_OFFLINE after a silence that is too long:
    the connection is broken then. What else goes wrong, the answer tells.  */
CHECKED err_t pg_await(pg_t *self, fault_t *fault);
/*  Until the socket has taken everything that was sent, reading meanwhile.  */
CHECKED err_t pg_push(pg_t *self, fault_t *fault);
/*  False if it was ended while nobody looked. Does not wait.  */
bool pg_is_alive(pg_t *self);

/*  ------------------------------------------------------------------------- statements  */

/*  The place of a statement, free or not.  */
pg_prepared_t *pg_prepared_place(pg_t *self, const char *sql);
void pg_prepared_take(pg_t *self, pg_prepared_t *place, const char *sql);
/*  It was refused.  */
void pg_prepared_refuse(pg_t *self, uint64_t number);
void pg_prepared_forget(pg_t *self);

/*  Parameters by letters, with room for the texts of numbers.  */
typedef struct pg_parameters {
    size_t n;
    pg_parameter_t list[PG_PARAMETERS];
    char numbers[PG_PARAMETERS][24];
} pg_parameters_t;

void pg_parameters_read(pg_parameters_t *self, const char *letters, va_list list);

/*  -------------------------------------------------------------------------- connecting  */

/*  The last words of a connection, on one line.  */
enum { PG_WORDS = 360 };
const char *pg_connection_words(const PGconn *connection, char line[PG_WORDS]);
/*  Those of a failed attempt to connect, with a way out.  */
err_t pg_connect_error(PGconn *connection, fault_t *fault);
