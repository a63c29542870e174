#include "actors/server/postgres/check_private.h"
#include "actors/server/postgres/identity.h"
#include "actors/server/postgres/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {
    [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_PROBLEM] = "problem"};

const char *
pg_finding_level_name(pg_finding_level_t level)
{
    return level_names[level];
}

size_t
pg_findings_count(const pg_findings_t *self, pg_finding_level_t level)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        n += self->list[i].level == level;
    return n;
}

void
pg_findings_release(pg_findings_t *self)
{
    free(self->list);
    arena_release(&self->arena);
    *self = (pg_findings_t){0};
}

/*  Copies what the finding points to.  */
static void
add(pg_findings_t *self, const pg_finding_t *finding)
{
    if (self->n == self->room) {
        self->room = self->room > 0 ? self->room * 2 : 32;
        self->list = mem_grow(self->list, self->room * sizeof *self->list);
    }
    self->list[self->n++] = (pg_finding_t){
        .level = finding->level,
        .thing = arena_text(&self->arena, finding->thing),
        .says = arena_text(&self->arena, finding->says),
        .fix = finding->fix != NULL ? arena_text(&self->arena, finding->fix) : NULL,
    };
}

/*  ---------------------------------------------------------------------------- questions  */

static pg_finding_level_t
level_named(const char *name)
{
    pg_finding_level_t level = FINDING_OK;
    while (level < FINDING_PROBLEM && strcmp(level_names[level], name) != 0)
        level++;
    return level;
}

static void
add_rows(pg_findings_t *findings, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++)
        add(findings,
            &(pg_finding_t){.level = level_named(pg_text_at(rows, i, 0)),
                            .thing = pg_text_at(rows, i, 1),
                            .says = pg_text_at(rows, i, 2),
                            .fix = PQgetisnull(rows, i, 3) ? NULL : pg_text_at(rows, i, 3)});
}

/*  What all questions are about.  */
typedef struct asker {
    pg_t *pg;
    const settings_t *settings;
    const char *slot;
    pg_findings_t *findings;
} asker_t;

/*  What one may not ask is no reason not to ask the rest.  */
static err_t
bear(const asker_t *self, const char *thing, err_t err, const fault_t *cause, fault_t *fault)
{
    if (err == ERR_OFFLINE)
        return fault_set(fault, err, "%s", cause->text);
    add(self->findings, &(pg_finding_t){FINDING_WARNING, thing, cause->text, NULL});
    return OK;
}

static err_t
ask(const asker_t *self, const check_query_t *query, fault_t *fault)
{
    static const char me[] = "WITH me AS (SELECT $1::text AS schema, $2::text AS publication, "
                             "$3::text AS slot, $4::bigint AS connections, "
                             "$5::text[] AS tables) ";
    pg_array_t tables = {0};
    fault_t cause = {0};
    PGresult *rows = NULL;
    buffer_t sql = {0};
    buffer_add_text(&sql, me);
    buffer_add_text(&sql, query->sql);
    identity_tables(&tables);
    const err_t err =
        pg_run(self->pg, buffer_text(&sql), &rows, &cause, "tttia",
               self->settings->postgres_schema, self->settings->postgres_publication,
               self->slot, self->settings->postgres_connections, &tables);
    if (err == OK)
        add_rows(self->findings, rows);
    PQclear(rows);
    buffer_release(&sql);
    pg_array_release(&tables);
    return err == OK ? OK : bear(self, query->thing, err, &cause, fault);
}

static err_t
ask_all(const asker_t *self, const check_query_t *queries, fault_t *fault)
{
    err_t err = OK;
    for (; err == OK && queries->sql != NULL; queries++)
        err = ask(self, queries, fault);
    return err;
}

/*  ------------------------------------------------------------------------------- tables  */

static const char *
misfit_of(const pg_table_t *table)
{
    if (table->partial)
        return "the publication leaves out some of its rows or columns: it is not synchronised";
    return table->published ? "it is published, but cannot be synchronised as it is: the "
                              "application may not even be able to write it"
                            : "it cannot be synchronised as it is";
}

static void
judge_table(const asker_t *self, const pg_table_t *table)
{
    buffer_t thing = {0}, fix = {0};
    buffer_add_format(&thing, "table %s", table->name);
    if (table->fix != NULL) {
        buffer_add_format(&fix, "%s;", table->fix);
        add(self->findings,
            &(pg_finding_t){table->published ? FINDING_PROBLEM : FINDING_WARNING,
                            buffer_text(&thing), misfit_of(table), buffer_text(&fix)});
    } else if (!table->published) {
        buffer_add_text(&fix, "ALTER PUBLICATION ");
        pg_name(&fix, self->settings->postgres_publication);
        buffer_add_text(&fix, " ADD TABLE ");
        pg_name(&fix, self->settings->postgres_schema);
        buffer_add_text(&fix, ".");
        pg_name(&fix, table->name);
        buffer_add_text(&fix, ";");
        add(self->findings, &(pg_finding_t){FINDING_WARNING, buffer_text(&thing),
                                            "it is not published; a server does that if the "
                                            "publication is its role's",
                                            buffer_text(&fix)});
    }
    buffer_release(&thing);
    buffer_release(&fix);
}

static void
judge_tables(const asker_t *self, const pg_tables_t *tables)
{
    char says[96];
    size_t published = 0;
    for (size_t i = 0; i < pg_tables_count(tables); i++) {
        const pg_table_t *table = pg_tables_at(tables, i);
        published += pg_table_is_synchronised(table);
        judge_table(self, table);
    }
    (void) snprintf(says, sizeof says, "%zu of %zu in schema %.40s are synchronised", published,
                    pg_tables_count(tables), self->settings->postgres_schema);
    add(self->findings,
        &(pg_finding_t){published > 0 ? FINDING_OK : FINDING_WARNING, "tables", says, NULL});
}

static err_t
check_tables(const asker_t *self, fault_t *fault)
{
    fault_t cause = {0};
    pg_tables_t *tables = NULL;
    const err_t err = pg_tables_read(self->pg, self->settings, &tables, &cause);
    if (err == OK)
        judge_tables(self, tables);
    pg_tables_destroy(&tables);
    return err == OK ? OK : bear(self, "tables", err, &cause, fault);
}

/*  -------------------------------------------------------------------------- replication  */

/*  Shows what no catalog does: what pg_hba.conf and the limits say.  */
static void
check_replication(const asker_t *self)
{
    fault_t cause = {0};
    pg_t *pg = pg_new(self->settings, PG_REPLICATION, "waybill check");
    if (pg_ready(pg, &cause) == OK)
        add(self->findings,
            &(pg_finding_t){FINDING_OK, "replication connection", "it is let in", NULL});
    else
        add(self->findings,
            &(pg_finding_t){FINDING_PROBLEM, "replication connection", cause.text, NULL});
    pg_destroy(&pg);
}

err_t
pg_check(pg_t *pg, const settings_t *settings, const char *slot, pg_findings_t *findings,
         fault_t *fault)
{
    const asker_t self = {.pg = pg, .settings = settings, .slot = slot, .findings = findings};
    err_t err = pg_ready(pg, fault);
    if (err == OK)
        err = ask_all(&self, check_system, fault);
    if (err == OK)
        err = ask_all(&self, check_rights, fault);
    if (err == OK)
        check_replication(&self);
    if (err == OK)
        err = check_tables(&self, fault);
    if (err == OK)
        err = ask_all(&self, check_slots, fault);
    return err;
}
