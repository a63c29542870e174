/*  Values in and out of statements, declared in db.h.  */

#include "actors/common/db.h"

static int
bind_bytes(sqlite3_stmt *statement, int index, bytes_t bytes, bool text)
{
    const char *data = bytes.data != NULL ? (const char *) bytes.data : "";
    if (text)
        return sqlite3_bind_text64(statement, index, data, bytes.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    return sqlite3_bind_blob64(statement, index, data, bytes.size, SQLITE_STATIC);
}

int
bind_value(sqlite3_stmt *statement, int index, const value_t *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(statement, index);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(statement, index, value->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(statement, index, value->real);
    case VALUE_TEXT:
        return bind_bytes(statement, index, value->bytes, true);
    case VALUE_BLOB:
        return bind_bytes(statement, index, value->bytes, false);
    }
    return SQLITE_MISUSE;
}

const char *
column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *) sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

bytes_t
column_bytes(sqlite3_stmt *statement, int column)
{
    const uint8_t *data = sqlite3_column_blob(statement, column);
    return (bytes_t){data, (size_t) sqlite3_column_bytes(statement, column)};
}

value_t
column_value(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return (value_t){.kind = VALUE_INTEGER,
                         .integer = sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
        return (value_t){.kind = VALUE_REAL, .real = sqlite3_column_double(statement, column)};
    case SQLITE_TEXT:
        return (value_t){.kind = VALUE_TEXT, .bytes = column_bytes(statement, column)};
    case SQLITE_BLOB:
        return (value_t){.kind = VALUE_BLOB, .bytes = column_bytes(statement, column)};
    default:
        return (value_t){.kind = VALUE_NULL};
    }
}

void
sql_name(buffer_t *out, const char *name)
{
    buffer_add(out, "\"", 1);
    for (; *name != '\0'; name++)
        buffer_add(out, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    buffer_add(out, "\"", 1);
}
