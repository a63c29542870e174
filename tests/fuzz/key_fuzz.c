/*  key_fuzz - texts that name a key: refused, or a row that table_check() can judge.  */

#include "actors/common/catalog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static db_t *db;
static catalog_t *catalog;

static void
open_once(void)
{
    fault_t fault;
    char path[] = "/tmp/waybill-key-fuzz-XXXXXX";
    close(mkstemp(path));
    if (db_open(path, true, &db, &fault) != OK
        || db_exec(db, "CREATE TABLE one (id TEXT PRIMARY KEY, a INTEGER)", &fault) != OK
        || db_exec(db, "CREATE TABLE two (a INTEGER, b BLOB, c REAL, PRIMARY KEY (a, b, c))",
                   &fault)
               != OK
        || catalog_open(db, &catalog, &fault) != OK)
        abort();
    unlink(path);
}

static void
name_key(const char *name, const char *text)
{
    arena_t arena = {0};
    fault_t fault = {0};
    bytes_t key = {0};
    const char *again = NULL;
    table_t *table = catalog_table(catalog, name);
    if (table_key_named(table, text, &arena, &key, &fault) == OK)
        (void) table_check(table, key, &arena, &again, &fault);
    else if (fault.text[0] == '\0')
        abort();
    arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (db == NULL)
        open_once();
    char *text = mem_new(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    name_key("one", text);
    name_key("two", text);
    free(text);
    return 0;
}
