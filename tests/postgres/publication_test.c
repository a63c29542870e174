/*  publication_test - which tables are followed, and how rows that were there before get to
   every server.  */

#include "actors/server/postgres/publication.h"
#include "actors/server/postgres/table_rows.h"
#include "schemas/tables.h"
#include "tests/postgres/pg_place.h"

typedef struct looked_after {
    pg_place_t place;
    publication_t *publication;
    pg_tables_t *tables;
    buffer_t advice;
    fault_t fault;
} looked_after_t;

static void
open_it(looked_after_t *self)
{
    *self = (looked_after_t){0};
    open_place(&self->place, NULL);
    exec(&self->place, postgres_sql);
    exec(&self->place, "INSERT INTO waybill.identity VALUES (1, 'e', '7', 1, 'secret')");
    self->publication = publication_new(&self->place.settings);
}

static void
close_it(looked_after_t *self)
{
    publication_destroy(&self->publication);
    pg_tables_destroy(&self->tables);
    buffer_release(&self->advice);
    close_place(&self->place);
}

static err_t
try(looked_after_t *self)
{
    buffer_clear(&self->advice);
    return publication_ensure(self->publication, self->place.pg, &self->tables, &self->advice,
                              &self->fault);
}

static void
ensure(looked_after_t *self)
{
    must(try(self), &self->fault);
}

static bool
is_published(const looked_after_t *self, const char *table)
{
    const pg_table_t *found = pg_tables_find(self->tables, table);
    assert_non_null(found);
    return found->published;
}

static int64_t
count_published(looked_after_t *self)
{
    return number_of(&self->place, "SELECT count(*) FROM pg_publication_tables");
}

/*  A slot as another server has one: what comes through it.  */
static void
make_slot(looked_after_t *self)
{
    exec(&self->place, "SELECT pg_create_logical_replication_slot('s' || oid, 'pgoutput')"
                       " FROM pg_database WHERE datname = current_database()");
}

static PGresult *
log_of(looked_after_t *self)
{
    PGresult *log = NULL;
    must(pg_run(self->place.pg,
                "SELECT data FROM pg_database, pg_logical_slot_get_binary_changes('s' || oid, "
                "NULL, NULL, 'proto_version', '1', 'publication_names', 'waybill', 'messages', "
                "'true') WHERE datname = current_database()",
                &log, &self->fault, ""),
         &self->fault);
    return log;
}

static pgoutput_message_t
message_at(const PGresult *log, int row, arena_t *arena)
{
    fault_t fault = {0};
    size_t size = 0;
    pgoutput_message_t message;
    unsigned char *data =
        PQunescapeBytea((const unsigned char *) pg_text_at(log, row, 0), &size);
    const bytes_t bytes = arena_bytes(arena, (bytes_t){data, size});
    PQfreemem(data);
    must(pgoutput_read(bytes, arena, &message, &fault), &fault);
    return message;
}

static table_row_t
row_at(const PGresult *log, int row, arena_t *arena)
{
    fault_t fault = {0};
    table_row_t found;
    const pgoutput_message_t message = message_at(log, row, arena);
    assert_int_equal(message.kind, PGOUTPUT_MESSAGE);
    assert_true(message.transactional);
    assert_string_equal(message.prefix, TABLE_ROWS_PREFIX);
    must(table_row_read(message.content, arena, &found, &fault), &fault);
    assert_string_equal(found.token, "secret");
    return found;
}

/*  ------------------------------------------------------------------ making  */

static void
a_missing_publication_is_made_with_the_tables_that_fit(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place,
         "CREATE TABLE \"my todo\" (id INT PRIMARY KEY); CREATE TABLE loose (id INT);"
         "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (id INT PRIMARY KEY)");
    ensure(&it);
    assert_true(is_published(&it, "my todo"));
    assert_false(is_published(&it, "loose"));
    assert_int_equal(count_published(&it), 1);
    assert_non_null(strstr(buffer_text(&it.advice), "table loose is not synchronised: "));
    close_it(&it);
}

static void
what_was_said_is_not_said_again(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE loose (id INT)");
    ensure(&it);
    assert_true(it.advice.size > 0);
    ensure(&it);
    assert_int_equal(it.advice.size, 0);
    exec(&it.place, "CREATE TABLE other (id INT)");
    ensure(&it);
    assert_non_null(strstr(buffer_text(&it.advice), "other"));
    close_it(&it);
}

static void
a_database_without_tables_has_a_publication_as_well(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    ensure(&it);
    assert_int_equal(number_of(&it.place, "SELECT count(*) FROM pg_publication"
                                          " WHERE pubname = 'waybill' AND pubviaroot"),
                     1);
    close_it(&it);
}

static void
a_partitioned_table_is_one_and_those_that_inherit_are_several(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id);"
                    "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
                    "CREATE TABLE base (id INT PRIMARY KEY);"
                    "CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base)");
    ensure(&it);
    assert_true(is_published(&it, "parts"));
    assert_true(is_published(&it, "base"));
    assert_true(is_published(&it, "heir"));
    assert_int_equal(count_published(&it), 3);
    close_it(&it);
}

