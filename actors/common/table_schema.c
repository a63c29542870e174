/*  Tables as descriptions that travel, out and in.  */

#include "actors/common/table.h"

#include <ctype.h>
#include <string.h>

/*  The type is the one part of a description that cannot be quoted.  */
static bool
type_is_plain(const char *type)
{
    for (; type != NULL && *type != '\0'; type++)
        if (!isalnum((unsigned char) *type) && strchr(" (),", *type) == NULL)
            return false;
    return true;
}

/*  A type that converts what is stored as the column's own does. ANY would not, in a table
    that is not strict.  */
static const char *
type_of(const table_t *self, const table_column_t *column)
{
    static const char *const plain[] = {[AFFINITY_NUMBER] = "NUMERIC",
                                        [AFFINITY_TEXT] = "TEXT",
                                        [AFFINITY_NONE] = "",
                                        [AFFINITY_REAL] = "REAL"};
    const bool any = self->strict && strcasecmp(column->type, "ANY") == 0;
    return any || !type_is_plain(column->type) ? plain[column->affinity] : column->type;
}

table_schema_t
table_describe(const table_t *self, arena_t *arena)
{
    column_t *columns = arena_new(arena, self->n_columns * sizeof *columns);
    for (size_t i = 0; i < self->n_columns; i++)
        columns[i] = (column_t){.name = arena_text(arena, self->columns[i].name),
                                .type = arena_text(arena, type_of(self, &self->columns[i])),
                                .key = self->columns[i].key,
                                .not_null = self->columns[i].not_null};
    return (table_schema_t){.name = arena_text(arena, self->name),
                            .columns = columns,
                            .n_columns = self->n_columns};
}

static void
add_primary_key(buffer_t *sql, const table_schema_t *schema)
{
    const char *before = ", PRIMARY KEY (";
    for (uint64_t place = 1; place <= schema->n_columns; place++)
        for (size_t i = 0; i < schema->n_columns; i++) {
            if (schema->columns[i].key != place)
                continue;
            buffer_add_text(sql, before);
            sql_name(sql, schema->columns[i].name);
            before = ", ";
        }
    if (before[2] == '\0')
        buffer_add_text(sql, ")");
}

err_t
table_create(db_t *db, const table_schema_t *schema, fault_t *fault)
{
    if (name_is_reserved(schema->name) || schema->name[0] == '\0')
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "table \"%s\": the name is reserved; rename the table", schema->name);
    buffer_t sql = {0};
    buffer_add_text(&sql, "CREATE TABLE IF NOT EXISTS ");
    sql_name(&sql, schema->name);
    err_t err = OK;
    for (size_t i = 0; i < schema->n_columns && err == OK; i++) {
        const column_t *column = &schema->columns[i];
        const bool plain = type_is_plain(column->type);
        if (!plain)
            err = fault_set(fault, ERR_INVALID_CHANGE, "table %s: column %s has no plain type",
                            schema->name, column->name);
        buffer_add_text(&sql, i == 0 ? " (" : ", ");
        sql_name(&sql, column->name);
        buffer_add_format(&sql, " %s%s", plain && column->type != NULL ? column->type : "",
                          column->not_null ? " NOT NULL" : "");
    }
    add_primary_key(&sql, schema);
    buffer_add_text(&sql, ")");
    if (err == OK)
        err = db_exec(db, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

static err_t
add_column(const table_t *self, const column_t *column, fault_t *fault)
{
    fault_t cause = {0};
    buffer_t sql = {0};
    if (column->key != 0)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "table %s: column %s of the server's key is missing; make the table"
                         " anew",
                         self->name, column->name);
    if (!type_is_plain(column->type))
        return fault_set(fault, ERR_INVALID_CHANGE, "table %s: column %s has no plain type",
                         self->name, column->name);
    buffer_add_text(&sql, "ALTER TABLE ");
    sql_name(&sql, self->name);
    buffer_add_text(&sql, " ADD COLUMN ");
    sql_name(&sql, column->name);
    buffer_add_format(&sql, " %s", column->type ? column->type : "");
    const err_t err = db_exec(self->db, buffer_text(&sql), &cause);
    buffer_release(&sql);
    if (err == OK)
        return OK;
    return fault_set(fault, err, "table %s: column %s cannot be added: %s", self->name,
                     column->name, cause.text);
}

err_t
table_extend(const table_t *self, const table_schema_t *schema, bool *extended, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < schema->n_columns; i++) {
        const char *name = schema->columns[i].name;
        if (table_has_column(self, (bytes_t){(const uint8_t *) name, strlen(name)}))
            continue;
        err = add_column(self, &schema->columns[i], fault);
        *extended = true;
    }
    return err;
}
