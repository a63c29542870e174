/*  own_tables - our tables in a database, made or brought up to date.  */

#pragma once

#include "actors/common/db.h"

/*  sql is agent_sql or server_sql: CREATE ... IF NOT EXISTS statements. Tables of an earlier
    version get the columns they lack, with their defaults; nothing is ever removed. Inside
    the caller's transaction.  */
CHECKED err_t own_tables_make(db_t *db, const char *sql, fault_t *fault);
