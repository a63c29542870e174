#include "actors/server/postgres/table_rows.h"

#include "schemas/text.h"

#include <string.h>
#include <strings.h>

/*  -------------------------------------------------------------- writing  */

/*  As the type writes it: a cast to text would say true for t. A row of NULLs is no NULL.  */
static void
write_value(buffer_t *sql, const char *column)
{
    buffer_add_text(sql, ", ");
    pg_literal(sql, column);
    buffer_add_text(sql, ", CASE num_nulls(r.");
    pg_name(sql, column);
    buffer_add_text(sql, ") WHEN 0 THEN format('%s', r.");
    pg_name(sql, column);
    buffer_add_text(sql, ") END");
}

static void
write_message(buffer_t *sql, const char *prefix, const pg_table_t *table)
{
    buffer_add_text(sql, "pg_logical_emit_message(true, ");
    pg_literal(sql, prefix);
    buffer_add_text(sql, ", ARRAY[(SELECT token FROM waybill.identity WHERE one = 1), ");
    pg_literal(sql, table->name);
}

void
table_rows_write(buffer_t *sql, const char *schema, const pg_table_t *table)
{
    buffer_add_text(sql, "SELECT ");
    write_message(sql, TABLE_ROWS_PREFIX, table);
    buffer_add_text(sql, "]::text); SELECT count(");
    write_message(sql, TABLE_ROWS_PREFIX, table);
    for (size_t i = 0; i < table->n_columns; i++)
        if (!table->columns[i].generated)
            write_value(sql, table->columns[i].name);
    buffer_add_text(sql, table->partitioned ? "]::text)) FROM " : "]::text)) FROM ONLY ");
    pg_name(sql, schema);
    buffer_add_text(sql, ".");
    pg_name(sql, table->name);
    buffer_add_text(sql, " AS r");
}

void
table_rows_announce(buffer_t *sql, const pg_table_t *table)
{
    buffer_add_text(sql, "SELECT ");
    write_message(sql, TABLE_COPY_PREFIX, table);
    buffer_add_text(sql, "]::text)");
}

/*  -------------------------------------------------------------- reading  */

/*  An array of texts: {plain,"quoted \"\\ ",NULL}.  */
typedef struct list {
    const char *at, *end;
    char *texts; /* room for all of them, unquoted */
} list_t;

static bool
take_letter(list_t *list, char letter)
{
    if (list->at == list->end || *list->at != letter)
        return false;
    list->at++;
    return true;
}

/*  Behind the opening quote.  */
static bool
take_quoted(list_t *list)
{
    while (list->at < list->end && *list->at != '"') {
        if (*list->at == '\\' && ++list->at == list->end)
            return false;
        *list->texts++ = *list->at++;
    }
    return take_letter(list, '"');
}

static bool
take_plain(list_t *list)
{
    const char *from = list->at;
    while (list->at < list->end && strchr("{},\"\\", *list->at) == NULL)
        *list->texts++ = *list->at++;
    return list->at > from;
}

/*  NULL is plain; the text "NULL" is quoted.  */
static bool
take_element(list_t *list, pgoutput_value_t *value)
{
    const char *from = list->texts;
    const bool quoted = take_letter(list, '"');
    if (!(quoted ? take_quoted(list) : take_plain(list)))
        return false;
    const size_t size = (size_t) (list->texts - from);
    *list->texts++ = '\0';
    if (!quoted && strcmp(from, "NULL") == 0)
        *value = (pgoutput_value_t){.kind = 'n'};
    else
        *value = (pgoutput_value_t){.kind = 't', .text = {(const uint8_t *) from, size}};
    return true;
}

/*  How many there are; 0 if it is no array, or one with more than most.  */
static size_t
take_elements(list_t *list, pgoutput_value_t *elements, size_t most)
{
    size_t n = 0;
    bool good = take_letter(list, '{');
    while (good && n < most && take_element(list, &elements[n])) {
        n++;
        if (!take_letter(list, ','))
            return take_letter(list, '}') && list->at == list->end ? n : 0;
    }
    return 0;
}

/*  A name is none if it is NULL or empty.  */
static const char *
name_in(const pgoutput_value_t *element)
{
    return element->text.size > 0 ? (const char *) element->text.data : NULL;
}

static bool
take_row(const pgoutput_value_t *elements, size_t n, arena_t *arena, table_row_t *row)
{
    row->token = name_in(&elements[0]);
    row->table = name_in(&elements[1]);
    row->n = (n - 2) / 2;
    row->columns = arena_new(arena, (row->n + 1) * sizeof(*row->columns));
    row->values = arena_new(arena, row->n * sizeof(*row->values));
    bool good = row->token != NULL && row->table != NULL;
    for (size_t i = 0; i < row->n; i++) {
        row->columns[i] = name_in(&elements[2 + 2 * i]);
        row->values[i] = elements[3 + 2 * i];
        good = good && row->columns[i] != NULL;
    }
    return good;
}

err_t
table_row_read(bytes_t content, arena_t *arena, table_row_t *row, fault_t *fault)
{
    enum { MOST = 2 + 2 * PGOUTPUT_COLUMNS };
    const size_t room = content.size / 2 + 1; /* each takes two bytes at least */
    const size_t most = room < MOST ? room : MOST;
    pgoutput_value_t *elements = arena_new(arena, most * sizeof(*elements));
    list_t list = {.at = (const char *) content.data,
                   .end = (const char *) content.data + content.size,
                   .texts = arena_new(arena, content.size + room)};
    size_t n = 0;
    if (text_is_clean(content))
        n = take_elements(&list, elements, most);
    if (n > 0 && n % 2 == 0 && take_row(elements, n, arena, row))
        return OK;
    return fault_set(
        fault, ERR_PROTOCOL,
        "a logical message \"%s\" in the log of the database is no row: only servers "
        "of waybill may write such messages",
        TABLE_ROWS_PREFIX);
}
