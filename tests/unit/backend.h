/*  backend - the database behind the server of a test: SQLite, or PostgreSQL if the environment
    has WAYBILL_BACKEND=postgres. What a server promises, it promises on both, and the same test
    shows it.

    On PostgreSQL what is asked of the history (change_log, waybill_head, waybill_versions, ...)
   is asked of the server's cache, as soon as that has what was committed before; anything else
   of the database itself, in SQL that both take.  */

#pragma once

#include "actors/settings.h"
#include "runtime/sim.h"
#include "tests/postgres/cluster.h"

typedef struct backend {
    char path[140];       /* the file: the database, or the cache */
    database_t *database; /* NULL: SQLite */
    char name[40];        /* of the server at the database */
    sim_t *sim;
    int node;
} backend_t;

bool on_postgres(void);
/*  Of the two.  */
const char *either(const char *on_sqlite, const char *on_postgres);

/*  For a test that is about SQLite itself; says so.  */
#define ONLY_ON_SQLITE(reason)                                                                 \
    do {                                                                                       \
        if (on_postgres()) {                                                                   \
            print_message("on SQLite only: %s\n", reason);                                     \
            skip();                                                                            \
        }                                                                                      \
    } while (0)

/*  Makes the settings those of a server with that file.  */
void backend_open(backend_t *self, const char *path, settings_t *settings);
/*  The server is to run as that node of the simulation.  */
void backend_join(backend_t *self, sim_t *sim, int node);
/*  Before or after the simulation ends; files stay.  */
void backend_close(backend_t *self);

/*  As another program, which knows nothing of the server.  */
void backend_run(const backend_t *self, const char *sql);
/*  Until the server has seen whatever was committed. One on SQLite is told to look, as the
    simulator watches no file for it.  */
void backend_follow(const backend_t *self);
/*  The first column of each row, with blanks between.  */
void backend_rows(const backend_t *self, const char *sql, buffer_t *rows);
/*  The first column of the first row; -1: there is none.  */
int64_t backend_number(const backend_t *self, const char *sql);

/*  Until it is unlocked, nobody writes table todo. To be given to backend_unlock().  */
void *backend_lock(const backend_t *self);
void backend_unlock(void *lock);

/*  A trigger for each row. moment: "AFTER UPDATE OF title ON todo"; condition: of WHEN, or
   NULL; body: SQL that both take, refusal() or disregard(). To be freed.  */
char *trigger(const char *name, const char *moment, const char *condition, const char *body);
/*  In the body of a trigger: the statement fails with that message; the row stays as it was.
   To be freed.  */
char *refusal(const char *message);
const char *disregard(void);
/*  A trigger on todo that refuses rows with that title.  */
void backend_refuse(const backend_t *self, const char *title, const char *message);
