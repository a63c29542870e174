/*  Texts: quoted, as arrays, and out of results.  */

#include "actors/server/postgres/pg_private.h"

#include <stdlib.h>
#include <string.h>

static void
add_quoted(buffer_t *out, const char *text, char quote)
{
    buffer_add(out, &quote, 1);
    for (; *text != '\0'; text++) {
        buffer_add(out, text, 1);
        if (*text == quote)
            buffer_add(out, text, 1);
    }
    buffer_add(out, &quote, 1);
}

void
pg_name(buffer_t *sql, const char *name)
{
    add_quoted(sql, name, '"');
}

/*  The session has standard_conforming_strings: a backslash is a letter.  */
void
pg_literal(buffer_t *sql, const char *text)
{
    add_quoted(sql, text, '\'');
}

/*  ------------------------------------------------------------------------------ arrays  */

/*  An array that was used as a parameter may grow on: its end is taken off again.  */
static void
begin_element(pg_array_t *self)
{
    if (self->n > 0 && self->text.data[self->text.size - 1] == '}')
        self->text.size--;
    buffer_add(&self->text, self->n == 0 ? "{" : ",", 1);
    self->n++;
}

void
pg_array_add_text(pg_array_t *self, const char *text)
{
    begin_element(self);
    if (text == NULL) {
        buffer_add_text(&self->text, "NULL");
        return;
    }
    buffer_add(&self->text, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buffer_add(&self->text, "\\", 1);
        buffer_add(&self->text, text, 1);
    }
    buffer_add(&self->text, "\"", 1);
}

void
pg_array_add_number(pg_array_t *self, int64_t number)
{
    begin_element(self);
    buffer_add_format(&self->text, "%lld", (long long) number);
}

const char *
pg_array_text(pg_array_t *self)
{
    if (self->n == 0)
        return "{}";
    if (self->text.data[self->text.size - 1] != '}')
        buffer_add(&self->text, "}", 1);
    return buffer_text(&self->text);
}

void
pg_array_release(pg_array_t *self)
{
    buffer_release(&self->text);
    self->n = 0;
}

/*  ----------------------------------------------------------------------------- results  */

const char *
pg_text_at(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

int64_t
pg_number_at(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}
