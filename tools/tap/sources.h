/*  sources - where the steps of a change are known: in the memory of processes, in their logs,
    and in the rows of databases.  */

#pragma once

#include "bus/ipc_client.h"
#include "tools/tap/journey.h"

enum { SOURCES_AT_MOST = 16, LABEL_ROOM = 64 };

/*  A process that was joined.  */
typedef struct source {
    ipc_client_t *client;
    char label[LABEL_ROOM]; /* agent:DIR or server:DIR */
    bool agent;
} source_t;

/*  Joins the process that runs in run_dir (NULL: the default one). False after a complaint.  */
bool source_open(source_t *self, const char *run_dir);
void source_close(source_t *self);
/*  What it remembers; false after a complaint: it is gone.  */
bool source_ask(source_t *self, journey_t *journey);
/*  What the rows of an agent tell, where it remembers nothing any more.  */
bool source_ask_rows(source_t *self, journey_t *journey);

/*  Lines that process.log_steps wrote, plain or JSON. Whatever else is there is passed over.
    False after a complaint.  */
bool sources_read_log(const char *path, journey_t *journey);
/*  One line of it.  */
void sources_read_line(const char *line, const char *label, journey_t *journey);
/*  An agent's or a server's database. False after a complaint.  */
bool sources_read_db(const char *path, journey_t *journey);
