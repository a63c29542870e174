/*  writes - one `write` of an application: its rows, and its rows of local_changes.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/settings.h"

typedef struct writes {
    db_t *db;
    catalog_t *catalog;
    arena_t *arena;
    int64_t timestamp;
    const settings_t *settings; /* which tables are captured by triggers */
} writes_t;

/*  What is told about a change once it is committed. id is filled in by the caller before,
    all else by writes_record().  */
typedef change_recorded_t recorded_t;

/*  *repeated: these changes, by the ids that the application chose, are recorded already.
    INVALID_CHANGE if that is true of some of them only, or of changes of other tables.  */
CHECKED err_t writes_find_earlier(const writes_t *self, const write_t *write, bool *repeated,
                                  fault_t *fault);

/*  Inside of the caller's savepoint: all of it, or an error and the caller rolls back. The
    error names the field: INVALID_CHANGE, ENTITY_NOT_FOUND or RULE_VIOLATION if the change
    is to blame, others if the database is.  */
CHECKED err_t writes_record(const writes_t *self, const write_t *write, recorded_t *recorded,
                            fault_t *fault);
bool writes_is_refusal(err_t err);
