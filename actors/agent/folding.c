#include "actors/agent/folding.h"

#include "actors/agent/text_set.h"
#include "schemas/codec.h"

#include <string.h>

/*  Larger ones go alone: together they might fit no frame. And not all that waits is looked at
    each time something is handed out.  */
enum { FOLDED_BYTES = 16384, LOOKED_AT = 2000 };

typedef struct fold {
    uint64_t seq;
    const char *into; /* id */
} fold_t;

typedef struct folding {
    const outbox_reader_t *reader;
    uint64_t after;
    text_set_t bound; /* "table\ncolumn" that others are bound to; "table\n": all of it */
    text_set_t first; /* "table\nkey"; the note is the change that others are folded into */
    fold_t *folds;
    size_t n, room;
    size_t n_seen;
} folding_t;

/*  -------------------------------------------------------------------- bound columns  */

/*  Key columns are not among them: no update changes them. Where a unique index is on an
    expression, or on some rows only, any column may matter.  */
static const char bound_sql[] =
    "WITH bound (tbl, col) AS ("
    " SELECT t.name, f.\"from\" FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f"
    " WHERE t.type = 'table' UNION"
    " SELECT f.\"table\", f.\"to\" FROM sqlite_schema AS t, pragma_foreign_key_list(t.name)"
    " AS f WHERE t.type = 'table' AND f.\"to\" IS NOT NULL UNION"
    " SELECT t.name, CASE WHEN i.partial THEN '' ELSE ifnull(c.name, '') END"
    " FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c"
    " WHERE t.type = 'table' AND i.\"unique\" AND i.origin <> 'pk')"
    " SELECT lower(tbl || char(10) || col) FROM bound WHERE NOT EXISTS (SELECT 1 FROM"
    " pragma_table_info(tbl) AS k WHERE lower(k.name) = lower(col) AND k.pk > 0)";

static err_t
read_bound(folding_t *self, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *rows = db_query(self->reader->db, bound_sql, fault, "");
    while (db_step(self->reader->db, rows, &err, fault))
        text_set_add(&self->bound, column_text(rows, 0));
    return err;
}

/*  As SQLite's lower() does.  */
static void
make_lower(buffer_t *name)
{
    for (size_t i = 0; i < name->size; i++)
        if (name->data[i] >= 'A' && name->data[i] <= 'Z')
            name->data[i] = (uint8_t) (name->data[i] - 'A' + 'a');
}

static bool
is_bound(const folding_t *self, const char *table, bytes_t column)
{
    buffer_t name = {0};
    buffer_add_format(&name, "%s\n%.*s", table, (int) column.size, (const char *) column.data);
    make_lower(&name);
    const bool bound = text_set_has(&self->bound, buffer_text(&name));
    buffer_release(&name);
    return bound;
}

static bool
touches_bound(const folding_t *self, const client_change_t *change)
{
    bytes_t column;
    value_t value;
    bool touches = is_bound(self, change->table, (bytes_t){0});
    row_reader_t row = row_read(change->data);
    while (!touches && row_next(&row, &column, &value))
        touches = is_bound(self, change->table, column);
    return touches;
}

/*  -------------------------------------------------------------------------- choosing  */

static void
add_fold(folding_t *self, uint64_t seq, const char *into)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 64;
        fold_t *folds = arena_new(self->reader->arena, self->room * sizeof *folds);
        for (size_t i = 0; i < self->n; i++)
            folds[i] = self->folds[i];
        self->folds = folds;
    }
    self->folds[self->n++] = (fold_t){seq, arena_text(self->reader->arena, into)};
}

/*  Whatever is no update, or may not be folded, begins its row anew: what follows it cannot
    overtake it.  */
static void
take_alone(folding_t *self, const walk_row_t *row, const char *name)
{
    const bool updates = strcmp(row->change.operation, "update") == 0;
    const char *into = updates ? text_set_note(&self->first, name) : NULL;
    if (into != NULL && row->bytes <= FOLDED_BYTES && !touches_bound(self, &row->change)) {
        add_fold(self, row->seq, into);
        return;
    }
    (void) text_set_remove(&self->first, name);
    if (strcmp(row->change.operation, "delete") != 0 && row->bytes <= FOLDED_BYTES)
        text_set_add_note(&self->first, name, row->change.id);
}

