#include "change.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 20, VALUE = 400, KEYS = 2 };

typedef struct field {
    const char *name;
    field_kind_t kind;
    char value[VALUE];
} field_t;

typedef struct change {
    const char *operation, *table;
    field_t fields[FIELDS]; /* keys first */
    int n, n_keys;
} change_t;

/*  The transaction that is being gathered; there is one at a time.  */
static change_t *gathered;
static size_t n_gathered, room;

void
change_begin(const char *operation, const char *table)
{
    if (n_gathered == room) {
        room = room * 2 + 8;
        gathered = realloc(gathered, room * sizeof *gathered);
        if (!gathered)
            abort();
    }
    change_t *change = &gathered[n_gathered];
    change->operation = operation;
    change->table = table;
    change->n = change->n_keys = 0;
}

void
change_add(const char *name, field_kind_t kind, const char *value)
{
    change_t *change = &gathered[n_gathered];
    if (change->n == FIELDS || strlen(value) >= VALUE)
        abort();
    field_t *field = &change->fields[change->n++];
    field->name = name;
    field->kind = kind;
    strcpy(field->value, value);
}

void
change_addf(const char *name, field_kind_t kind, const char *format, ...)
{
    char value[VALUE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    change_add(name, kind, value);
}

void
change_key(const char *name, const char *id)
{
    change_add(name, FIELD_TEXT, id);
    gathered[n_gathered].n_keys++;
}

void
change_end(void)
{
    n_gathered++;
}

/*  ------------------------------------------------------------------------------- values  */

static void
print_json(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", stdout);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void
print_literal(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'')
            putchar('\'');
        putchar(*text);
    }
    putchar('\'');
}

/*  Of an array, PostgreSQL quotes only what has to be; JSON everything.  */
static char *
add_item(char *to, const char *item, bool quoted)
{
    if (quoted)
        *to++ = '"';
    for (; *item; item++) {
        if (*item == '"' || *item == '\\')
            *to++ = '\\';
        *to++ = *item;
    }
    if (quoted)
        *to++ = '"';
    return to;
}

static const char *
list_text(const char *value, bool sqlite, char text[2 * VALUE])
{
    char items[VALUE], *rest = items, *to = text;
    strcpy(items, value);
    *to++ = sqlite ? '[' : '{';
    for (char *item; *value && (item = strsep(&rest, "|"));) {
        if (to > text + 1)
            *to++ = ',';
        to = add_item(to, item, sqlite || strpbrk(item, " \"\\{},"));
    }
    *to++ = sqlite ? ']' : '}';
    *to = 0;
    return text;
}

static void
print_base64(const char *hex)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, n_bits = 0, n = 0;
    for (; *hex; hex++) {
        bits = bits << 4 | (unsigned) (strchr("0123456789abcdef", *hex) - "0123456789abcdef");
        for (n_bits += 4; n_bits >= 6; n++)
            putchar(letters[bits >> (n_bits -= 6) & 63]);
    }
    if (n_bits > 0)
        putchar(letters[bits << (6 - n_bits) & 63]), n++;
    for (; n % 4 != 0; n++)
        putchar('=');
}

static void
print_value_json(const field_t *field, bool sqlite)
{
    char list[2 * VALUE];
    if (field->kind == FIELD_TEXT) {
        print_json(field->value);
    } else if (field->kind == FIELD_LIST) {
        print_json(list_text(field->value, sqlite, list));
    } else if (field->kind == FIELD_BYTES) {
        fputs("{\"$blob\":\"", stdout);
        print_base64(field->value);
        fputs("\"}", stdout);
    } else {
        fputs(field->value, stdout);
    }
}

static void
print_value_sql(const field_t *field, bool sqlite)
{
    char list[2 * VALUE];
    if (field->kind == FIELD_TEXT)
        print_literal(field->value);
    else if (field->kind == FIELD_LIST)
        print_literal(list_text(field->value, sqlite, list));
    else if (field->kind == FIELD_BYTES)
        printf(sqlite ? "x'%s'" : "'\\x%s'", field->value);
    else if (field->kind == FIELD_BOOLEAN)
        fputs(field->value[0] == '1' ? "TRUE" : "FALSE", stdout);
    else
        fputs(field->value, stdout);
}

/*  ------------------------------------------------------------------------------ changes  */

static void
print_id(const change_t *change)
{
    if (change->n_keys == 1)
        print_json(change->fields[0].value);
    else /* UUIDs have nothing to escape */
        printf("\"[\\\"%s\\\",\\\"%s\\\"]\"", change->fields[0].value, change->fields[1].value);
}

static void
print_change_json(const change_t *change, bool sqlite)
{
    printf("{\"table\":\"%s\",\"operation\":\"%s\",\"id\":", change->table, change->operation);
    print_id(change);
    if (strcmp(change->operation, "delete") != 0) {
        fputs(",\"data\":{", stdout);
        for (int i = change->n_keys; i < change->n; i++) {
            printf("%s\"%s\":", i > change->n_keys ? "," : "", change->fields[i].name);
            print_value_json(&change->fields[i], sqlite);
        }
        putchar('}');
    }
    putchar('}');
}

/*  "name = value" of the fields from one to before another, with that in between.  */
static void
print_pairs(const change_t *change, int from, int to, const char *between, bool sqlite)
{
    for (int i = from; i < to; i++) {
        printf("%s%s = ", i > from ? between : "", change->fields[i].name);
        print_value_sql(&change->fields[i], sqlite);
    }
}

static void
print_insert(const change_t *change, bool sqlite)
{
    printf("INSERT INTO %s (", change->table);
    for (int i = 0; i < change->n; i++)
        printf("%s%s", i > 0 ? ", " : "", change->fields[i].name);
    fputs(") VALUES (", stdout);
    for (int i = 0; i < change->n; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        print_value_sql(&change->fields[i], sqlite);
    }
    putchar(')');
}

static void
print_change_sql(const change_t *change, bool sqlite)
{
    if (strcmp(change->operation, "insert") == 0) {
        print_insert(change, sqlite);
    } else {
        bool gone = strcmp(change->operation, "delete") == 0;
        printf(gone ? "DELETE FROM %s" : "UPDATE %s SET ", change->table);
        print_pairs(change, change->n_keys, change->n, ", ", sqlite);
        fputs(" WHERE ", stdout);
        print_pairs(change, 0, change->n_keys, " AND ", sqlite);
    }
    fputs(";\n", stdout);
}

void
change_commit(change_style_t style)
{
    fputs(style.sql ? "BEGIN;\n" : "{\"changes\":[", stdout);
    for (size_t i = 0; i < n_gathered; i++) {
        if (style.sql) {
            print_change_sql(&gathered[i], style.sqlite);
        } else {
            fputs(i > 0 ? "," : "", stdout);
            print_change_json(&gathered[i], style.sqlite);
        }
    }
    fputs(style.sql ? "COMMIT;\n" : "]}\n", stdout);
    n_gathered = 0;
}
