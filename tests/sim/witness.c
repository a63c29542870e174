#include "tests/sim/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
witness_begin(witness_t *self, const char *name, const char *path, history_t *history)
{
    *self = (witness_t){.name = name, .history = history, .glance.path = path};
}

void
witness_end(witness_t *self)
{
    sqlite3_finalize(self->position);
    sqlite3_finalize(self->changes);
    sqlite3_finalize(self->changes_of_row);
    for (size_t i = 0; i < TABLES; i++)
        sqlite3_finalize(self->rows[i]);
    glance_close(&self->glance);
    free(self->own);
}

#define CHANGES                                                                                \
    "SELECT entity_type, entity_id, operation, verdict, coalesce(lsn, 0),"                     \
    " iif(json_type(data, '$.value') IS NULL, '', quote(json_extract(data, '$.value'))),"      \
    " iif(json_type(data, '$.owner') IS NULL, '', quote(json_extract(data, '$.owner')))"       \
    " FROM local_changes WHERE from_server = 0 AND "

/*  The tables come with the first connection; before, there is nothing to be wrong.  */
static bool
prepare(witness_t *self)
{
    static const char position_sql[] = "SELECT epoch, lsn, client_id FROM sync_state";
    static const char changes_sql[] = CHANGES "(processed_sync = 0 OR lsn > ?1) ORDER BY rowid";
    static const char changes_of_row_sql[] =
        CHANGES "entity_type = ?1 AND entity_id = ?2 ORDER BY rowid";
    static const char *const rows_sql[TABLES] = {
        "SELECT id, quote(value), quote(owner) FROM item",
        "SELECT id, quote(value), quote(owner) FROM part",
        "SELECT id, quote(value), quote(owner) FROM entry_log",
    };
    if (self->rows[TABLES - 1])
        return true;
    if (self->position == NULL)
        self->position = glance_prepare(&self->glance, position_sql);
    if (self->changes == NULL)
        self->changes = glance_prepare(&self->glance, changes_sql);
    if (self->changes_of_row == NULL)
        self->changes_of_row = glance_prepare(&self->glance, changes_of_row_sql);
    for (size_t i = 0; i < TABLES; i++)
        if (self->rows[i] == NULL)
            self->rows[i] = glance_prepare(&self->glance, rows_sql[i]);
    return self->position && self->changes && self->changes_of_row && self->rows[TABLES - 1];
}

/*  -------------------------------------------------------------------------- the position  */

/*  False: a snapshot is still coming in, and the rows are of no single position.  */
static bool
read_position(witness_t *self, buffer_t *complaints)
{
    uint64_t before = self->lsn;
    bool same = false;
    if (sqlite3_step(self->position) == SQLITE_ROW) {
        same = strcmp(self->epoch, glance_text(self->position, 0)) == 0;
        (void) snprintf(self->epoch, sizeof self->epoch, "%s", glance_text(self->position, 0));
        self->lsn = (uint64_t) sqlite3_column_int64(self->position, 1);
        (void) snprintf(self->client_id, sizeof self->client_id, "%s",
                        glance_text(self->position, 2));
    }
    sqlite3_reset(self->position);
    if (same && self->lsn > 0 && self->lsn < before)
        buffer_add_format(complaints, "%s: the position fell from %" PRIu64 " to %" PRIu64 "\n",
                          self->name, before, self->lsn);
    if (self->lsn == 0 || strcmp(self->epoch, history_epoch(self->history)) != 0)
        return false;
    if (self->lsn > history_head(self->history))
        buffer_add_format(complaints, "%s: at %" PRIu64 ", and the server at %" PRIu64 "\n",
                          self->name, self->lsn, history_head(self->history));
    return true;
}

/*  -------------------------------------------------------------------- what stands above  */

static void
read_change(witness_t *self, sqlite3_stmt *row)
{
    if (self->n_own == self->own_room) {
        self->own_room = self->own_room * 2 + 16;
        self->own = mem_grow(self->own, self->own_room * sizeof *self->own);
    }
    own_t *own = &self->own[self->n_own++];
    *own = (own_t){
        .entity = history_entity(self->history, glance_text(row, 0), glance_text(row, 1)),
        .undecided = glance_text(row, 3)[0] == '\0',
        .applied = strcmp(glance_text(row, 3), "applied") == 0,
        .lsn = (uint64_t) sqlite3_column_int64(row, 4),
    };
    (void) snprintf(own->operation, sizeof own->operation, "%s", glance_text(row, 2));
    for (int i = 0; i < CELLS; i++)
        (void) snprintf(own->cells.text[i], CELL_ROOM, "%s", glance_text(row, 5 + i));
}

static void
read_changes(witness_t *self, sqlite3_stmt *changes)
{
    self->n_own = 0;
    while (sqlite3_step(changes) == SQLITE_ROW)
        read_change(self, changes);
    sqlite3_reset(changes);
}

