/*  plugin_parcels - what the plug-in worker has committed (tests/plugins/worker.c).  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct parcels {
    char directory[64];
    char file[96];
    sqlite3 *db;
} parcels_t;

/*  The file is there, empty, before the worker opens it.  */
static inline void
parcels_open(parcels_t *self)
{
    snprintf(self->directory, sizeof self->directory, "/tmp/waybill-parcels-XXXXXX");
    if (mkdtemp(self->directory) == NULL)
        abort();
    snprintf(self->file, sizeof self->file, "%s/parcels.db", self->directory);
    if (sqlite3_open(self->file, &self->db) != SQLITE_OK
        || sqlite3_exec(self->db,
                        "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=10000;"
                        "CREATE TABLE parcels (id TEXT PRIMARY KEY, parcel TEXT);",
                        NULL, NULL, NULL)
               != SQLITE_OK)
        abort();
}

static inline uint64_t
parcels_number(const parcels_t *self, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL) != SQLITE_OK
        || sqlite3_step(statement) != SQLITE_ROW)
        abort();
    uint64_t number = (uint64_t) sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static inline uint64_t
parcels_count(const parcels_t *self)
{
    return parcels_number(self, "SELECT count(*) FROM parcels");
}

/*  Whatever comes a second time under another id counts once.  */
static inline uint64_t
parcels_distinct(const parcels_t *self)
{
    return parcels_number(self, "SELECT count(DISTINCT parcel) FROM parcels");
}

static inline void
parcels_close(parcels_t *self)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char file[128];
    sqlite3_close(self->db);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        snprintf(file, sizeof file, "%s%s", self->file, endings[i]);
        unlink(file);
    }
    rmdir(self->directory);
}
