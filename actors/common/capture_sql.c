#include "actors/common/capture_sql.h"

#include "actors/common/table.h"
#include "schemas/text.h"

#include <string.h>

void
capture_sql_literal(buffer_t *sql, const char *text)
{
    buffer_add_text(sql, "'");
    for (; *text != '\0'; text++)
        buffer_add(sql, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
    buffer_add_text(sql, "'");
}

/*  NEW."name"  */
static void
add_reference(buffer_t *sql, const char *image, const char *column)
{
    buffer_add_format(sql, "%s.", image);
    sql_name(sql, column);
}

/*  "$column" in the pattern stands for the column of image.  */
static void
add_pattern(buffer_t *sql, const char *pattern, const char *image, const char *column)
{
    static const char mark[] = "$column";
    for (const char *at; (at = strstr(pattern, mark)) != NULL; pattern = at + strlen(mark)) {
        buffer_add(sql, pattern, (size_t) (at - pattern));
        add_reference(sql, image, column);
    }
    buffer_add_text(sql, pattern);
}

/*  ------------------------------------------------------------------------------- rows  */

/*  Only of an infinite real is the product with zero not zero. A text that json() made, stored
    a moment ago, would be quoted as JSON and not as text: || takes that mark off.  */
static const char value_pattern[] =
    "CASE typeof($column) WHEN 'text' THEN json_quote($column || '')"
    " WHEN 'integer' THEN $column WHEN 'null' THEN 'null'"
    " WHEN 'blob' THEN '{\"$hex\":\"' || hex($column) || '\"}'"
    " ELSE CASE WHEN $column * 0.0 = 0.0 THEN printf('%!.20g', $column)"
    " ELSE '{\"$real\":\"' || printf('%!.20g', $column) || '\"}' END END";

/*  Its name is quoted once, here, and not for every row.  */
static void
add_member(buffer_t *sql, const char *image, const char *column)
{
    buffer_t name = {0};
    text_to_json((bytes_t){(const uint8_t *) column, strlen(column)}, &name);
    buffer_add_text(&name, ":");
    capture_sql_literal(sql, buffer_text(&name));
    buffer_release(&name);
    buffer_add_text(sql, " || ");
    add_pattern(sql, value_pattern, image, column);
}

/*  Puts terms together with || in groups in parentheses, which keep the depth of the
    expression below SQLite's limit.  */
static void
begin_term(buffer_t *sql, size_t index)
{
    enum { GROUP = 32 };
    if (index > 0)
        buffer_add_text(sql, index % GROUP == 0 ? ") || (" : " || ");
}

/*  Put together as text: json_object() takes 63 columns at most.  */
void
capture_sql_row(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_text(sql, "'{' || (");
    for (size_t i = 0; i < table->n_columns; i++) {
        begin_term(sql, i);
        buffer_add_text(sql, i > 0 ? "',' || " : "");
        add_member(sql, image, table->columns[i].name);
    }
    buffer_add_text(sql, ") || '}'");
}

static void
add_key_members(buffer_t *sql, const char *image, const table_t *table)
{
    for (size_t i = 0; i < table->n_keys; i++) {
        begin_term(sql, i);
        buffer_add_text(sql, i > 0 ? "',' || " : "");
        add_member(sql, image, table->columns[table->keys[i]].name);
    }
}

void
capture_sql_key(buffer_t *sql, const char *image, const table_t *table)
{
    buffer_add_text(sql, "'{' || (");
    add_key_members(sql, image, table);
    buffer_add_text(sql, ") || '}'");
}

/*  1 and 1.0 are one number to SQLite, and A and a one text to some columns.  */
void
capture_sql_differs(buffer_t *sql, const table_t *table, size_t column)
{
    const char *name = table->columns[column].name;
    buffer_add_text(sql, "(typeof(");
    add_reference(sql, "OLD", name);
    buffer_add_text(sql, ") <> typeof(");
    add_reference(sql, "NEW", name);
    buffer_add_text(sql, ") OR ");
    add_reference(sql, "OLD", name);
    buffer_add_text(sql, " IS NOT ");
    add_reference(sql, "NEW", name);
    buffer_add_text(sql, " COLLATE BINARY)");
}

void
capture_sql_changes(buffer_t *sql, const char *image, const table_t *table)
{
    size_t terms = table->n_keys;
    buffer_add_text(sql, "'{' || (");
    add_key_members(sql, image, table);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key != 0)
            continue;
        begin_term(sql, terms++);
        buffer_add_text(sql, "CASE WHEN ");
        capture_sql_differs(sql, table, i);
        buffer_add_text(sql, " THEN ',' || ");
        add_member(sql, image, table->columns[i].name);
        buffer_add_text(sql, " ELSE '' END");
    }
    buffer_add_text(sql, ") || '}'");
}

