#include "tests/integration/query.h"

#include <stdio.h>
#include <stdlib.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

int64_t
query_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    int64_t answer = -1;
    if (statement && sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    else
        print_error("%s: %s\n", sql, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    return answer;
}

char *
query_text(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    const bool there = statement && sqlite3_step(statement) == SQLITE_ROW
                       && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    char *text = mem_text(there ? (const char *) sqlite3_column_text(statement, 0) : "");
    sqlite3_finalize(statement);
    return text;
}

void
query_run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

void
query_attach(sqlite3 *db, const char *path, const char *name)
{
    char *sql = mem_format("ATTACH 'file:%s?mode=ro' AS %s", path, name);
    query_run(db, sql);
    free(sql);
}

static void
copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_non_null(out);
    char piece[65536];
    for (size_t n; in && (n = fread(piece, 1, sizeof piece, in)) > 0;)
        fwrite(piece, 1, n, out);
    if (in)
        fclose(in);
    fclose(out);
}

void
copy_database(const char *path, const char *copy)
{
    char *log = mem_format("%s-wal", path), *log_copy = mem_format("%s-wal", copy);
    char *index = mem_format("%s-shm", copy);
    remove(index);
    copy_file(path, copy);
    copy_file(log, log_copy);
    free(log);
    free(log_copy);
    free(index);
}
