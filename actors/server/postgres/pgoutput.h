/*  pgoutput - decodes what PostgreSQL's logical replication sends, protocol 1: one message at a
    time, in place: only lists of columns and values are made. What does not fit is ERR_PROTOCOL
    before anything is believed: lengths and counts are checked against the bytes that are
   there.  */

#pragma once

#include "schemas/base.h"

enum { PGOUTPUT_COLUMNS = 1664 }; /* PostgreSQL's limit */

typedef enum pgoutput_kind {
    PGOUTPUT_BEGIN,
    PGOUTPUT_COMMIT,
    PGOUTPUT_RELATION,
    PGOUTPUT_INSERT,
    PGOUTPUT_UPDATE,
    PGOUTPUT_DELETE,
    PGOUTPUT_TRUNCATE,
    PGOUTPUT_MESSAGE,
    PGOUTPUT_OTHER, /* Type, Origin: nothing for us */
    PGOUTPUT_KINDS
} pgoutput_kind_t;

/*  A column of a tuple: kind 'n' NULL, 'u' unchanged and not sent, 't' text.  */
typedef struct pgoutput_value {
    char kind;
    bytes_t text;
} pgoutput_value_t;

typedef struct pgoutput_tuple {
    size_t n; /* 0: there is none */
    pgoutput_value_t *values;
} pgoutput_tuple_t;

typedef struct pgoutput_column {
    bool key;
    const char *name;
    uint32_t type;
    int32_t modifier;
} pgoutput_column_t;

typedef struct pgoutput_message {
    pgoutput_kind_t kind;
    /* BEGIN: the LSN of its commit, the time of that and its xid. COMMIT: lsn the same, end the
       position behind it. MESSAGE: its place, prefix and content.  */
    uint64_t lsn, end;
    int64_t time_ms; /* since 1970 */
    uint32_t xid;
    bool transactional;
    const char *prefix;
    bytes_t content;
    /* RELATION, INSERT, UPDATE, DELETE */
    uint32_t relation;
    const char *schema, *table;
    char identity;
    pgoutput_column_t *columns;
    size_t n_columns;
    char old_kind; /* 'K' key, 'O' whole row, 0: no old tuple */
    pgoutput_tuple_t old, fresh;
    /* TRUNCATE */
    uint32_t *relations;
    size_t n_relations;
    bool cascade, restart_identity;
} pgoutput_message_t;

/*  What message points to lives in arena or in bytes.  */
CHECKED err_t pgoutput_read(bytes_t bytes, arena_t *arena, pgoutput_message_t *message,
                            fault_t *fault);