static void
lay(cells_t *cells, const own_t *own)
{
    const bool inserts = strcmp(own->operation, "insert") == 0;
    const bool was_there = cells->there;
    cells->there = inserts || (was_there && strcmp(own->operation, "delete") != 0);
    for (size_t i = 0; cells->there && i < CELLS; i++) {
        const char *named = own->cells.text[i];
        if (named[0] || !was_there)
            (void) snprintf(cells->text[i], CELL_ROOM, "%s", named[0] ? named : "NULL");
    }
}

/*  On top of the server's row at that position.  */
static cells_t
expected_at(const witness_t *self, const entity_t *entity, uint64_t lsn)
{
    cells_t cells = entity_at(entity, lsn);
    for (size_t i = 0; i < self->n_own; i++) {
        const own_t *own = &self->own[i];
        if (own->entity == entity && (own->undecided || (own->applied && own->lsn > lsn)))
            lay(&cells, own);
    }
    return cells;
}

/*  ------------------------------------------------------------------------------ the rows  */

/*  Versions that the replica made itself are not sent to it: its own changes stand for them. */
static bool
may_be_below(const witness_t *self, const entity_t *entity, uint64_t lsn)
{
    for (size_t i = 0; i < entity->n; i++) {
        const version_t *version = &entity->versions[i];
        if (version->lsn > lsn && version->lsn <= self->lsn
            && strcmp(version->author, self->client_id) != 0)
            return false;
    }
    return true;
}

static bool
is_on(const witness_t *self, const entity_t *entity, uint64_t lsn, const cells_t *cells)
{
    const cells_t expected = expected_at(self, entity, lsn);
    return may_be_below(self, entity, lsn) && cells_equal(cells, &expected);
}

/*  On any version that the replica may have below its own changes of the row. It may be ahead
    of the stream: a verdict shows the server's row of its own, later, position, and one that
    is repeated the row of that day.  */
static bool
is_possible(witness_t *self, const entity_t *entity, const cells_t *cells)
{
    sqlite3_bind_text(self->changes_of_row, 1, sim_tables[entity->table], -1, SQLITE_STATIC);
    sqlite3_bind_text(self->changes_of_row, 2, entity->id, -1, SQLITE_STATIC);
    read_changes(self, self->changes_of_row);
    bool possible = is_on(self, entity, 0, cells);
    for (size_t i = 0; !possible && i < entity->n
                       && (self->n_own > 0 || entity->versions[i].lsn <= self->lsn);
         i++)
        possible = is_on(self, entity, entity->versions[i].lsn, cells);
    return possible;
}

static void
describe(const cells_t *self, buffer_t *out)
{
    if (self->there)
        buffer_add_format(out, "(%s, %s)", self->text[0], self->text[1]);
    else
        buffer_add_text(out, "absent");
}

static void
complain(const witness_t *self, const entity_t *entity, const cells_t *cells,
         buffer_t *complaints)
{
    const cells_t expected = expected_at(self, entity, self->lsn);
    buffer_add_format(complaints, "%s: at %" PRIu64 " %s %s is ", self->name, self->lsn,
                      sim_tables[entity->table], entity->id);
    describe(cells, complaints);
    buffer_add_text(complaints, ", not ");
    describe(&expected, complaints);
    buffer_add_text(complaints, "\n");
}

static void
judge(witness_t *self, const entity_t *entity, const cells_t *cells, buffer_t *complaints)
{
    const cells_t expected = expected_at(self, entity, self->lsn);
    if (cells_equal(cells, &expected))
        return;
    if (!is_possible(self, entity, cells))
        complain(self, entity, cells, complaints);
    read_changes(self, self->changes);
}

static void
look_at_table(witness_t *self, size_t table, buffer_t *complaints)
{
    sqlite3_stmt *row = self->rows[table];
    while (sqlite3_step(row) == SQLITE_ROW) {
        cells_t cells = {.there = true};
        entity_t *entity =
            history_entity(self->history, sim_tables[table], glance_text(row, 0));
        for (int i = 0; i < CELLS; i++)
            (void) snprintf(cells.text[i], CELL_ROOM, "%s", glance_text(row, 1 + i));
        entity->look = self->looks;
        judge(self, entity, &cells, complaints);
    }
    sqlite3_reset(row);
}

static void
look_for_absent(witness_t *self, buffer_t *complaints)
{
    static const cells_t absent;
    for (entity_t *entity = history_first(self->history); entity; entity = entity->next)
        if (entity->look != self->looks)
            judge(self, entity, &absent, complaints);
}

void
witness_look(witness_t *self, buffer_t *complaints)
{
    static uint64_t looks; /* of all witnesses: entities are shared */
    if (!glance_changed(&self->glance) || !prepare(self))
        return;
    history_follow(self->history, complaints);
    self->looks = ++looks;
    sqlite3_exec(self->glance.db, "BEGIN", NULL, NULL, NULL);
    if (read_position(self, complaints)) {
        sqlite3_bind_int64(self->changes, 1, (int64_t) self->lsn);
        read_changes(self, self->changes);
        for (size_t i = 0; i < TABLES; i++)
            look_at_table(self, i, complaints);
        look_for_absent(self, complaints);
    }
    sqlite3_exec(self->glance.db, "COMMIT", NULL, NULL, NULL);
}
