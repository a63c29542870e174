/*  The database module: what it refuses to open, and how it runs a statement.  */

#include "tests/unit/db_place.h"

#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void
expect_refused(void **state, bool create, err_t err, const char *word)
{
    db_t *db = NULL;
    fault_t fault = {0};
    const place_t *place = *state;
    assert_int_equal(db_open(place->path, create, &db, &fault), err);
    assert_int_equal(fault.err, err);
    assert_null(db);
    assert_non_null(strstr(fault.text, place->path));
    assert_non_null(strstr(fault.text, word));
}

/*  ----------------------------------------------------------------------------- opening  */

static void
makes_a_file_that_only_the_owner_can_read(void **state)
{
    struct stat status;
    const place_t *place = *state;
    db_t *db = open_db(state);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    db_close(&db);
    assert_null(db);
}

static void
sets_the_connection_up(void **state)
{
    db_t *db = open_db(state);
    assert_int_equal(db_number(db, "PRAGMA synchronous", -1), 2);
    assert_int_equal(db_number(db, "PRAGMA foreign_keys", -1), 1);
    assert_int_equal(db_number(db, "PRAGMA wal_autocheckpoint", -1), 0);
    assert_int_equal(db_number(db, "PRAGMA mmap_size", 0), 0);
    assert_int_equal(db_number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", 0),
                     1);
    db_close(&db);
}

static void
refuses_a_file_that_is_not_a_database(void **state)
{
    const place_t *place = *state;
    write_file(place->path, "Dear diary, today I was opened as a database. It did not go well, "
                            "and I want it to be known that I am just a text.\n");
    expect_refused(state, true, ERR_NOT_DATABASE, "not a database");
}

static void
refuses_a_missing_file_unless_told_to_make_it(void **state)
{
    expect_refused(state, false, ERR_NOT_FOUND, "unable to open");
}

static void
refuses_a_missing_directory(void **state)
{
    place_t *place = *state;
    (void) snprintf(place->path, sizeof place->path, "%s/none/app.db", place->directory);
    expect_refused(state, true, ERR_NOT_FOUND, "directory");
}

static void
refuses_a_file_that_cannot_be_written(void **state)
{
    const place_t *place = *state;
    db_t *db = open_db(state);
    db_close(&db);
    chmod(place->path, 0444);
    chmod(place->directory, 0755);
    const bool privileged = geteuid() == 0; /* whom no mode would stop */
    if (privileged)
        assert_int_equal(seteuid(NOBODY), 0);
    expect_refused(state, true, ERR_READONLY, "writable");
    if (privileged)
        assert_int_equal(seteuid(0), 0);
}

static void
refuses_a_damaged_file(void **state)
{
    const place_t *place = *state;
    db_t *db = open_db(state);
    run(db,
        "CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "LIMIT 2000) INSERT INTO t SELECT hex(randomblob(50)) FROM n");
    db_close(&db);
    FILE *file = fopen(place->path, "r+");
    fseek(file, 4096 * 5, SEEK_SET);
    for (int i = 0; i < 4096; i++)
        fputc('!', file);
    fclose(file);
    expect_refused(state, false, ERR_CORRUPT, "damaged");
}

static void
refuses_a_file_that_another_program_has_locked(void **state)
{
    sqlite3 *other = NULL;
    const place_t *place = *state;
    sqlite3_open(place->path, &other);
    sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x)", NULL, NULL,
                 NULL);
    expect_refused(state, true, ERR_BUSY, "locked");
    sqlite3_close(other);
}

static void
a_reader_cannot_write(void **state)
{
    db_t *reader = NULL;
    fault_t fault = {0};
    const place_t *place = *state;
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x)");
    assert_int_equal(db_open_reader(place->path, &reader, &fault), OK);
    assert_int_equal(db_exec(reader, "INSERT INTO t VALUES (1)", &fault), ERR_READONLY);
    db_close(&reader);
    db_close(&db);
}

/*  -------------------------------------------------------------------------- statements  */

