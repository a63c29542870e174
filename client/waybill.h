/*  waybill.h - libwaybill: an application's way to its waybill agent.

    The agent (`waybill agent`) keeps the application's SQLite file in step with a server.
    Through a handle the application records changes, learns what became of them, hears what
    others have changed, and reads tables and queries that stay current by themselves. This
    header is all of it; C11 and C++. waybill(1) is about the agent.

    Threads: a handle and all that belongs to it is used by one thread at a time; different
    handles are independent. No threads are started. A handle does not survive fork().

    Time: every wait is in milliseconds. No call waits longer than it was told to, and with 0
    none waits for the agent at all; waybill_close() may take two seconds. Reading a table or
    a query takes the time that SQLite takes for it.

    Memory: what a function returns or hands to a callback is the library's, and lives until
    the callback returns, or the next call with the same handle. Texts given are copied.

    Reconnecting: when the agent ends, a handle joins the next one in the same directory by
    itself. It subscribes again, sends again what was not answered (recorded once, however
    often it was sent) and reads its caches and live queries again.  */

#ifndef WAYBILL_H
#define WAYBILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WAYBILL_API __attribute__((visibility("default")))
#else
#define WAYBILL_API
#endif

typedef struct waybill waybill_t;

/*  ---------------------------------------------------------------------------- errors  */

typedef enum waybill_code {
    WAYBILL_OK,
    WAYBILL_TIMEOUT,    /* it did not happen in time; nothing was sent */
    WAYBILL_OFFLINE,    /* no agent is there; nothing was sent */
    WAYBILL_UNANSWERED, /* sent, and not answered in time: nobody knows yet what came of it */
    WAYBILL_REFUSED,    /* the agent or the server says no; name says why */
    WAYBILL_NOT_FOUND,  /* no such row, change, table or column */
    WAYBILL_TOO_LARGE,  /* beyond a limit that the text names */
    WAYBILL_DATABASE,   /* the database file cannot be read */
    WAYBILL_USAGE,      /* an argument is wrong; the text names it */
    WAYBILL_FAILED      /* anything else */
} waybill_code_t;

typedef struct waybill_error {
    waybill_code_t code;
    char name[32];  /* the agent's own name of it, such as INVALID_CHANGE; may be empty */
    char text[512]; /* for a person: the thing, the cause, the way out */
} waybill_error_t;

/*  Why the last call with this handle did not give WAYBILL_OK. Never NULL.  */
WAYBILL_API const waybill_error_t *waybill_error(const waybill_t *handle);

/*  ------------------------------------------------------------------------------ life  */

/*  Joins the agent that runs in run_dir (NULL: $XDG_RUNTIME_DIR/waybill, else
    /tmp/waybill-UID) under a name that shows in `waybill tap`: 1 to 20 of A-Z a-z 0-9 - _ .
    OFFLINE: nobody answered within timeout_ms. USAGE: name or directory. error (may be NULL)
    is filled in on failure, because there is no handle then.  */
WAYBILL_API waybill_code_t waybill_open(const char *run_dir, const char *name, int timeout_ms,
                                        waybill_t **handle, waybill_error_t *error);
/*  Closes its caches and live queries, too, and sets *handle to NULL. What was sent and not
    answered is recorded or not.  */
WAYBILL_API void waybill_close(waybill_t **handle);

/*  How long calls without a timeout of their own wait for the agent; 5000 at first. 0: they
    return at once, and the outcome comes as an event.  */
WAYBILL_API void waybill_set_timeout(waybill_t *handle, int timeout_ms);
/*  The agent answers, as far as is known.  */
WAYBILL_API bool waybill_connected(const waybill_t *handle);

/*  ------------------------------------------------------------------------- recording  */

enum { WAYBILL_ID_ROOM = 37 }; /* a change id, 36 characters and a NUL */

typedef enum waybill_value_kind {
    WAYBILL_NULL,
    WAYBILL_INTEGER,
    WAYBILL_REAL,
    WAYBILL_TEXT,
    WAYBILL_BLOB
} waybill_value_kind_t;

typedef struct waybill_value {
    waybill_value_kind_t kind;
    int64_t integer;
    double real;
    const void *bytes; /* TEXT (UTF-8) and BLOB; not terminated */
    size_t size;
} waybill_value_t;

typedef struct waybill_column {
    const char *name;
    waybill_value_t value;
} waybill_column_t;

/*  One change of one row. The columns to set are given as a JSON object or one by one; a
    delete has neither. In JSON a blob is {"$blob": "BASE64"}.  */
typedef struct waybill_change {
    const char *operation; /* insert, update, upsert or delete */
    const char *table;
    const char *id; /* primary key of the row, as text; several columns: a JSON array */
    const char *json;
    const waybill_column_t *columns; /* if json is NULL */
    size_t n_columns;
    const char *metadata;            /* a JSON object kept with the change; may be NULL */
    char change_id[WAYBILL_ID_ROOM]; /* a UUID of yours; empty: one is made and put here */
} waybill_change_t;

enum {
    WAYBILL_WRITTEN = 1 /* the application wrote the rows itself: record only */
};

