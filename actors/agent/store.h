/*  store - the agent's database file, opened with the agent's own tables in it.  */

#pragma once

#include "actors/common/db.h"

/*  Opens the application's database, made if missing, and makes our tables in it.  */
CHECKED err_t store_open(const char *path, db_t **self, fault_t *fault);
