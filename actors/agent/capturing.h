/*  capturing - capture = triggers: which tables have them, and how the recorder learns of what
    other programs have written, without asking again and again.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/settings.h"
#include "runtime/actor.h"

typedef struct recorder recorder_t;

/*  The recorder's part.  */
typedef struct capturing {
    bool wanted;            /* the settings name triggers, for some table */
    bool due;               /* look at the end of the round */
    int64_t schema_version; /* whose tables have their triggers; -1: none yet */
    int64_t data_version;   /* as PRAGMA data_version: it moves when others commit */
    int watch;              /* descriptor; 0 or less: none */
    size_t n_looks;         /* since the log was last written to */
} capturing_t;

enum { TIMER_CAPTURE_LOOK = 100, TIMER_CAPTURE_AGAIN }; /* timers of the recorder */

/*  Do the settings ask for triggers, on any table? On that one?  */
bool capturing_is_wanted(const settings_t *settings);
bool capturing_has(const settings_t *settings, const char *table);
/*  Gives each table the triggers it should have and takes those it should not, inside of the
    caller's transaction. Adds the tables that cannot be captured to refused, with the reason,
    if it is given.  */
CHECKED err_t capturing_follow(catalog_t *catalog, db_t *db, const settings_t *settings,
                               buffer_t *refused, fault_t *fault);

/*  When the recorder starts: triggers are made or dropped, and the watch begins.  */
CHECKED err_t capturing_start(recorder_t *recorder, ctx_t *ctx, fault_t *fault);
void capturing_stop(capturing_t *self, ctx_t *ctx);
/*  The log was written to; a timer of ours has come.  */
void capturing_on_fd(recorder_t *recorder, ctx_t *ctx, int fd);
void capturing_on_timer(recorder_t *recorder, ctx_t *ctx, uint64_t timer);
/*  At the end of a round, before anything else: seals what was captured.  */
void capturing_settle(recorder_t *recorder, ctx_t *ctx);
