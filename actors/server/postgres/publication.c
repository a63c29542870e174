#include "actors/server/postgres/publication.h"

#include "actors/server/postgres/identity_private.h"
#include "actors/server/postgres/table_rows.h"

#include <stdlib.h>
#include <string.h>

struct publication {
    settings_t settings;
    uint64_t connection; /* that the rest was found out on */
    buffer_t told;       /* the last advice */
    buffer_t refused; /* ids of tables that cannot be added, each between commas; 0: options */
};

/*  What the catalog has of it.  */
typedef struct standing {
    bool exists;
    bool complete; /* all operations, and partitions under the name of their root */
} standing_t;

static const char options[] = "publish = 'insert, update, delete, truncate', "
                              "publish_via_partition_root = true";

/*  Who waits for a lock on a table keeps all others from writing to it.  */
static const char begin_sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED; "
                                "SET LOCAL lock_timeout = '1s'; " IDENTITY_LOCK_SQL;

publication_t *
publication_new(const settings_t *settings)
{
    publication_t *self = mem_new(sizeof(*self));
    self->settings = *settings;
    return self;
}

void
publication_destroy(publication_t **self)
{
    if (*self == NULL)
        return;
    buffer_release(&(*self)->told);
    buffer_release(&(*self)->refused);
    free(*self);
    *self = NULL;
}

static err_t
look(publication_t *self, pg_t *pg, standing_t *standing, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = pg_run(pg,
                             "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate "
                             "AND pubviaroot FROM pg_publication WHERE pubname = $1",
                             &result, fault, "t", self->settings.postgres_publication);
    standing->exists = PQntuples(result) > 0;
    standing->complete = standing->exists && pg_text_at(result, 0, 0)[0] == 't';
    PQclear(result);
    return err;
}

/*  Runs what must be done at once; nothing is done if anything fails.  */
static err_t
run_together(pg_t *pg, const char *const *statements, fault_t *fault)
{
    fault_t later = {0};
    err_t err = OK;
    for (; err == OK && *statements != NULL; statements++)
        err = pg_exec(pg, *statements, fault);
    if (err == OK)
        err = pg_exec(pg, "COMMIT", fault);
    if (err != OK && pg_exec(pg, "ROLLBACK", &later) != OK)
        pg_disconnect(pg);
    return err;
}

/*  Has the database refused it for good?  */
static bool
is_refusal(err_t err)
{
    return err != ERR_OFFLINE && err != ERR_BUSY;
}

/*  What was refused once is not tried again on the same connection.  */
static void
write_mark(uint32_t id, char mark[32])
{
    (void) snprintf(mark, 32, ",%lu,", (unsigned long) id);
}

static bool
was_refused(publication_t *self, uint32_t id)
{
    char mark[32];
    write_mark(id, mark);
    return strstr(buffer_text(&self->refused), mark) != NULL;
}

static void
note_refusal(publication_t *self, uint32_t id)
{
    char mark[32];
    write_mark(id, mark);
    if (!was_refused(self, id))
        buffer_add_text(&self->refused, mark);
}

/*  ------------------------------------------------------------ what is done  */

static void
name_publication(const publication_t *self, const char *verb, buffer_t *sql)
{
    buffer_add_text(sql, verb);
    pg_name(sql, self->settings.postgres_publication);
}

static void
name_table(const publication_t *self, const pg_table_t *table, buffer_t *sql)
{
    pg_name(sql, self->settings.postgres_schema);
    buffer_add_text(sql, ".");
    pg_name(sql, table->name);
}

/*  Tables that inherit from it are tables of their own; pieces of it are not.  */
static void
name_member(const publication_t *self, const pg_table_t *table, buffer_t *sql)
{
    buffer_add_text(sql, table->partitioned ? "" : "ONLY ");
    name_table(self, table, sql);
}

static bool
is_wanted(const pg_table_t *table)
{
    return table->fix == NULL && !table->published;
}

static void
write_creation(const publication_t *self, const pg_tables_t *tables, buffer_t *sql)
{
    const char *before = " FOR TABLE ";
    name_publication(self, "CREATE PUBLICATION ", sql);
    for (size_t i = 0; i < pg_tables_count(tables); i++) {
        if (pg_tables_at(tables, i)->fix != NULL)
            continue;
        buffer_add_text(sql, before);
        name_member(self, pg_tables_at(tables, i), sql);
        before = ", ";
    }
    buffer_add_format(sql, " WITH (%s)", options);
}

