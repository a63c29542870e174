#include "actors/server/postgres/types.h"

#include "schemas/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  Of pg_type.h: they never change.  */
enum {
    BOOLEAN_OID = 16,
    BYTEA_OID = 17,
    BIGINT_OID = 20,
    SMALLINT_OID = 21,
    INTEGER_OID = 23,
    OID_OID = 26,
    REAL_OID = 700,
    DOUBLE_OID = 701
};

enum { NUMBER_ROOM = 64 };

pg_shape_t
pg_shape_of(uint32_t type)
{
    switch (type) {
    case BOOLEAN_OID:
        return SHAPE_BOOLEAN;
    case SMALLINT_OID:
    case INTEGER_OID:
    case BIGINT_OID:
    case OID_OID:
        return SHAPE_INTEGER;
    case REAL_OID:
    case DOUBLE_OID:
        return SHAPE_REAL;
    case BYTEA_OID:
        return SHAPE_BLOB;
    default:
        return SHAPE_TEXT;
    }
}

const char *
pg_shape_column(pg_shape_t shape)
{
    static const char *const columns[] = {
        [SHAPE_INTEGER] = "BIGINT", [SHAPE_BOOLEAN] = "BOOLEAN", [SHAPE_REAL] = "REAL",
        [SHAPE_BLOB] = "BLOB",      [SHAPE_TEXT] = "TEXT",
    };
    return columns[shape];
}

/*  ----------------------------------------------------------------------------- reading  */

