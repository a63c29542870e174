#include "tests/sim/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sim_tables[TABLES] = {"item", "part", "entry_log"};

enum { SLOTS = 1024 };

typedef struct slot {
    entity_t *entity;
    struct slot *next;
} slot_t;

struct history {
    glance_t glance;
    sqlite3_stmt *head_query, *log_query;
    char epoch[UUID_TEXT];
    uint64_t head;
    int64_t row; /* last one read of the log */
    entity_t *entities;
    slot_t *slots[SLOTS];
};

history_t *
history_new(const char *server_path)
{
    history_t *self = mem_new(sizeof *self);
    self->glance.path = server_path;
    return self;
}

static void
entity_destroy(entity_t *self)
{
    free(self->versions);
    free(self);
}

void
history_destroy(history_t **self_p)
{
    history_t *self = *self_p;
    if (self == NULL)
        return;
    for (entity_t *entity = self->entities, *next; entity; entity = next) {
        next = entity->next;
        entity_destroy(entity);
    }
    for (size_t i = 0; i < SLOTS; i++)
        for (slot_t *slot = self->slots[i], *next; slot; slot = next) {
            next = slot->next;
            free(slot);
        }
    sqlite3_finalize(self->head_query);
    sqlite3_finalize(self->log_query);
    glance_close(&self->glance);
    free(self);
    *self_p = NULL;
}

/*  ----------------------------------------------------------------------------- entities  */

static size_t
slot_of(const char *table, const char *id)
{
    uint32_t hash = (uint8_t) table[0];
    for (; *id; id++)
        hash = hash * 31 + (uint8_t) *id;
    return hash % SLOTS;
}

static size_t
table_index(const char *table)
{
    size_t i = 0;
    while (i + 1 < TABLES && strcmp(sim_tables[i], table) != 0)
        i++;
    return i;
}

entity_t *
history_entity(history_t *self, const char *table, const char *id)
{
    const size_t index = table_index(table);
    slot_t **slots = &self->slots[slot_of(table, id)];
    for (slot_t *slot = *slots; slot; slot = slot->next)
        if (slot->entity->table == index && strcmp(slot->entity->id, id) == 0)
            return slot->entity;
    entity_t *entity = mem_new(sizeof *entity);
    entity->table = index;
    (void) snprintf(entity->id, sizeof entity->id, "%s", id);
    entity->next = self->entities;
    self->entities = entity;
    slot_t *slot = mem_new(sizeof *slot);
    *slot = (slot_t){.entity = entity, .next = *slots};
    *slots = slot;
    return entity;
}

entity_t *
history_first(const history_t *self)
{
    return self->entities;
}

cells_t
entity_at(const entity_t *self, uint64_t lsn)
{
    size_t n = self->n;
    while (n > 0 && self->versions[n - 1].lsn > lsn)
        n--;
    return n > 0 ? self->versions[n - 1].cells : (cells_t){0};
}

bool
cells_equal(const cells_t *self, const cells_t *other)
{
    bool equal = self->there == other->there;
    for (size_t i = 0; equal && self->there && i < CELLS; i++)
        equal = strcmp(self->text[i], other->text[i]) == 0;
    return equal;
}

/*  ---------------------------------------------------------------------------- following  */

static void
add_version(entity_t *self, const version_t *version)
{
    if (self->n > 0 && self->versions[self->n - 1].lsn == version->lsn) {
        self->versions[self->n - 1] = *version;
        return;
    }
    if (self->n == self->room) {
        self->room = self->room * 2 + 4;
        self->versions = mem_grow(self->versions, self->room * sizeof *self->versions);
    }
    self->versions[self->n++] = *version;
}

static void
take_row(history_t *self, sqlite3_stmt *row, buffer_t *complaints)
{
    version_t version = {.lsn = (uint64_t) sqlite3_column_int64(row, 1),
                         .cells.there = strcmp(glance_text(row, 3), "delete") != 0};
    for (int i = 0; version.cells.there && i < CELLS; i++)
        (void) snprintf(version.cells.text[i], CELL_ROOM, "%s", glance_text(row, 5 + i));
    (void) snprintf(version.author, sizeof version.author, "%s", glance_text(row, 7));
    if (version.lsn <= self->head)
        buffer_add_format(complaints,
                          "server: %s changed at %" PRIu64 " with head at %" PRIu64 "\n",
                          glance_text(row, 4), version.lsn, self->head);
    add_version(history_entity(self, glance_text(row, 2), glance_text(row, 4)), &version);
    self->row = sqlite3_column_int64(row, 0);
}

static bool
prepare(history_t *self)
{
    static const char head_sql[] = "SELECT epoch, lsn FROM waybill_head";
    static const char log_sql[] =
        "SELECT seq, lsn, tbl, operation, json_extract(data, '$.id'),"
        " quote(json_extract(data, '$.value')), quote(json_extract(data, '$.owner')),"
        " client_id"
        " FROM change_log WHERE seq > ?1 ORDER BY seq";
    if (self->head_query == NULL)
        self->head_query = glance_prepare(&self->glance, head_sql);
    if (self->log_query == NULL)
        self->log_query = glance_prepare(&self->glance, log_sql);
    return self->head_query && self->log_query;
}

void
history_follow(history_t *self, buffer_t *complaints)
{
    if (!glance_changed(&self->glance) || !prepare(self))
        return;
    sqlite3_bind_int64(self->log_query, 1, self->row);
    while (sqlite3_step(self->log_query) == SQLITE_ROW)
        take_row(self, self->log_query, complaints);
    sqlite3_reset(self->log_query);
    if (sqlite3_step(self->head_query) == SQLITE_ROW) {
        (void) snprintf(self->epoch, sizeof self->epoch, "%s",
                        glance_text(self->head_query, 0));
        self->head = (uint64_t) sqlite3_column_int64(self->head_query, 1);
    }
    sqlite3_reset(self->head_query);
}

uint64_t
history_head(const history_t *self)
{
    return self->head;
}

const char *
history_epoch(const history_t *self)
{
    return self->epoch;
}
