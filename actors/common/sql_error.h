/*  sql_error - SQLite's errors as ours, with the way out for a person.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>

/*  The last error of handle. fault (may be NULL) reads "FILE: DOING: CAUSE; WAY OUT".
    Never OK.  */
err_t sql_error(sqlite3 *handle, const char *path, const char *doing, fault_t *fault);