static void
a_publication_that_lacks_something_is_completed(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill WITH (publish = 'insert')");
    ensure(&it);
    assert_int_equal(number_of(&it.place, "SELECT count(*) FROM pg_publication WHERE pubdelete"
                                          " AND pubupdate AND pubtruncate AND pubviaroot"),
                     1);
    close_it(&it);
}

static void
a_publication_of_all_tables_needs_no_adding(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill FOR ALL TABLES"
                    " WITH (publish_via_partition_root = true);"
                    "CREATE TABLE todo (id INT PRIMARY KEY)");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    assert_int_equal(it.advice.size, 0);
    close_it(&it);
}

/*  ------------------------------------------------------------------ adding  */

static void
rows_of_a_table_that_is_added_come_through_the_log(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY, done BOOL, pair CHAR(3), "
                    "twice INT GENERATED ALWAYS AS (id * 2) STORED);"
                    "INSERT INTO todo VALUES (1, true, 'a'), (2, NULL, NULL)");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    exec(&it.place, "INSERT INTO todo VALUES (3)");
    PGresult *log = log_of(&it);
    assert_int_equal(message_at(log, 0, &arena).kind, PGOUTPUT_BEGIN);
    const table_row_t head = row_at(log, 1, &arena);
    assert_string_equal(head.table, "todo");
    assert_int_equal(head.n, 0);
    const table_row_t row = row_at(log, 2, &arena);
    assert_string_equal(row.table, "todo");
    assert_int_equal(row.n, 3);
    assert_string_equal(row.columns[0], "id");
    assert_string_equal(row.columns[1], "done");
    assert_string_equal((const char *) row.values[1].text.data, "t");
    assert_string_equal((const char *) row.values[2].text.data, "a  ");
    assert_int_equal(row_at(log, 3, &arena).values[1].kind, 'n');
    assert_int_equal(message_at(log, 4, &arena).kind, PGOUTPUT_COMMIT);
    assert_int_equal(message_at(log, 7, &arena).kind, PGOUTPUT_INSERT);
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

/*  format() must give what the log gives: each value as its type writes it.  */
static void
values_are_written_as_the_log_writes_them(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    exec(&it.place, "CREATE TYPE pair AS (a INT, b TEXT)");
    ensure(&it);
    make_slot(&it);
    exec(
        &it.place,
        "CREATE TABLE v (id INT PRIMARY KEY, b BOOL, y BYTEA, n NUMERIC, r REAL, t TIMESTAMPTZ,"
        " i INTERVAL, j JSONB, a TEXT[], p pair, c CHAR(4), g INT4RANGE, x XML);"
        "INSERT INTO v VALUES (1, true, '\\x00ff', 1.50, 0.1, '2024-02-03 04:05:06+07',"
        " '1 day 2 hours', '{\"k\": [1, \"ä\"]}', '{\"a b\",NULL,\"\\\"\"}', '(,)', 'x',"
        " '[1,5)', '<a>1</a>')");
    ensure(&it);
    exec(&it.place, "UPDATE v SET b = b");
    PGresult *log = log_of(&it);
    const table_row_t row = row_at(log, 2, &arena);
    const pgoutput_message_t update = message_at(log, PQntuples(log) - 2, &arena);
    assert_int_equal(update.kind, PGOUTPUT_UPDATE);
    assert_int_equal(row.n, update.fresh.n);
    for (size_t i = 0; i < row.n; i++) {
        const bytes_t text = update.fresh.values[i].text;
        assert_int_equal(row.values[i].kind, update.fresh.values[i].kind);
        assert_string_equal((const char *) row.values[i].text.data,
                            arena_text_of(&arena, text.data, text.size));
    }
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

static void
rows_of_partitions_come_with_their_root(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id);"
                    "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
                    "INSERT INTO parts VALUES (1)");
    ensure(&it);
    PGresult *log = log_of(&it);
    assert_string_equal(row_at(log, 2, &arena).table, "parts");
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

/*  Its rows would keep writers waiting.  */
static void
a_large_table_is_announced_instead(void **state)
{
    (void) state;
    looked_after_t it;
    arena_t arena = {0};
    open_it(&it);
    ensure(&it);
    make_slot(&it);
    exec(&it.place, "CREATE TABLE large (id INT PRIMARY KEY, data TEXT);"
                    "ALTER TABLE large ALTER data SET STORAGE EXTERNAL;"
                    "INSERT INTO large SELECT i, repeat('x', 1000000)"
                    " FROM generate_series(1, 70) i");
    ensure(&it);
    assert_true(is_published(&it, "large"));
    PGresult *log = log_of(&it);
    assert_int_equal(PQntuples(log), 3);
    const pgoutput_message_t message = message_at(log, 1, &arena);
    assert_string_equal(message.prefix, TABLE_COPY_PREFIX);
    assert_memory_equal(message.content.data, "{secret,large}", message.content.size);
    PQclear(log);
    arena_release(&arena);
    close_it(&it);
}