static void
write_completion(const publication_t *self, buffer_t *sql)
{
    name_publication(self, "ALTER PUBLICATION ", sql);
    buffer_add_format(sql, " SET (%s)", options);
}

static void
write_addition(const publication_t *self, const pg_table_t *table, buffer_t *sql)
{
    name_publication(self, "ALTER PUBLICATION ", sql);
    buffer_add_text(sql, " ADD TABLE ");
    name_member(self, table, sql);
}

/*  ------------------------------------------------------------- the whole  */

/*  No slot is older than it, so no server waits for the rows that are there: each copies them.
    Whoever else was faster has made the same.  */
static err_t
create(publication_t *self, pg_t *pg, const pg_tables_t *tables, buffer_t *advice,
       fault_t *fault)
{
    standing_t standing = {0};
    buffer_t sql = {0};
    fault_t words = {0};
    write_creation(self, tables, &sql);
    err_t err = run_together(pg, (const char *[]){begin_sql, buffer_text(&sql), NULL}, &words);
    if (err != OK && is_refusal(err) && look(self, pg, &standing, fault) == OK
        && standing.exists)
        err = OK;
    if (err != OK && is_refusal(err))
        buffer_add_format(advice, "%s\n", buffer_text(&sql));
    buffer_release(&sql);
    if (err == OK)
        return OK;
    return fault_set(fault, err, "publication %.60s is missing and cannot be made: %.300s",
                     self->settings.postgres_publication, words.text);
}

static err_t
complete(publication_t *self, pg_t *pg, fault_t *fault)
{
    buffer_t sql = {0};
    write_completion(self, &sql);
    err_t err = run_together(pg, (const char *[]){begin_sql, buffer_text(&sql), NULL}, fault);
    buffer_release(&sql);
    if (err != OK && is_refusal(err)) {
        note_refusal(self, 0);
        err = OK;
    }
    return err;
}

/*  --------------------------------------------------------------- one table  */

static err_t
measure(pg_t *pg, const pg_table_t *table, int64_t *bytes, fault_t *fault)
{
    return pg_number(pg,
                     "SELECT pg_table_size($1::bigint::oid) + coalesce((SELECT "
                     "sum(pg_table_size(relid)) FROM pg_partition_tree($1::bigint::oid)), 0)",
                     bytes, fault, "i", (int64_t) table->id);
}

/*  Of a large table the rows would keep its writers waiting for too long.  */
static void
write_rows(const publication_t *self, const pg_table_t *table, int64_t bytes, buffer_t *sql)
{
    enum { MOST_BYTES = 64 << 20 };
    if (bytes <= MOST_BYTES)
        table_rows_write(sql, self->settings.postgres_schema, table);
    else
        table_rows_announce(sql, table);
}

/*  Nobody writes to the table between its rows and what follows in the log. Another server may
    have been faster: then the table is a member, and the statement is refused.  */
static err_t
add_with_rows(publication_t *self, pg_t *pg, const pg_table_t *table, fault_t *fault)
{
    int64_t bytes = 0;
    buffer_t lock = {0};
    buffer_t member = {0};
    buffer_t rows = {0};
    err_t err = measure(pg, table, &bytes, fault);
    if (err != OK)
        return err;
    buffer_add_text(&lock, "LOCK TABLE ");
    name_member(self, table, &lock);
    buffer_add_text(&lock, " IN SHARE ROW EXCLUSIVE MODE");
    write_addition(self, table, &member);
    write_rows(self, table, bytes, &rows);
    const char *const statements[] = {begin_sql, buffer_text(&lock), buffer_text(&member),
                                      buffer_text(&rows), NULL};
    err = run_together(pg, statements, fault);
    buffer_release(&lock);
    buffer_release(&member);
    buffer_release(&rows);
    return err;
}

