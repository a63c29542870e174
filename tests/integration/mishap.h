/*  mishap - a server and an agent as processes with the shim in them, and the proof that
    nothing that was acknowledged is missing afterwards.  */

#pragma once

#include "tests/integration/process.h"
#include "tests/integration/shim.h"

#include <sqlite3.h>

typedef enum side { SERVER, AGENT, SIDES } side_t;

typedef struct party {
    char *run_dir, *db, *log, *config, *shim_path;
    shim_t *shim; /* NULL: it runs without */
    process_t *process;
} party_t;

typedef struct mishap {
    char *dir, *address;
    party_t parties[SIDES];
    sqlite3 *notes;  /* table acks: the ids that were acknowledged */
    int64_t written; /* numbers the rows */
} mishap_t;

/*  A fresh place; nothing runs. proxy: the agent's way to the server, HOST:PORT; NULL: none. */
void mishap_begin(mishap_t *self);
void mishap_end(mishap_t *self);
/*  Gives the side a shim, from its next start on; and takes it away.  */
shim_t *mishap_shim(mishap_t *self, side_t side);
void mishap_unshim(mishap_t *self, side_t side);
/*  False: it ended before it was ready.  */
bool mishap_start(mishap_t *self, side_t side);
/*  The agent dials this address instead of the server's own.  */
void mishap_detour(mishap_t *self, const char *address);
/*  Ends it if it runs; gives the exit status.  */
int mishap_stop(mishap_t *self, side_t side, int signal);

/*  Writes transactions through the agent and notes what it acknowledged; gives how many.  */
size_t mishap_write(mishap_t *self, int transactions);
/*  Waits until the agent is synced, and stops both: every acknowledged change is decided, and
    on the server once; the tables are equal; the files are sound.  */
void mishap_prove(mishap_t *self);