/*  Records the changes, all or none, in one local transaction of the agent; then they are on
    disk, in their tables, and on their way to the server. Inside of a batch they are only
    collected, and flags and timeout are the commit's.

    OFFLINE, TIMEOUT: nothing was sent. REFUSED, TOO_LARGE, NOT_FOUND: nothing was recorded,
    and the text names the field. UNANSWERED: it goes on being sent until there is an answer,
    which comes as WAYBILL_OUTCOME; so it is with timeout_ms 0, where OK means: sent. After
    waybill_close() the same change ids may be written again: what is recorded already stays
    as it is.  */
WAYBILL_API waybill_code_t waybill_write(waybill_t *handle, waybill_change_t *changes,
                                         size_t n_changes, unsigned flags, int timeout_ms);

/*  One change, with the handle's timeout. change_id (may be NULL) gets its id, also if the
    answer is not there yet.  */
WAYBILL_API waybill_code_t waybill_insert(waybill_t *handle, const char *table, const char *id,
                                          const char *json, char change_id[WAYBILL_ID_ROOM]);
/*  NOT_FOUND: there is no such row.  */
WAYBILL_API waybill_code_t waybill_update(waybill_t *handle, const char *table, const char *id,
                                          const char *json, char change_id[WAYBILL_ID_ROOM]);
WAYBILL_API waybill_code_t waybill_upsert(waybill_t *handle, const char *table, const char *id,
                                          const char *json, char change_id[WAYBILL_ID_ROOM]);
WAYBILL_API waybill_code_t waybill_remove(waybill_t *handle, const char *table, const char *id,
                                          char change_id[WAYBILL_ID_ROOM]);

/*  Until commit or rollback, changes of this handle are collected here and nothing is sent;
    the commit is one waybill_write() of them. USAGE: a batch is open already, or none is.  */
WAYBILL_API waybill_code_t waybill_begin(waybill_t *handle);
/*  One without changes is OK. OFFLINE and TIMEOUT leave the batch open, to be committed again
    or rolled back; after anything else it is closed.  */
WAYBILL_API waybill_code_t waybill_commit(waybill_t *handle, unsigned flags, int timeout_ms);
WAYBILL_API waybill_code_t waybill_rollback(waybill_t *handle);

/*  ---------------------------------------------------------------- what became of them  */

typedef struct waybill_result {
    char change_id[WAYBILL_ID_ROOM];
    char result[16]; /* applied, merged, skipped, failed or parked; empty: undecided */
    char name[32];   /* failed, parked: the error's name */
    char text[256];  /* the same for a person; skipped: the reason */
} waybill_result_t;

/*  Waits for the server's decision on each of these changes; results (may be NULL) has n
    places, in the order of the ids. OK: all are decided and none was refused. REFUSED: all
    are decided, see results. TIMEOUT: some are not. OFFLINE: the agent has gone; ask again.  */
WAYBILL_API waybill_code_t waybill_await(waybill_t *handle, const char *const *change_ids,
                                         size_t n, int timeout_ms, waybill_result_t *results);

/*  A person's act on refused changes: send again now; give up, which brings the server's rows
    back; the same, and keep the reason. n_done (may be NULL) tells to how many it was done.
    UNANSWERED: perhaps.  */
WAYBILL_API waybill_code_t waybill_retry(waybill_t *handle, const char *const *change_ids,
                                         size_t n, size_t *n_done);
WAYBILL_API waybill_code_t waybill_discard(waybill_t *handle, const char *const *change_ids,
                                           size_t n, size_t *n_done);
WAYBILL_API waybill_code_t waybill_skip(waybill_t *handle, const char *const *change_ids,
                                        size_t n, const char *reason, size_t *n_done);

typedef struct waybill_status {
    char state[16];   /* offline, connecting, initial, catchup, live or stopped */
    char reason[256]; /* why nothing moves, if nothing moves */
    char server[256]; /* its URL */
    char client_id[64];
    char database[1024];              /* path of the agent's file */
    uint64_t pending, failed, parked; /* changes that wait: for a verdict, a retry, a person */
    bool synced; /* nothing waits, and this database is where the server is */
} waybill_status_t;

/*  With the handle's timeout. TIMEOUT, OFFLINE: no answer.  */
WAYBILL_API waybill_code_t waybill_get_status(waybill_t *handle, waybill_status_t *status);

/*  ---------------------------------------------------------------------------- events  */

typedef enum waybill_kind {
    WAYBILL_RECORDED = 1 << 0,     /* a local change was committed, by whatever program */
    WAYBILL_PROCESSED = 1 << 1,    /* a change found its end here: result, and from_server */
    WAYBILL_OUTCOME = 1 << 2,      /* late answer to a write of this handle; code tells */
    WAYBILL_STATUS = 1 << 3,       /* the agent's connection: result is its state, text why */
    WAYBILL_PROBLEM = 1 << 4,      /* something that a person should know: name and text */
    WAYBILL_MISSED = 1 << 5,       /* events were lost: read what you keep again */
    WAYBILL_CONNECTED = 1 << 6,    /* the agent answers again; events may have been missed */
    WAYBILL_DISCONNECTED = 1 << 7, /* the agent does not answer any more */
    WAYBILL_ALL = 0xff
} waybill_kind_t;

