/*  capture_body - what the triggers of the server's change log do; capture.c's part.  */

#pragma once

#include "actors/common/catalog.h"

typedef struct capture_event {
    const char *name; /* of its trigger */
    const char *when; /* as in CREATE TRIGGER */
    bool for_old;     /* only where the row before is kept */
    void (*write_body)(buffer_t *sql, const table_t *table, const capture_options_t *options);
} capture_event_t;

enum { CAPTURE_EVENTS = 4 };
extern const capture_event_t capture_events[CAPTURE_EVENTS];

/*  A statement that logs all rows of the table as inserted, if anybody may follow the
    history already.  */
void capture_body_present_rows(buffer_t *sql, const table_t *table);
/*  Statements for when the policy may have changed: columns that were written under another get
    the version of their row, or those of all columns are forgotten.  */
void capture_body_versions(buffer_t *sql, const table_t *table,
                           const capture_options_t *options);
