/*  Rows from strangers: table_check() refuses them or they can be written and come back.  */

#include "actors/common/catalog.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static db_t *db;
static catalog_t *catalog;

static void
open_once(void)
{
    fault_t fault;
    char path[] = "/tmp/waybill-row-fuzz-XXXXXX";
    close(mkstemp(path));
    if (db_open(path, true, &db, &fault) != OK
        || db_exec(db, "CREATE TABLE t (id TEXT PRIMARY KEY, a INTEGER, b REAL, c)", &fault)
               != OK
        || catalog_open(db, &catalog, &fault) != OK || db_begin(db, &fault) != OK)
        abort();
    unlink(path);
}

/*  What was accepted must be there under its key.  */
static void
write_and_read(table_t *table, bytes_t row)
{
    bool found = false;
    buffer_t out = {0};
    fault_t fault = {0};
    if (table_upsert(table, row, &fault) != OK
        || table_read(table, row, &out, &found, &fault) != OK || !found
        || row_check(buffer_bytes(&out), &fault) != OK)
        abort();
    if (table_delete(table, row, &found, &fault) != OK || !found)
        abort();
    buffer_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *key = NULL;
    arena_t arena = {0};
    fault_t fault = {0};
    const bytes_t row = {data, size};
    if (db == NULL)
        open_once();
    table_t *table = catalog_table(catalog, "t");
    if (table_check(table, row, &arena, &key, &fault) == OK)
        write_and_read(table, row);
    else if (fault.err != ERR_INVALID_CHANGE || fault.text[0] == '\0')
        abort();
    arena_release(&arena);
    return 0;
}