static err_t
is_member(publication_t *self, pg_t *pg, const pg_table_t *table, bool *member, fault_t *fault)
{
    int64_t n = 0;
    const err_t err =
        pg_number(pg,
                  "SELECT count(*) FROM pg_publication_rel r "
                  "JOIN pg_publication p ON p.oid = r.prpubid "
                  "WHERE p.pubname = $1 AND r.prrelid = $2::bigint::oid",
                  &n, fault, "ti", self->settings.postgres_publication, (int64_t) table->id);
    *member = n > 0;
    return err;
}

/*  A table that others are writing to waits for the next time.  */
static err_t
add(publication_t *self, pg_t *pg, const pg_table_t *table, fault_t *fault)
{
    bool member = false;
    const err_t err = add_with_rows(self, pg, table, fault);
    if (err == OK || err == ERR_BUSY)
        return OK;
    if (!is_refusal(err))
        return err;
    const err_t looked = is_member(self, pg, table, &member, fault);
    if (looked == OK && !member)
        note_refusal(self, table->id);
    return looked;
}

static err_t
add_missing(publication_t *self, pg_t *pg, const pg_tables_t *tables, bool *changed,
            fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < pg_tables_count(tables); i++) {
        const pg_table_t *table = pg_tables_at(tables, i);
        if (!is_wanted(table) || was_refused(self, table->id))
            continue;
        err = add(self, pg, table, fault);
        *changed = true;
    }
    return err;
}

/*  ----------------------------------------------------------------- advice  */

static void
advise_table(publication_t *self, const pg_table_t *table, buffer_t *advice)
{
    if (pg_table_is_synchronised(table))
        return;
    buffer_add_format(
        advice, "table %s is not synchronised%s: ", table->name,
        table->partial ? ", the publication leaves out some of its rows or columns" : "");
    if (table->fix != NULL)
        buffer_add_text(advice, table->fix);
    else if (was_refused(self, table->id))
        write_addition(self, table, advice);
    else
        buffer_add_text(advice, "it will be when no transaction is writing to it");
    buffer_add_text(advice, "\n");
}

static void
advise(publication_t *self, const pg_tables_t *tables, buffer_t *advice)
{
    for (size_t i = 0; i < pg_tables_count(tables); i++)
        advise_table(self, pg_tables_at(tables, i), advice);
    if (was_refused(self, 0)) {
        buffer_add_text(advice, "not everything that is needed is published: ");
        write_completion(self, advice);
        buffer_add_text(advice, "\n");
    }
}

/*  What was said before is not said again.  */
static void
tell(publication_t *self, const buffer_t *found, buffer_t *advice)
{
    const bool same =
        found->size == self->told.size
        && (found->size == 0 || memcmp(found->data, self->told.data, found->size) == 0);
    if (same)
        return;
    buffer_add(advice, found->data, found->size);
    buffer_clear(&self->told);
    buffer_add(&self->told, found->data, found->size);
}

static void
notice_connection(publication_t *self, const pg_t *pg)
{
    if (self->connection == pg_connections(pg))
        return;
    self->connection = pg_connections(pg);
    buffer_clear(&self->told);
    buffer_clear(&self->refused);
}

static err_t
ensure(publication_t *self, pg_t *pg, pg_tables_t **tables, buffer_t *found, fault_t *fault)
{
    standing_t standing = {0};
    bool changed = false;
    err_t err = pg_tables_read(pg, &self->settings, tables, fault);
    if (err == OK)
        err = look(self, pg, &standing, fault);
    if (err == OK && !standing.exists) {
        changed = true;
        err = create(self, pg, *tables, found, fault);
    } else if (err == OK) {
        if (!standing.complete && !was_refused(self, 0))
            err = complete(self, pg, fault);
        if (err == OK)
            err = add_missing(self, pg, *tables, &changed, fault);
    }
    if (err == OK && changed)
        err = pg_tables_read(pg, &self->settings, tables, fault);
    return err;
}

err_t
publication_ensure(publication_t *self, pg_t *pg, pg_tables_t **tables, buffer_t *advice,
                   fault_t *fault)
{
    buffer_t found = {0};
    notice_connection(self, pg);
    const err_t err = ensure(self, pg, tables, &found, fault);
    if (err == OK)
        advise(self, *tables, &found);
    tell(self, &found, advice);
    buffer_release(&found);
    return err;
}
