#include "client/table_sql.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct keys {
    buffer_t text; /* an expression: the key as text */
    size_t n;
    char *name; /* of the first column */
    bool plain; /* its values are compared with a text as numbers or texts */
} keys_t;

static void
add_name(buffer_t *sql, const char *name)
{
    buffer_add_text(sql, "\"");
    for (; *name != '\0'; name++)
        buffer_add_format(sql, *name == '"' ? "\"\"" : "%c", *name);
    buffer_add_text(sql, "\"");
}

/*  By SQLite's rules for the affinity of a declared type.  */
static bool
is_plain(const char *type)
{
    static const char *const parts[] = {"INT", "CHAR", "CLOB", "TEXT"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (strcasestr(type, parts[i]) != NULL)
            return true;
    return false;
}

/*  A blob is written as {"$hex": ...}; in a list a text is quoted.  */
static void
add_key(buffer_t *sql, const char *name, bool in_list)
{
    buffer_add_text(sql, "CASE typeof(");
    add_name(sql, name);
    buffer_add_text(sql, ") WHEN 'blob' THEN '{\"$hex\":\"' || hex(");
    add_name(sql, name);
    buffer_add_text(sql, in_list ? ") || '\"}' ELSE json_quote(" : ") || '\"}' ELSE (");
    add_name(sql, name);
    buffer_add_text(sql, ") END");
}

static err_t
read_keys(reader_t *reader, const char *table, keys_t *keys, fault_t *fault)
{
    static const char sql[] = "SELECT name, type, count(*) OVER () FROM pragma_table_info(?1) "
                              "WHERE pk > 0 ORDER BY pk";
    sqlite3_stmt *statement = NULL;
    err_t err = reader_prepare(reader, sql, NULL, &statement, fault);
    if (err != OK)
        return err;
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    while (reader_step(reader, statement, &err, fault)) {
        const char *name = (const char *) sqlite3_column_text(statement, 0);
        const char *type = (const char *) sqlite3_column_text(statement, 1);
        const bool several = sqlite3_column_int(statement, 2) > 1;
        if (keys->n++ == 0) {
            keys->name = mem_text(name);
            keys->plain = is_plain(type);
            buffer_add_text(&keys->text, several ? "'[' || " : "");
        } else {
            buffer_add_text(&keys->text, " || ',' || ");
        }
        add_key(&keys->text, name, several);
    }
    sqlite3_finalize(statement);
    buffer_add_text(&keys->text, keys->n > 1 ? " || ']'" : "");
    return err;
}

/*  Events spell a table as the database does.  */
static err_t
read_name(reader_t *reader, const char *table, char **name, fault_t *fault)
{
    static const char sql[] = "SELECT name FROM sqlite_schema WHERE type = 'table'"
                              " AND name = ?1 COLLATE NOCASE";
    sqlite3_stmt *statement = NULL;
    err_t err = reader_prepare(reader, sql, NULL, &statement, fault);
    if (err != OK)
        return err;
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    if (reader_step(reader, statement, &err, fault))
        *name = mem_text((const char *) sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return err;
}

static void
write_sql(table_sql_t *self, keys_t *keys)
{
    buffer_add_format(&self->all, "SELECT %s, * FROM ", buffer_text(&keys->text));
    add_name(&self->all, self->name);
    if (keys->n > 1 || !keys->plain)
        return;
    buffer_add_format(&self->one, "%s WHERE ", buffer_text(&self->all));
    add_name(&self->one, keys->name);
    buffer_add_text(&self->one, " = ?1");
}

err_t
table_sql_make(reader_t *reader, const char *table, table_sql_t *self, fault_t *fault)
{
    keys_t keys = {0};
    err_t err = read_name(reader, table, &self->name, fault);
    if (err == OK && self->name != NULL)
        err = read_keys(reader, self->name, &keys, fault);
    if (err == OK && self->name == NULL)
        err =
            fault_set(fault, ERR_NOT_FOUND, "table %.64s: the agent has no such table", table);
    else if (err == OK && keys.n == 0)
        err = fault_set(fault, ERR_NOT_FOUND, "table %.64s: it has no primary key", table);
    if (err == OK)
        write_sql(self, &keys);
    else
        table_sql_release(self);
    buffer_release(&keys.text);
    free(keys.name);
    return err;
}

void
table_sql_release(table_sql_t *self)
{
    free(self->name);
    buffer_release(&self->all);
    buffer_release(&self->one);
    *self = (table_sql_t){0};
}
