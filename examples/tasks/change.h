/*  change - one change after the other, gathered to a transaction and printed.

    As JSON Lines for `waybill apply`, or as SQL that psql and sqlite3 run. The databases differ
    in how they write lists and bytes; everything else is one text for both.  */

#pragma once

#include <stdbool.h>

typedef struct change_style {
    bool sql;    /* else JSON Lines */
    bool sqlite; /* else PostgreSQL */
} change_style_t;

typedef enum field_kind {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_BOOLEAN, /* "0" or "1" */
    FIELD_LIST,    /* texts with | between them */
    FIELD_BYTES    /* hexadecimal */
} field_kind_t;

/*  Operation: insert, update or delete. Keys before the other fields.  */
void change_begin(const char *operation, const char *table);
void change_key(const char *name, const char *id);
void change_add(const char *name, field_kind_t kind, const char *value);
void change_addf(const char *name, field_kind_t kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void change_end(void);
/*  Prints what was gathered as one transaction.  */
void change_commit(change_style_t style);