static bool
equals(bytes_t text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/*  A number's text, ended; false if no number is that long.  */
static bool
number_text(bytes_t text, char out[NUMBER_ROOM])
{
    if (text.size == 0 || text.size >= NUMBER_ROOM)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return strlen(out) == text.size && strchr("+-0123456789.", out[0]) != NULL;
}

static bool
read_integer(bytes_t text, value_t *value)
{
    char number[NUMBER_ROOM];
    char *end = NULL;
    if (!number_text(text, number) || text.size > strlen("-9223372036854775808"))
        return false;
    errno = 0;
    *value = (value_t){.kind = VALUE_INTEGER, .integer = strtoll(number, &end, 10)};
    return errno == 0 && *end == '\0';
}

static bool
read_boolean(bytes_t text, value_t *value)
{
    *value = (value_t){.kind = VALUE_INTEGER, .integer = equals(text, "t")};
    return equals(text, "t") || equals(text, "f");
}

/*  SQLite has infinity, but takes what is no number for NULL.  */
static bool
read_real(bytes_t text, value_t *value)
{
    char number[NUMBER_ROOM];
    char *end = NULL;
    *value = (value_t){.kind = VALUE_REAL, .real = HUGE_VAL};
    if (equals(text, "Infinity"))
        return true;
    if (equals(text, "-Infinity"))
        value->real = -HUGE_VAL;
    else if (equals(text, "NaN"))
        *value = (value_t){.kind = VALUE_TEXT, .bytes = text};
    else if (number_text(text, number))
        value->real = strtod(number, &end);
    else
        return false;
    return end == NULL || *end == '\0';
}

static int
digit_of(uint8_t letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool
read_blob(bytes_t text, arena_t *arena, value_t *value)
{
    if (text.size < 2 || text.size % 2 != 0 || memcmp(text.data, "\\x", 2) != 0)
        return false;
    const size_t size = text.size / 2 - 1;
    uint8_t *data = arena_new(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        const int high = digit_of(text.data[2 * i + 2]), low = digit_of(text.data[2 * i + 3]);
        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t) (high * 16 + low);
    }
    *value = (value_t){.kind = VALUE_BLOB, .bytes = {data, size}};
    return true;
}

static bool
read_text(bytes_t text, value_t *value)
{
    *value = (value_t){.kind = VALUE_TEXT, .bytes = text};
    return text.size == 0 || memchr(text.data, '\0', text.size) == NULL;
}

static bool
read_shape(pg_shape_t shape, bytes_t text, arena_t *arena, value_t *value)
{
    switch (shape) {
    case SHAPE_INTEGER:
        return read_integer(text, value);
    case SHAPE_BOOLEAN:
        return read_boolean(text, value);
    case SHAPE_REAL:
        return read_real(text, value);
    case SHAPE_BLOB:
        return read_blob(text, arena, value);
    case SHAPE_TEXT:
        return read_text(text, value);
    }
    return false;
}

err_t
pg_value_read(pg_shape_t shape, bytes_t text, arena_t *arena, value_t *value, fault_t *fault)
{
    if (read_shape(shape, text, arena, value))
        return OK;
    return fault_set(fault, ERR_CORRUPT, "PostgreSQL: \"%.*s\" is no %s; look at its version",
                     text.size > 60 ? 60 : (int) text.size, (const char *) text.data,
                     pg_shape_column(shape));
}

/*  ----------------------------------------------------------------------------- writing  */

static err_t
refuse(pg_shape_t shape, const char *what, fault_t *fault)
{
    static const char *const wanted[] = {
        [SHAPE_INTEGER] = "an integer", [SHAPE_BOOLEAN] = "0 or 1", [SHAPE_REAL] = "a number",
        [SHAPE_BLOB] = "a blob",        [SHAPE_TEXT] = "a text",
    };
    return fault_set(fault, ERR_INVALID_CHANGE, "%s does not fit a column that takes %s", what,
                     wanted[shape]);
}

static err_t
write_integer(pg_shape_t shape, int64_t integer, arena_t *arena, pg_parameter_t *parameter,
              fault_t *fault)
{
    char text[NUMBER_ROOM];
    if (shape == SHAPE_BLOB)
        return refuse(shape, "an integer", fault);
    if (shape == SHAPE_BOOLEAN && integer != 0 && integer != 1)
        return refuse(shape, "another integer", fault);
    (void) snprintf(text, sizeof text, "%lld", (long long) integer);
    parameter->text = arena_text(arena, text);
    return OK;
}

static const char *
word_for(double real, char text[REAL_TEXT])
{
    if (isnan(real))
        return "NaN";
    if (isinf(real))
        return real > 0 ? "Infinity" : "-Infinity";
    return real_text(real, text);
}

/*  An integer that became a real on its way is one again.  */
static err_t
write_real(pg_shape_t shape, double real, arena_t *arena, pg_parameter_t *parameter,
           fault_t *fault)
{
    char text[REAL_TEXT];
    if (shape == SHAPE_BLOB || shape == SHAPE_BOOLEAN)
        return refuse(shape, "a real", fault);
    if (shape == SHAPE_INTEGER) {
        if (!(real >= -0x1p63 && real < 0x1p63) || real != trunc(real))
            return refuse(shape, "a real", fault);
        return write_integer(shape, (int64_t) real, arena, parameter, fault);
    }
    parameter->text = arena_text(arena, word_for(real, text));
    return OK;
}

static err_t
write_text(bytes_t bytes, arena_t *arena, pg_parameter_t *parameter, fault_t *fault)
{
    if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "a text holds the letter NUL, which PostgreSQL does not take");
    parameter->text = arena_text_of(arena, bytes.data, bytes.size);
    return OK;
}

static err_t
write_blob(pg_shape_t shape, bytes_t bytes, pg_parameter_t *parameter, fault_t *fault)
{
    if (shape != SHAPE_BLOB)
        return refuse(shape, "a blob", fault);
    *parameter = (pg_parameter_t){.text = bytes.size > 0 ? (const char *) bytes.data : "",
                                  .length = (int) bytes.size,
                                  .binary = true};
    return OK;
}

err_t
pg_value_write(pg_shape_t shape, const value_t *value, arena_t *arena,
               pg_parameter_t *parameter, fault_t *fault)
{
    *parameter = (pg_parameter_t){0};
    switch (value->kind) {
    case VALUE_NULL:
        return OK;
    case VALUE_INTEGER:
        return write_integer(shape, value->integer, arena, parameter, fault);
    case VALUE_REAL:
        return write_real(shape, value->real, arena, parameter, fault);
    case VALUE_TEXT:
        return write_text(value->bytes, arena, parameter, fault);
    case VALUE_BLOB:
        return write_blob(shape, value->bytes, parameter, fault);
    }
    return refuse(shape, "the value", fault);
}
