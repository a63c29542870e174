#include "tests/sim/glance.h"

/*  Where the write-ahead log's index counts, in 32-bit words: sqlite.org/walformat.html.  */
enum { COUNTER = 2, REGION_BYTES = 32768 };

static bool
map_index(glance_t *self)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    sqlite3_file_control(self->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (file->pMethods->xShmMap(file, 0, REGION_BYTES, 0, &index) != SQLITE_OK)
        return false;
    self->index = index;
    return self->index != NULL;
}

/*  A reader never copies the log back: that is the checkpointer's.  */
static bool
open_it(glance_t *self)
{
    static const char touch[] = "SELECT count(*) FROM sqlite_schema";
    if (sqlite3_open_v2(self->path, &self->db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK
        && sqlite3_exec(self->db, touch, NULL, NULL, NULL) == SQLITE_OK && map_index(self)) {
        sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        self->seen = self->index[COUNTER] - 1;
        return true;
    }
    glance_close(self);
    return false;
}

bool
glance_changed(glance_t *self)
{
    if (self->db == NULL && !open_it(self))
        return false;
    const uint32_t now = self->index[COUNTER];
    const bool changed = now != self->seen;
    self->seen = now;
    return changed;
}

void
glance_close(glance_t *self)
{
    sqlite3_close(self->db);
    self->db = NULL;
    self->index = NULL;
}

sqlite3_stmt *
glance_prepare(const glance_t *self, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    return statement;
}

const char *
glance_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *) sqlite3_column_text(row, column);
    return text ? text : "";
}