static bool
visit(void *arg, const walk_group_t *group)
{
    folding_t *self = arg;
    const bool alone = group->n == 1 && group->held_by == NULL && !group->flawed;
    if (group->rows[0].seq <= self->after)
        return true;
    for (size_t i = 0; i < group->n; i++) {
        const walk_row_t *row = &group->rows[i];
        buffer_t name = {0};
        buffer_add_format(&name, "%s\n%s", row->change.table, row->key);
        if (alone)
            take_alone(self, row, buffer_text(&name));
        else
            (void) text_set_remove(&self->first, buffer_text(&name));
        buffer_release(&name);
    }
    self->n_seen += group->n;
    return self->n_seen < LOOKED_AT;
}

/*  --------------------------------------------------------------------------- writing  */

static err_t
write_folds(const folding_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n; i++)
        err = db_run(self->reader->db,
                     "UPDATE local_changes SET folded_into = ?2 WHERE rowid = ?1", NULL, fault,
                     "ut", self->folds[i].seq, self->folds[i].into);
    return err;
}

static err_t
commit_folds(const folding_t *self, fault_t *fault)
{
    db_t *db = self->reader->db;
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = write_folds(self, fault);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

err_t
folding_run(const outbox_reader_t *reader, uint64_t after, bool *any, fault_t *fault)
{
    folding_t self = {.reader = reader, .after = after};
    err_t err = read_bound(&self, fault);
    if (err == OK)
        err = walk_outbox(reader, after, visit, &self, fault);
    *any = self.n > 0;
    if (err == OK && self.n > 0)
        err = commit_folds(&self, fault);
    text_set_release(&self.bound);
    text_set_release(&self.first);
    return err;
}

/*  --------------------------------------------------------------------------- sending  */

static bool
find_column(bytes_t row, bytes_t column, value_t *value)
{
    bytes_t name;
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &name, value))
        if (name.size == column.size && memcmp(name.data, column.data, name.size) == 0)
            return true;
    return false;
}

static void
add_column(const outbox_reader_t *reader, buffer_t *out, bytes_t name, const value_t *value)
{
    row_add_name(out, arena_text_of(reader->arena, name.data, name.size));
    row_add(out, value);
}

/*  The columns of both; where both have one, the later one's.  */
static bytes_t
merge(const outbox_reader_t *reader, bytes_t earlier, bytes_t later)
{
    bytes_t name;
    value_t value;
    value_t newer;
    buffer_t columns = {0};
    buffer_t row = {0};
    size_t n = 0;
    for (row_reader_t at = row_read(earlier); row_next(&at, &name, &value); n++)
        add_column(reader, &columns, name, find_column(later, name, &newer) ? &newer : &value);
    for (row_reader_t at = row_read(later); row_next(&at, &name, &value);)
        if (!find_column(earlier, name, &newer)) {
            add_column(reader, &columns, name, &value);
            n++;
        }
    row_begin(&row, n);
    buffer_add(&row, columns.data, columns.size);
    const bytes_t kept = arena_bytes(reader->arena, buffer_bytes(&row));
    buffer_release(&columns);
    buffer_release(&row);
    return kept;
}

err_t
folding_complete(const outbox_reader_t *reader, walk_row_t *row, fault_t *fault)
{
    static const char sql[] = "SELECT data, timestamp FROM local_changes WHERE entity_type = ?1"
                              " AND entity_id = ?2 AND folded_into = ?3 ORDER BY rowid";
    err_t err = OK;
    client_change_t *change = &row->change;
    sqlite3_stmt *rows =
        db_query(reader->db, sql, fault, "ttt", change->table, row->key, change->id);
    while (err == OK && db_step(reader->db, rows, &err, fault)) {
        buffer_t later = {0};
        const bytes_t text = column_bytes(rows, 0);
        err = json_to_msgpack((const char *) text.data, text.size, &later, fault);
        if (err == OK)
            change->data = merge(reader, change->data, buffer_bytes(&later));
        change->updated_at = sqlite3_column_int64(rows, 1);
        row->bytes = change->data.size + CHANGE_OVERHEAD;
        buffer_release(&later);
    }
    sqlite3_reset(rows);
    return err;
}
