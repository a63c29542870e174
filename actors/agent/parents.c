#include "actors/agent/parents.h"

#include <string.h>

enum { KEY_COLUMNS = 16 };

/*  What to ask of a row of that table: the names of the parents that it misses.  */
typedef struct question {
    struct question *next;
    const table_t *table;
    const char *sql; /* empty: it has no foreign keys */
    const char *keys[KEY_COLUMNS];
    size_t n_keys;
} question_t;

/*  SQL that makes the SQL: a key that names no columns of the parent means its primary key,
    and a parent table that does not exist cannot be asked.  */
static const char question_sql[] =
    "WITH f AS (SELECT k.id, k.\"table\" AS parent, k.\"from\" AS child, coalesce(k.\"to\","
    "  (SELECT name FROM pragma_table_info(k.\"table\") WHERE pk = k.seq + 1)) AS target"
    "  FROM pragma_foreign_key_list(?1) AS k"
    "  WHERE EXISTS (SELECT 1 FROM pragma_table_info(k.\"table\"))),"
    " one AS (SELECT parent,"
    "  group_concat(format('c.\"%w\" IS NOT NULL', child), ' AND ') AS given,"
    "  group_concat(format('p.\"%w\" = c.\"%w\"', target, child), ' AND ') AS met"
    "  FROM f GROUP BY id),"
    " of_row AS (SELECT group_concat(format('c.\"%w\" = ?%d', name, pk), ' AND ') AS keys"
    "  FROM pragma_table_info(?1) WHERE pk > 0)"
    "SELECT group_concat(format('SELECT %Q FROM \"%w\" AS c WHERE %s AND %s AND NOT EXISTS"
    " (SELECT 1 FROM \"%w\" AS p WHERE %s)', parent, ?1, keys, given, parent, met),"
    " ' UNION ALL ') FROM one, of_row";

static err_t
read_keys(question_t *question, arena_t *arena, db_t *db, fault_t *fault)
{
    static const char sql[] = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(db, sql, fault, "t", table_name(question->table));
    while (question->n_keys < KEY_COLUMNS && db_step(db, rows, &err, fault))
        question->keys[question->n_keys++] = arena_text(arena, column_text(rows, 0));
    sqlite3_reset(rows);
    return err;
}

static err_t
read_question(question_t *question, arena_t *arena, db_t *db, fault_t *fault)
{
    err_t err = OK;
    question->sql = "";
    if (table_parent(question->table, 0) == NULL)
        return OK;
    sqlite3_stmt *row = db_query(db, question_sql, fault, "t", table_name(question->table));
    if (db_step(db, row, &err, fault))
        question->sql = arena_text(arena, column_text(row, 0));
    sqlite3_reset(row);
    return err == OK ? read_keys(question, arena, db, fault) : err;
}

static err_t
find_question(parents_t *self, db_t *db, const table_t *table, question_t **question,
              fault_t *fault)
{
    *question = self->first;
    while (*question != NULL && (*question)->table != table)
        *question = (*question)->next;
    if (*question != NULL)
        return OK;
    *question = arena_new(self->arena, sizeof **question);
    (*question)->table = table;
    (*question)->next = self->first;
    self->first = *question;
    return read_question(*question, self->arena, db, fault);
}

static err_t
ask(const question_t *question, db_t *db, bytes_t row, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *missing = db_query(db, question->sql, fault, "");
    for (size_t i = 0; missing != NULL && i < question->n_keys; i++) {
        value_t key = {0};
        if (row_find(row, question->keys[i], &key)
            && bind_value(missing, (int) i + 1, &key) != SQLITE_OK)
            return db_error(db, fault, "looking for parents");
    }
    if (db_step(db, missing, &err, fault))
        err = fault_set(fault, ERR_ENTITY_NOT_FOUND,
                        "table %s: there is no row of table %s that this one refers to; it "
                        "waits for that",
                        table_name(question->table), column_text(missing, 0));
    sqlite3_reset(missing);
    return err;
}

err_t
parents_check(parents_t *self, db_t *db, const table_t *table, bytes_t row, fault_t *fault)
{
    question_t *question = NULL;
    const err_t err = find_question(self, db, table, &question, fault);
    return err == OK && question->sql[0] != '\0' ? ask(question, db, row, fault) : err;
}
