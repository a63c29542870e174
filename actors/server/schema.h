/*  schema - makes the server's database what client-changes needs: our own tables, the
    application's, and the triggers that capture what is written to them.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/settings.h"

/*  Runs our SQL and the file's (none if empty) on a database just opened, outside a
    transaction. epoch is taken if the history is new.  */
CHECKED err_t schema_prepare(db_t *db, const char *file, const char *epoch, fault_t *fault);

/*  Inside a transaction that writes: looks at the tables again if anything has changed
    since *version, and captures the new ones as the settings of each say. Start with -1.  */
CHECKED err_t schema_follow(db_t *db, catalog_t *catalog, const settings_t *settings,
                            int64_t *version, fault_t *fault);