/*  ------------------------------------------------------------------------------- keys  */

/*  Equal numbers have one text, though 1 and 1.0 may both be stored; and nobody needs to see
    more digits than it takes.  */
#define REAL_PATTERN                                                                           \
    "CASE WHEN $column * 0.0 = 0.0 THEN CASE"                                                  \
    " WHEN $column = CAST($column AS INTEGER) THEN CAST(CAST($column AS INTEGER) AS TEXT)"     \
    " WHEN CAST(printf('%!.15g', $column) AS REAL) = $column THEN printf('%!.15g', $column)"   \
    " ELSE printf('%!.20g', $column) END"                                                      \
    " ELSE '{\"$real\":\"' || printf('%!.20g', $column) || '\"}' END"

/*  A text stands for itself, unless it could be taken for something else.  */
#define ALONE_PATTERN(also)                                                                    \
    "CASE typeof($column) WHEN 'integer' THEN CAST($column AS TEXT)"                           \
    " WHEN 'text' THEN CASE WHEN $column GLOB '{\"$*' OR instr($column, char(0)) > 0" also     \
    " THEN '{\"$text\":' || json_quote($column || '') || '}' ELSE $column END"                 \
    " WHEN 'blob' THEN '{\"$hex\":\"' || hex($column) || '\"}' ELSE " REAL_PATTERN " END"

static const char alone_pattern[] = ALONE_PATTERN("");
static const char alone_among_numbers_pattern[] =
    ALONE_PATTERN(" OR $column NOT GLOB '*[^-+.0-9eE]*'");

static const char in_list_pattern[] =
    "CASE typeof($column) WHEN 'integer' THEN $column"
    " WHEN 'text' THEN json_quote($column || '')"
    " WHEN 'blob' THEN '{\"$hex\":\"' || hex($column) || '\"}' ELSE " REAL_PATTERN " END";

static const table_column_t *
key_at(const table_t *table, size_t index)
{
    return &table->columns[table->keys[index]];
}

void
capture_sql_key_text(buffer_t *sql, const char *image, const table_t *table)
{
    const table_column_t *key = key_at(table, 0);
    if (table->n_keys == 1) {
        add_pattern(
            sql, key->affinity == AFFINITY_NONE ? alone_among_numbers_pattern : alone_pattern,
            image, key->name);
        return;
    }
    buffer_add_text(sql, "'[' || (");
    for (size_t i = 0; i < table->n_keys; i++) {
        begin_term(sql, i);
        buffer_add_text(sql, i > 0 ? "',' || " : "");
        add_pattern(sql, in_list_pattern, image, key_at(table, i)->name);
    }
    buffer_add_text(sql, ") || ']'");
}

void
capture_sql_has_key(buffer_t *sql, const char *image, const table_t *table)
{
    for (size_t i = 0; i < table->n_keys; i++) {
        buffer_add_text(sql, i > 0 ? " AND " : "");
        add_pattern(sql, "$column IS NOT NULL", image, key_at(table, i)->name);
    }
}

void
capture_sql_moved(buffer_t *sql, const table_t *table)
{
    buffer_add_text(sql, "(");
    for (size_t i = 0; i < table->n_keys; i++) {
        buffer_add_text(sql, i > 0 ? " OR " : "");
        capture_sql_differs(sql, table, table->keys[i]);
    }
    buffer_add_text(sql, ")");
}