static void
prepares_a_text_once(void **state)
{
    char copy[32] = "SELECT 1";
    db_t *db = open_db(state);
    sqlite3_stmt *first = db_statement(db, "SELECT 1", NULL);
    assert_non_null(first);
    assert_ptr_equal(db_statement(db, copy, NULL), first);
    strcpy(copy, "SELECT 2");
    assert_ptr_not_equal(db_statement(db, copy, NULL), first);
    strcpy(copy, "SELECT 1");
    assert_ptr_equal(db_statement(db, copy, NULL), first);
    db_close(&db);
}

static void
remembers_many_statements(void **state)
{
    char sql[32];
    sqlite3_stmt *statements[500];
    db_t *db = open_db(state);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 500; i++) {
            (void) snprintf(sql, sizeof sql, "SELECT %d", i);
            if (round == 0)
                statements[i] = db_statement(db, sql, NULL);
            assert_int_equal(db_number(db, sql, -1), i);
            assert_ptr_equal(db_statement(db, sql, NULL), statements[i]);
        }
    db_close(&db);
}

static void
binds_every_letter(void **state)
{
    err_t err = OK;
    fault_t fault = {0};
    db_t *db = open_db(state);
    const value_t real = {.kind = VALUE_REAL, .real = 0.5};
    const bytes_t blob = {(const uint8_t *) "a\0b", 3};
    sqlite3_stmt *row = db_query(db, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", &fault, "iutbvnt",
                                 INT64_MIN, (uint64_t) 7, "text", blob, &real, NULL);
    assert_true(db_step(db, row, &err, &fault));
    assert_int_equal(column_value(row, 0).integer, INT64_MIN);
    assert_int_equal(column_value(row, 1).integer, 7);
    assert_string_equal(column_text(row, 2), "text");
    assert_int_equal(column_bytes(row, 3).size, 3);
    assert_memory_equal(column_bytes(row, 3).data, "a\0b", 3);
    assert_true(column_value(row, 4).real == 0.5);
    assert_int_equal(column_value(row, 5).kind, VALUE_NULL);
    assert_string_equal(column_text(row, 6), "");
    assert_false(db_step(db, row, &err, &fault));
    assert_int_equal(err, OK);
    db_close(&db);
}

static void
tells_of_a_statement_that_cannot_be(void **state)
{
    err_t err = OK;
    fault_t fault = {0};
    db_t *db = open_db(state);
    sqlite3_stmt *none = db_query(db, "SELECT x FROM nowhere", &fault, "");
    assert_null(none);
    assert_false(db_step(db, none, &err, &fault));
    assert_int_equal(err, ERR_STORAGE);
    assert_non_null(strstr(fault.text, "nowhere"));
    assert_int_equal(db_number(db, "SELECT x FROM nowhere", -7), -7);
    db_close(&db);
}

static void
counts_the_statements_run(void **state)
{
    db_t *db = open_db(state);
    const uint64_t before = db_statements_run(db);
    assert_int_equal(db_number(db, "SELECT 1", 0), 1);
    assert_int_equal(db_number(db, "SELECT 1", 0), 1);
    assert_int_equal(db_statements_run(db), before + 2);
    db_close(&db);
}

static void
quotes_whatever_a_name_contains(void **state)
{
    (void) state;
    buffer_t sql = {0};
    sql_name(&sql, "a\"; DROP TABLE b; --");
    assert_string_equal(buffer_text(&sql), "\"a\"\"; DROP TABLE b; --\"");
    buffer_release(&sql);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(makes_a_file_that_only_the_owner_can_read),
        EACH(sets_the_connection_up),
        EACH(refuses_a_file_that_is_not_a_database),
        EACH(refuses_a_missing_file_unless_told_to_make_it),
        EACH(refuses_a_missing_directory),
        EACH(refuses_a_file_that_cannot_be_written),
        EACH(refuses_a_damaged_file),
        EACH(refuses_a_file_that_another_program_has_locked),
        EACH(a_reader_cannot_write),
        EACH(prepares_a_text_once),
        EACH(remembers_many_statements),
        EACH(binds_every_letter),
        EACH(tells_of_a_statement_that_cannot_be),
        EACH(counts_the_statements_run),
        EACH(quotes_whatever_a_name_contains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