/*  Never NULL: what an event does not have is empty.  */
typedef struct waybill_event {
    waybill_kind_t kind;
    waybill_code_t code;    /* OUTCOME */
    const char *table, *id; /* RECORDED, PROCESSED: the row, and its primary key as text */
    const char *operation;  /* insert, update or delete */
    const char *change_id;  /* OUTCOME: the first of the write */
    const char *result;     /* PROCESSED: as in waybill_result_t */
    const char *name, *text;
    bool from_server; /* PROCESSED: somebody else's change */
} waybill_event_t;

/*  Called from waybill_dispatch() and waybill_wait() only. It may call anything but these
    two and waybill_close().  */
typedef void waybill_event_fn(const waybill_event_t *event, void *context);

typedef struct waybill_filter {
    unsigned kinds;    /* waybill_kind_t, or-ed; 0: all */
    const char *table; /* NULL: any. Asks for RECORDED and PROCESSED of this table only, */
    const char *id;    /* NULL: any; and of this row; other kinds come all the same */
} waybill_filter_t;

/*  filter NULL: all that happens. subscription gets a number for waybill_unsubscribe().  */
WAYBILL_API waybill_code_t waybill_subscribe(waybill_t *handle, const waybill_filter_t *filter,
                                             waybill_event_fn *callback, void *context,
                                             uint64_t *subscription);
/*  NOT_FOUND: no such subscription. No event comes after it.  */
WAYBILL_API waybill_code_t waybill_unsubscribe(waybill_t *handle, uint64_t subscription);

/*  For a poll loop of one's own: readable when something may have come. The descriptor is
    edge-triggered: call waybill_dispatch() before each poll(), and at least once a second,
    because the agent wants to hear that this process lives.  */
WAYBILL_API int waybill_fd(waybill_t *handle);
/*  Takes in what has come, calls the callbacks, brings caches and live queries up to date.
    Does not wait. OFFLINE: the agent is gone; it is looked for at each call. DATABASE: caches
    or live queries could not be read; it is tried again.  */
WAYBILL_API waybill_code_t waybill_dispatch(waybill_t *handle);
/*  The same, waiting until something has happened. TIMEOUT: nothing did. -1: for ever.  */
WAYBILL_API waybill_code_t waybill_wait(waybill_t *handle, int timeout_ms);

/*  ----------------------------------------------------------------------------- cache  */

/*  All rows of one table, in memory; waybill_dispatch() and waybill_wait() keep them as the
    database has them. Asking it runs no SQL.  */
typedef struct waybill_cache waybill_cache_t;

/*  NOT_FOUND: no such table, or one without a primary key. TOO_LARGE: it has more than
    max_rows rows; when it grows beyond that later, dispatching says so and the cache stays as
    it was. DATABASE, OFFLINE, TIMEOUT.  */
WAYBILL_API waybill_code_t waybill_cache_open(waybill_t *handle, const char *table,
                                              size_t max_rows, waybill_cache_t **cache);
WAYBILL_API void waybill_cache_close(waybill_cache_t **cache);
WAYBILL_API size_t waybill_cache_count(const waybill_cache_t *cache);
/*  The row with that primary key as a JSON object; NULL: there is none.  */
WAYBILL_API const char *waybill_cache_get(waybill_cache_t *cache, const char *id);
/*  One column of it; false: no such row or column. Bytes live until the next dispatch.  */
WAYBILL_API bool waybill_cache_value(const waybill_cache_t *cache, const char *id,
                                     const char *column, waybill_value_t *value);
/*  Calls back for each row, in no order, until that gives false. Change nothing meanwhile.  */
typedef bool waybill_row_fn(const char *id, const char *json, void *context);
WAYBILL_API void waybill_cache_each(waybill_cache_t *cache, waybill_row_fn *callback,
                                    void *context);

/*  ------------------------------------------------------------------------ live query  */

typedef struct waybill_live waybill_live_t;

/*  A row that came, went or changed; rows are told apart by their first column.  */
typedef struct waybill_difference {
    const char *before; /* JSON object; NULL: it was not there */
    const char *after;  /* NULL: it is there no more */
} waybill_difference_t;

typedef void waybill_live_fn(const waybill_difference_t *differences, size_t n, void *context);

typedef struct waybill_query {
    const char *sql;               /* one SELECT; columns have different names */
    const waybill_value_t *values; /* of ?1, ?2, ... */
    size_t n_values;
    waybill_live_fn *callback;
    void *context;
} waybill_query_t;

/*  Runs the query, and again whenever a table that it reads may have changed; the callback is
    given the difference: all rows, before this returns, and then from waybill_dispatch() and
    waybill_wait(). USAGE: SQLite does not take it for one SELECT; the text says why.
    DATABASE, OFFLINE, TIMEOUT.  */
WAYBILL_API waybill_code_t waybill_live_open(waybill_t *handle, const waybill_query_t *query,
                                             waybill_live_t **live);
WAYBILL_API void waybill_live_close(waybill_live_t **live);

#ifdef __cplusplus
}
#endif

#endif
