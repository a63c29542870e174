#include "actors/server/rule_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*  ----------------------------------------------------------------------- compiling  */

/*  Whatever an expression may do: look, and compute. The names of the tables it looks into
    are collected.  */
static int
// NOLINTNEXTLINE(readability-function-size): its parameters are SQLite's
authorize(void *arg, int action, const char *first, const char *second, const char *database,
          const char *trigger)
{
    rule_t *self = arg;
    (void) database;
    (void) trigger;
    if (action == SQLITE_SELECT || action == SQLITE_RECURSIVE)
        return SQLITE_OK;
    if (action == SQLITE_READ) {
        buffer_add(&self->needs, first, strlen(first) + 1);
        return SQLITE_OK;
    }
    if (action == SQLITE_FUNCTION && strcasecmp(second, "load_extension") != 0)
        return SQLITE_OK;
    self->refused = "it does more than look";
    return SQLITE_DENY;
}

static void
add_columns(const rule_t *self, buffer_t *sql)
{
    for (size_t i = 0; i < self->schema.n_columns; i++) {
        buffer_add_text(sql, i > 0 ? ", " : "");
        sql_name(sql, self->schema.columns[i].name);
    }
}

static void
add_parameters(const rule_t *self, buffer_t *sql)
{
    for (size_t i = 0; i < self->schema.n_columns; i++)
        buffer_add_format(sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
}

/*  In the first of two SELECTs the columns are the table's, which gives them their affinity
    and collation. Without it, what the condition alone looks into can be told.  */
static void
write_sql(const rule_t *self, const char *condition, bool typed, bool truth, buffer_t *sql)
{
    buffer_clear(sql);
    buffer_add_text(sql, "WITH waybill_row (");
    add_columns(self, sql);
    buffer_add_text(sql, ") AS (");
    if (typed) {
        buffer_add_text(sql, "SELECT ");
        add_columns(self, sql);
        buffer_add_text(sql, " FROM main.");
        sql_name(sql, self->schema.name);
        buffer_add_text(sql, " WHERE 0 UNION ALL ");
    }
    buffer_add_text(sql, "SELECT ");
    add_parameters(self, sql);
    buffer_add_format(sql, ") SELECT (%s\n)%s FROM waybill_row AS ", condition,
                      truth ? " IS TRUE" : "");
    sql_name(sql, self->schema.name);
}

static err_t
refuse(const rule_t *self, const condition_t *condition, const char *cause, fault_t *fault)
{
    return fault_set(fault, ERR_CONFIG, "tables.%s.%s: %s; correct the setting",
                     self->schema.name, condition->key, cause);
}

/*  The user is the only parameter beside the columns.  */
static err_t
find_user(const rule_t *self, condition_t *condition, fault_t *fault)
{
    const int columns = (int) self->schema.n_columns;
    const int parameters = sqlite3_bind_parameter_count(condition->statement);
    condition->user = sqlite3_bind_parameter_index(condition->statement, ":user_id");
    if (parameters > columns + (condition->user != 0))
        return refuse(self, condition, "the only parameter is :user_id", fault);
    return OK;
}

static err_t
prepare(const rule_t *self, condition_t *condition, const char *sql, fault_t *fault)
{
    const char *rest = NULL;
    sqlite3_finalize(condition->statement);
    condition->statement = NULL;
    const int code = sqlite3_prepare_v3(db_handle(self->db), sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &condition->statement, &rest);
    if (code != SQLITE_OK)
        return refuse(self, condition,
                      self->refused ? self->refused : sqlite3_errmsg(db_handle(self->db)),
                      fault);
    if (rest[strspn(rest, " \t\r\n;")] != '\0' || !sqlite3_stmt_readonly(condition->statement))
        return refuse(self, condition, "it is more than an expression", fault);
    return find_user(self, condition, fault);
}

/*  Once to see what it looks into, once for use.  */
static err_t
compile(rule_t *self, right_t right, fault_t *fault)
{
    buffer_t sql = {0};
    condition_t *condition = &self->conditions[right];
    const bool truth = right != RIGHT_CHECK;
    if (condition->sql[0] == '\0')
        return OK;
    write_sql(self, condition->sql, false, truth, &sql);
    sqlite3_set_authorizer(db_handle(self->db), authorize, self);
    err_t err = prepare(self, condition, buffer_text(&sql), fault);
    sqlite3_set_authorizer(db_handle(self->db), NULL, NULL);
    write_sql(self, condition->sql, true, truth, &sql);
    if (err == OK)
        err = prepare(self, condition, buffer_text(&sql), fault);
    buffer_release(&sql);
    return err;
}

/*  --------------------------------------------------------------- what reading needs  */

static const char *
next_need(const rule_t *self, const char *need)
{
    const char *begin = (const char *) self->needs.data;
    const char *next = need ? need + strlen(need) + 1 : begin;
    return next && (size_t) (next - begin) < self->needs.size ? next : NULL;
}

bool
rule_depends_on(const rule_t *self, const char *table)
{
    for (const char *need = next_need(self, NULL); need; need = next_need(self, need))
        if (strcasecmp(need, table) == 0)
            return true;
    return false;
}

static bool
is_captured(catalog_t *catalog, const char *name)
{
    for (size_t i = 0; i < catalog_count(catalog); i++) {
        const table_t *table = catalog_at(catalog, i);
        if (strcasecmp(table_name(table), name) == 0)
            return table_key(table) != NULL;
    }
    return false;
}

/*  The tables that a view is made of are named beside it.  */
static bool
is_view(const rule_t *self, const char *name)
{
    static const char sql[] = "SELECT 1 FROM sqlite_schema WHERE type = 'view'"
                              " AND name = ?1 COLLATE NOCASE";
    err_t err = OK;
    sqlite3_stmt *statement = db_query(self->db, sql, NULL, "t", name);
    const bool found = db_step(self->db, statement, &err, NULL);
    sqlite3_reset(statement);
    return found;
}

/*  When one of them changes, others may see other rows: that must be noticed.  */
static err_t
check_needs(const rule_t *self, catalog_t *catalog, fault_t *fault)
{
    char cause[200];
    for (const char *need = next_need(self, NULL); need; need = next_need(self, need)) {
        if (is_captured(catalog, need) || is_view(self, need))
            continue;
        (void) snprintf(cause, sizeof cause,
                        "it looks into %.80s, which is no table that is synchronised", need);
        return refuse(self, &self->conditions[RIGHT_READ], cause, fault);
    }
    return OK;
}

/*  ------------------------------------------------------------------- hidden columns  */

static err_t
hide(rule_t *self, const char *name, size_t size, fault_t *fault)
{
    for (size_t i = 0; i < self->schema.n_columns; i++) {
        const column_t *column = &self->schema.columns[i];
        if (strlen(column->name) != size || memcmp(column->name, name, size) != 0)
            continue;
        self->hidden[i] = true;
        if (column->key == 0)
            return OK;
        return fault_set(fault, ERR_CONFIG,
                         "tables.%s.server_only: %s is part of the key, which clients need",
                         self->schema.name, column->name);
    }
    return fault_set(fault, ERR_CONFIG,
                     "tables.%s.server_only: there is no column \"%.*s\"; correct the setting",
                     self->schema.name, (int) size, name);
}

static err_t
hide_all(rule_t *self, const char *names, fault_t *fault)
{
    static const char separators[] = ", \t";
    err_t err = OK;
    self->hidden = arena_new(&self->arena, self->schema.n_columns * sizeof *self->hidden);
    while (err == OK && *(names += strspn(names, separators)) != '\0') {
        const size_t size = strcspn(names, separators);
        err = hide(self, names, size, fault);
        names += size;
    }
    return err;
}

/*  ------------------------------------------------------------------- making, ending  */

bool
rule_is_needed(const table_settings_t *settings)
{
    return settings->tables_read[0] != '\0' || settings->tables_write[0] != '\0'
           || settings->tables_check[0] != '\0' || settings->tables_server_only[0] != '\0';
}

static rule_t *
new_rule(db_t *db, const table_t *table, const table_settings_t *settings)
{
    rule_t *self = mem_new(sizeof *self);
    self->db = db;
    self->settings = settings;
    self->schema = table_describe(table, &self->arena);
    self->conditions[RIGHT_CHECK] =
        (condition_t){.key = "check", .sql = settings->tables_check};
    self->conditions[RIGHT_WRITE] =
        (condition_t){.key = "write", .sql = settings->tables_write};
    self->conditions[RIGHT_READ] = (condition_t){.key = "read", .sql = settings->tables_read};
    return self;
}

err_t
rule_compile(db_t *db, catalog_t *catalog, const table_settings_t *settings, rule_t **self,
             fault_t *fault)
{
    const table_t *table = catalog_table(catalog, settings->name);
    if (table == NULL || table_key(table) == NULL)
        return fault_set(fault, ERR_CONFIG,
                         "tables.%s: the database has no such table with a key; correct the "
                         "name, or make it in server.schema",
                         settings->name);
    *self = new_rule(db, table, settings);
    err_t err = hide_all(*self, settings->tables_server_only, fault);
    if (err == OK)
        err = compile(*self, RIGHT_CHECK, fault);
    if (err == OK)
        err = compile(*self, RIGHT_WRITE, fault);
    buffer_clear(&(*self)->needs);
    if (err == OK)
        err = compile(*self, RIGHT_READ, fault);
    if (err == OK)
        err = check_needs(*self, catalog, fault);
    if (err != OK)
        rule_destroy(self);
    return err;
}

void
rule_destroy(rule_t **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < RIGHT_COUNT; i++)
        sqlite3_finalize((*self)->conditions[i].statement);
    buffer_release(&(*self)->needs);
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

const char *
rule_table(const rule_t *self)
{
    return self->schema.name;
}

bool
rule_asks(const rule_t *self, right_t right)
{
    return self->conditions[right].statement != NULL;
}
