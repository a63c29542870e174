/*  Rows that a table had before it was published.  */

#include "actors/server/postgres/cache_private.h"
#include "actors/server/postgres/table_rows.h"

#include <string.h>

/*  A column that is gone again is left out.  */
static err_t
read_values(const replica_t *replica, const table_row_t *row, arena_t *arena, value_t *values,
            fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < row->n; i++) {
        const size_t place = replica_place(replica, row->columns[i]);
        if (place < replica_columns(replica) && row->values[i].kind == 't')
            err = pg_value_read(replica_shape(replica, place), row->values[i].text, arena,
                                &values[place], fault);
    }
    return err;
}

static err_t
check_token(const cache_t *self, const table_row_t *row, fault_t *fault)
{
    if (strcmp(row->token, self->token) == 0)
        return OK;
    return fault_set(fault, ERR_PROTOCOL,
                     "a logical message in the log of the database, about table %.60s, does "
                     "not come from a server: who may call pg_logical_emit_message()?",
                     row->table);
}

/*  What is there of it came before a change that was not published, as a row that was deleted
    meanwhile, or from another table that had its name.  */
static err_t
begin_table(cache_t *self, fault_t *fault)
{
    const err_t err = cache_remember_id(self, self->arriving.table, 0, fault);
    return err == OK ? cache_empty(self, &self->arriving, fault) : err;
}

/*  Without columns it is the news of the table.  */
err_t
cache_present(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    table_row_t row = {0};
    replica_t *replica = NULL;
    err_t err = table_row_read(message->content, &self->arena, &row, fault);
    if (err == OK)
        err = check_token(self, &row, fault);
    if (err == OK)
        err = cache_new_table(self, row.table, &replica, fault);
    if (err != OK || replica == NULL)
        return err;
    if (row.n == 0)
        return begin_table(self, fault);
    value_t *values = arena_new(&self->arena, (replica_columns(replica) + 1) * sizeof *values);
    err = read_values(replica, &row, &self->arena, values, fault);
    replica_row_t written = {.values = values};
    return err == OK ? cache_write(self, replica, "insert", &written, fault) : err;
}

err_t
cache_copy(cache_t *self, const pgoutput_message_t *message, fault_t *fault)
{
    table_row_t row = {0};
    err_t err = table_row_read(message->content, &self->arena, &row, fault);
    if (err == OK)
        err = check_token(self, &row, fault);
    return err == OK
               ? fault_set(fault, ERR_GAP, "table %.60s was published, and is large", row.table)
               : err;
}