static void
a_table_that_others_write_to_waits_for_the_next_time(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY);"
                    "CREATE PUBLICATION waybill WITH (publish_via_partition_root = true)");
    database_run(it.place.database, "BEGIN; INSERT INTO todo VALUES (1)");
    ensure(&it);
    assert_false(is_published(&it, "todo"));
    assert_non_null(strstr(buffer_text(&it.advice), "todo"));
    database_run(it.place.database, "COMMIT");
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    close_it(&it);
}

static void
a_second_server_finds_what_the_first_has_made(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    publication_t *second = publication_new(&it.place.settings);
    ensure(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY)");
    ensure(&it);
    must(publication_ensure(second, it.place.pg, &it.tables, &it.advice, &it.fault), &it.fault);
    assert_true(is_published(&it, "todo"));
    assert_int_equal(it.advice.size, 0);
    publication_destroy(&second);
    close_it(&it);
}

/*  ------------------------------------------------------------------ rights  */

/*  Goes on as a role that may read and write, and owns nothing.  */
static void
become_plain(looked_after_t *self)
{
    char *sql = mem_format("CREATE ROLE %s; GRANT ALL ON ALL TABLES IN SCHEMA public TO %s",
                           self->place.database->name, self->place.database->name);
    exec(&self->place, sql);
    free(sql);
    sql = mem_format("SET SESSION AUTHORIZATION %s", self->place.database->name);
    exec(&self->place, sql);
    free(sql);
}

static void
become_owner(looked_after_t *self)
{
    char *sql = mem_format("RESET SESSION AUTHORIZATION; DROP OWNED BY %s; DROP ROLE %s",
                           self->place.database->name, self->place.database->name);
    exec(&self->place, sql);
    free(sql);
}

static void
who_may_not_make_it_is_told_the_sql(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY); CREATE TABLE \"b\"\"c\" (id INT"
                    " PRIMARY KEY)");
    become_plain(&it);
    assert_int_equal(try(&it), ERR_CONFIG);
    assert_non_null(strstr(it.fault.text, "publication waybill is missing"));
    assert_string_equal(buffer_text(&it.advice),
                        "CREATE PUBLICATION \"waybill\" FOR TABLE ONLY \"public\".\"b\"\"c\", "
                        "ONLY \"public\".\"todo\" WITH (publish = 'insert, update, delete, "
                        "truncate', publish_via_partition_root = true)\n");
    become_owner(&it);
    exec(&it.place, buffer_text(&it.advice));
    ensure(&it);
    assert_true(is_published(&it, "todo"));
    close_it(&it);
}

static void
who_may_not_add_is_told_the_sql_once_and_goes_on(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    ensure(&it);
    exec(&it.place, "CREATE TABLE todo (id INT PRIMARY KEY)");
    become_plain(&it);
    ensure(&it);
    assert_string_equal(
        buffer_text(&it.advice),
        "table todo is not synchronised: ALTER PUBLICATION \"waybill\" ADD TABLE"
        " ONLY \"public\".\"todo\"\n");
    ensure(&it);
    assert_int_equal(it.advice.size, 0);
    become_owner(&it);
    close_it(&it);
}

static void
who_may_not_complete_it_is_told_the_sql_and_goes_on(void **state)
{
    (void) state;
    looked_after_t it;
    open_it(&it);
    exec(&it.place, "CREATE PUBLICATION waybill WITH (publish = 'insert')");
    become_plain(&it);
    ensure(&it);
    assert_non_null(strstr(buffer_text(&it.advice), "ALTER PUBLICATION \"waybill\" SET ("));
    become_owner(&it);
    close_it(&it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_publication_is_made_with_the_tables_that_fit),
        cmocka_unit_test(what_was_said_is_not_said_again),
        cmocka_unit_test(a_database_without_tables_has_a_publication_as_well),
        cmocka_unit_test(a_partitioned_table_is_one_and_those_that_inherit_are_several),
        cmocka_unit_test(a_publication_that_lacks_something_is_completed),
        cmocka_unit_test(a_publication_of_all_tables_needs_no_adding),
        cmocka_unit_test(rows_of_a_table_that_is_added_come_through_the_log),
        cmocka_unit_test(values_are_written_as_the_log_writes_them),
        cmocka_unit_test(rows_of_partitions_come_with_their_root),
        cmocka_unit_test(a_large_table_is_announced_instead),
        cmocka_unit_test(a_table_that_others_write_to_waits_for_the_next_time),
        cmocka_unit_test(a_second_server_finds_what_the_first_has_made),
        cmocka_unit_test(who_may_not_make_it_is_told_the_sql),
        cmocka_unit_test(who_may_not_add_is_told_the_sql_once_and_goes_on),
        cmocka_unit_test(who_may_not_complete_it_is_told_the_sql_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
