#include "actors/server/postgres/table_copy.h"

/*  Tables that inherit from it are tables of their own; pieces of it are not.  */
static void
write_copy(buffer_t *sql, const pg_table_t *table, const table_schema_t *schema)
{
    buffer_add_text(sql, "COPY (SELECT ");
    for (size_t i = 0; i < schema->n_columns; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        pg_name(sql, schema->columns[i].name);
    }
    buffer_add_text(sql, table->partitioned ? " FROM " : " FROM ONLY ");
    pg_name(sql, schema->name);
    buffer_add_text(sql, ") TO STDOUT");
}

err_t
table_copy_begin(table_copy_t *self, pg_t *pg, const pg_table_t *table,
                 const table_schema_t *schema, fault_t *fault)
{
    buffer_t sql = {0};
    write_copy(&sql, table, schema);
    const bool sent = PQsendQuery(pg_handle(pg), buffer_text(&sql)) == 1;
    buffer_release(&sql);
    self->begun = false;
    return sent ? OK : pg_error(pg, NULL, "copying a table", fault);
}

void
table_copy_release(table_copy_t *self)
{
    PQfreemem(self->line);
    *self = (table_copy_t){0};
}

/*  The answer to COPY itself: lines follow.  */
static err_t
take_answer(table_copy_t *self, pg_t *pg, fault_t *fault)
{
    PGresult *result = PQgetResult(pg_handle(pg));
    self->begun = PQresultStatus(result) == PGRES_COPY_OUT;
    const err_t err = self->begun ? OK : pg_error(pg, result, "copying a table", fault);
    PQclear(result);
    return err;
}

static err_t
take_end(table_copy_t *self, pg_t *pg, fault_t *fault)
{
    err_t err = OK;
    for (PGresult *result = NULL; (result = PQgetResult(pg_handle(pg))) != NULL;) {
        if (err == OK && PQresultStatus(result) != PGRES_COMMAND_OK)
            err = pg_error(pg, result, "copying a table", fault);
        PQclear(result);
    }
    self->begun = false;
    return err;
}

err_t
table_copy_next(table_copy_t *self, pg_t *pg, copy_step_t *step, bytes_t *line, fault_t *fault)
{
    err_t err = OK;
    *step = COPY_NOTHING;
    table_copy_release(&(table_copy_t){.line = self->line});
    self->line = NULL;
    if (!self->begun && !pg_consume(pg))
        return pg_error(pg, NULL, "copying a table", fault);
    if (!self->begun && PQisBusy(pg_handle(pg)) == 1)
        return OK;
    if (!self->begun)
        err = take_answer(self, pg, fault);
    if (err != OK)
        return err;

    int size = PQgetCopyData(pg_handle(pg), &self->line, 1);
    if (size == 0 && pg_consume(pg))
        size = PQgetCopyData(pg_handle(pg), &self->line, 1);
    if (size > 0) {
        *step = COPY_LINE;
        *line = (bytes_t){(const uint8_t *) self->line, (size_t) size};
    }
    if (size >= 0)
        return OK;
    *step = COPY_END;
    return take_end(self, pg, fault);
}
