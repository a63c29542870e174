/*  capture_sql - a row, some of its columns, or its key as SQL expressions, for triggers.

    Programs that know nothing of us run the triggers on their own connections, so these use
    nothing but what every SQLite brings. image is NEW or OLD, or the alias of a table.

    Values travel as JSON: text and integers as they are; reals with 20 digits, of which every
    double comes back exactly; a blob as {"$hex": "..."}; an infinite real as {"$real": "Inf"}
    or "-Inf".  */

#pragma once

#include "actors/common/catalog.h"

/*  A text literal: 'it''s'.  */
void capture_sql_literal(buffer_t *sql, const char *text);

/*  The whole row, as the text of a JSON object.  */
void capture_sql_row(buffer_t *sql, const char *image, const table_t *table);
/*  The key columns alone, likewise.  */
void capture_sql_key(buffer_t *sql, const char *image, const table_t *table);
/*  The key columns, and of the others those in which OLD and NEW differ, as image has them.  */
void capture_sql_changes(buffer_t *sql, const char *image, const table_t *table);

/*  The key as the one text that names the row, in events, journals and versions.  */
void capture_sql_key_text(buffer_t *sql, const char *image, const table_t *table);
/*  Has the row a key that can be synchronised?  */
void capture_sql_has_key(buffer_t *sql, const char *image, const table_t *table);
/*  Do OLD and NEW have different keys?  */
void capture_sql_moved(buffer_t *sql, const table_t *table);
/*  Do they differ in that column, given by its place in the table?  */
void capture_sql_differs(buffer_t *sql, const table_t *table, size_t column);
