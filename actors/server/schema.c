#include "actors/server/schema.h"

#include "actors/common/own_tables.h"
#include "actors/server/change_log.h"
#include "schemas/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static err_t
read_file(const char *path, buffer_t *out, fault_t *fault)
{
    char block[4096];
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: %s; name a readable SQL file", path,
                         strerrordesc_np(errno));
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        buffer_add(out, block, size);
    const bool failed = ferror(file) != 0;
    (void) fclose(file);
    if (failed)
        return fault_set(fault, ERR_CONFIG, "%s: it cannot be read; name an SQL file", path);
    return OK;
}

static err_t
run_file(db_t *db, const char *path, fault_t *fault)
{
    fault_t cause = {0};
    buffer_t sql = {0};
    err_t err = read_file(path, &sql, fault);
    if (err == OK) {
        err = db_exec(db, buffer_text(&sql), &cause);
        if (err != OK)
            err = fault_set(fault, err, "%s: %.400s", path, cause.text);
    }
    buffer_release(&sql);
    return err;
}

err_t
schema_prepare(db_t *db, const char *file, const char *epoch, fault_t *fault)
{
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = own_tables_make(db, server_sql, fault);
    if (err == OK)
        err = db_commit(db, fault);
    else
        db_rollback(db);
    if (err == OK && file[0] != '\0')
        err = run_file(db, file, fault);
    if (err == OK)
        err = change_log_begin(db, epoch, fault);
    return err;
}

static err_t
capture_all(catalog_t *catalog, const settings_t *settings, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < catalog_count(catalog); i++) {
        table_t *table = catalog_at(catalog, i);
        const table_settings_t *wanted = settings_of_table(settings, table_name(table));
        const capture_options_t options = {
            .keep_old = wanted->tables_read[0] != '\0',
            .columns = strcmp(wanted->tables_policy, "column") == 0,
        };
        if (table_key(table) != NULL)
            err = table_capture(table, &options, fault);
    }
    return err;
}

/*  Making triggers changes the version too, so it is read again.  */
err_t
schema_follow(db_t *db, catalog_t *catalog, const settings_t *settings, int64_t *version,
              fault_t *fault)
{
    if (db_number(db, "PRAGMA schema_version", -1) == *version)
        return OK;
    err_t err = catalog_refresh(catalog, fault);
    if (err == OK)
        err = capture_all(catalog, settings, fault);
    if (err == OK)
        *version = db_number(db, "PRAGMA schema_version", -1);
    return err;
}
