/*  world - a server and an agent of it, which the tests of a program share; a test that spoils
    something makes a directory of its own.  */

#pragma once

#include "tests/integration/process.h"

typedef struct world {
    char *dir, *agent_dir, *server_dir, *log, *url, *address;
    process_t *server, *agent;
} world_t;
extern world_t world;

/*  For cmocka_run_group_tests(). The agent is synchronised.  */
int start_world(void **state);
int stop_world(void **state);

/*  Starts an agent on DIR/agent.db that can be joined in DIR/run and logs to DIR/log.  */
process_t *start_agent(const char *dir, const char *url, prepare_fn *prepare);
/*  A database with an empty table `notes`, as the server has it.  */
void make_notes(const char *path);

void assert_contains(const char *text, const char *part);
size_t count_lines(const char *text);
/*  It ended with that status, and its only line on stderr has the part. Releases it.  */
void assert_refused(outcome_t outcome, int status, const char *part);
/*  Rows of local_changes, as `waybill changes --all` has them.  */
size_t count_changes(const char *run_dir);
