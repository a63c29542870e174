/*  Rows as JSON, in the words of the triggers (capture_sql.c).  */

#include "actors/server/postgres/replica_private.h"
#include "schemas/text.h"

#include <math.h>

/*  SQLite prints the digits.  */
static void
add_real(buffer_t *json, double real)
{
    char digits[40];
    sqlite3_snprintf((int) sizeof digits, digits, "%!.20g", real);
    if (isfinite(real))
        buffer_add_text(json, digits);
    else
        buffer_add_format(json, "{\"$real\":\"%s\"}", digits);
}

static void
add_blob(buffer_t *json, bytes_t bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    buffer_add_text(json, "{\"$hex\":\"");
    for (size_t i = 0; i < bytes.size; i++) {
        const char two[] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 0xf]};
        buffer_add(json, two, sizeof two);
    }
    buffer_add_text(json, "\"}");
}

static void
add_json(buffer_t *json, const value_t *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_add_text(json, "null");
        return;
    case VALUE_INTEGER:
        buffer_add_format(json, "%lld", (long long) value->integer);
        return;
    case VALUE_REAL:
        add_real(json, value->real);
        return;
    case VALUE_TEXT:
        text_to_json(value->bytes, json);
        return;
    case VALUE_BLOB:
        add_blob(json, value->bytes);
        return;
    }
}

bytes_t
replica_row_json(const replica_t *self, const value_t *values, buffer_t *json)
{
    buffer_clear(json);
    for (size_t i = 0; i < self->n; i++) {
        buffer_add(json, i == 0 ? "{" : ",", 1);
        buffer_add_text(json, self->members[i]);
        add_json(json, &values[i]);
    }
    buffer_add(json, "}", 1);
    return buffer_bytes(json);
}

bytes_t
replica_key_json(const replica_t *self, const value_t *values, buffer_t *json)
{
    buffer_clear(json);
    for (size_t i = 0; i < self->n_keys; i++) {
        buffer_add(json, i == 0 ? "{" : ",", 1);
        buffer_add_text(json, self->members[self->keys[i]]);
        add_json(json, &values[self->keys[i]]);
    }
    buffer_add(json, "}", 1);
    return buffer_bytes(json);
}
