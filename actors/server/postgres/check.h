/*  check - whether a database can be served, and what to do about it where it cannot.

    One finding a matter: how it stands, and the SQL that mends it. It only reads, with no
    rights but those of everybody, and changes nothing.  */

#pragma once

#include "actors/server/postgres/pg.h"

typedef enum pg_finding_level {
    FINDING_OK,
    FINDING_WARNING,
    FINDING_PROBLEM
} pg_finding_level_t;

/*  "ok", "warning", "problem".  */
const char *pg_finding_level_name(pg_finding_level_t level);

typedef struct pg_finding {
    pg_finding_level_t level;
    const char *thing;
    const char *says;
    const char *fix; /* SQL; NULL: there is none, or nothing to mend */
} pg_finding_t;

/*  Zero is empty.  */
typedef struct pg_findings {
    arena_t arena;
    pg_finding_t *list;
    size_t n, room;
} pg_findings_t;

/*  slot: of the server that is asked for. What cannot be found out is a finding, too; an error
    only if the database is out of reach.  */
CHECKED err_t pg_check(pg_t *pg, const settings_t *settings, const char *slot,
                       pg_findings_t *findings, fault_t *fault);
size_t pg_findings_count(const pg_findings_t *self, pg_finding_level_t level);
void pg_findings_release(pg_findings_t *self);
