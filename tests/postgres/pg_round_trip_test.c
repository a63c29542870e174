/*  Values of all kinds of types: to SQLite's and back, the same as before, text by text.  */

#include "actors/server/postgres/types.h"
#include "tests/postgres/pg_place.h"

static const char types[] =
    "CREATE TYPE mood AS ENUM ('good', 'so ''so''', 'bad');"
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN more AS positive;"
    "CREATE DOMAIN raw AS bytea; CREATE TYPE pair AS (a int, b text)";

typedef struct sample {
    const char *type, *text;
    value_kind_t kind;
} sample_t;

static const sample_t samples[] = {
    {"smallint", "-32768", VALUE_INTEGER},
    {"integer", "2147483647", VALUE_INTEGER},
    {"bigint", "-9223372036854775808", VALUE_INTEGER},
    {"oid", "4294967295", VALUE_INTEGER},
    {"more", "7", VALUE_INTEGER},
    {"boolean", "true", VALUE_INTEGER},
    {"boolean", "false", VALUE_INTEGER},
    {"real", "0.1", VALUE_REAL},
    {"real", "-3.4028235e+38", VALUE_REAL},
    {"real", "1e-45", VALUE_REAL},
    {"real", "Infinity", VALUE_REAL},
    {"real", "NaN", VALUE_TEXT},
    {"double precision", "0.30000000000000004", VALUE_REAL},
    {"double precision", "-1.7976931348623157e+308", VALUE_REAL},
    {"double precision", "5e-324", VALUE_REAL},
    {"double precision", "-0", VALUE_REAL},
    {"double precision", "-Infinity", VALUE_REAL},
    {"double precision", "NaN", VALUE_TEXT},
    {"bytea", "\\x", VALUE_BLOB},
    {"bytea", "\\x0001fe00ff5c27", VALUE_BLOB},
    {"raw", "\\x00", VALUE_BLOB},
    {"text", "", VALUE_TEXT},
    {"text", "it's \"quoted\" \\ \n\t {},(); Grüße \xF0\x9F\x99\x82", VALUE_TEXT},
    {"char(5)", "ab", VALUE_TEXT},
    {"varchar(9)", " padded ", VALUE_TEXT},
    {"numeric", "123456789012345678901234567890.123456789012345678901234567890", VALUE_TEXT},
    {"numeric", "-Infinity", VALUE_TEXT},
    {"numeric(9,3)", "1.5", VALUE_TEXT},
    {"money", "12.34", VALUE_TEXT},
    {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", VALUE_TEXT},
    {"date", "0044-03-15 BC", VALUE_TEXT},
    {"date", "infinity", VALUE_TEXT},
    {"time", "23:59:59.999999", VALUE_TEXT},
    {"timetz", "12:00:00+05:30", VALUE_TEXT},
    {"timestamp", "2026-02-28 12:34:56.789", VALUE_TEXT},
    {"timestamptz", "2026-01-02 03:04:05.000001-08", VALUE_TEXT},
    {"timestamptz", "-infinity", VALUE_TEXT},
    {"interval", "-1 year 2 mons -3 days 04:05:06.7", VALUE_TEXT},
    {"json", "{\"b\": 1,  \"a\": [null, 1.0]}", VALUE_TEXT},
    {"jsonb", "{\"b\": 1, \"a\": [null, 1.0, \"\\u00fc\"]}", VALUE_TEXT},
    {"xml", "<a b=\"c\">d</a>", VALUE_TEXT},
    {"mood", "so 'so'", VALUE_TEXT},
    {"pair", "(1,\"a,b\")", VALUE_TEXT},
    {"text[]", "{a,\"b c\",NULL,\"NULL\",\"\\\"\",\"\"}", VALUE_TEXT},
    {"integer[]", "{{1,2},{3,NULL}}", VALUE_TEXT},
    {"mood[]", "{good,bad}", VALUE_TEXT},
    {"boolean[]", "{t,f}", VALUE_TEXT},
    {"bytea[]", "{\"\\\\x00ff\"}", VALUE_TEXT},
    {"double precision[]", "{0.1,NaN}", VALUE_TEXT},
    {"int4range", "[1,5)", VALUE_TEXT},
    {"tstzrange", "[\"2026-01-01 00:00:00+00\",)", VALUE_TEXT},
    {"datemultirange", "{[2026-01-01,2026-02-01)}", VALUE_TEXT},
    {"inet", "2001:db8::1/64", VALUE_TEXT},
    {"cidr", "10.0.0.0/8", VALUE_TEXT},
    {"macaddr", "08:00:2b:01:02:03", VALUE_TEXT},
    {"bit(3)", "101", VALUE_TEXT},
    {"varbit", "10101", VALUE_TEXT},
    {"point", "(0.1,-2)", VALUE_TEXT},
    {"polygon", "((0,0),(1,1),(2,0))", VALUE_TEXT},
    {"tsvector", "'a':1 'b':2", VALUE_TEXT},
    {0},
};

/*  Of a domain, PQftype() tells the base type.  */
static value_t
read_sample(pg_place_t *place, const sample_t *sample, pg_shape_t *shape, arena_t *arena)
{
    fault_t fault = {0};
    PGresult *rows = NULL;
    value_t value;
    char *sql = mem_format("SELECT $1::text::%s", sample->type);
    must(pg_run(place->pg, sql, &rows, &fault, "t", sample->text), &fault);
    const char *text = arena_text(arena, pg_text_at(rows, 0, 0));
    *shape = pg_shape_of(PQftype(rows, 0));
    must(pg_value_read(*shape, (bytes_t){(const uint8_t *) text, strlen(text)}, arena, &value,
                       &fault),
         &fault);
    PQclear(rows);
    free(sql);
    return value;
}

static bool
comes_back(pg_place_t *place, const sample_t *sample)
{
    fault_t fault = {0};
    arena_t arena = {0};
    pg_shape_t shape = SHAPE_TEXT;
    pg_parameter_t parameters[2] = {{0}, {.text = sample->text}};
    PGresult *rows = NULL;
    const value_t value = read_sample(place, sample, &shape, &arena);
    if (value.kind != sample->kind)
        fail_msg("%s %s: kind %d", sample->type, sample->text, value.kind);
    must(pg_value_write(shape, &value, &arena, &parameters[0], &fault), &fault);
    char *sql = mem_format("SELECT ($1::%1$s)::text = ($2::text::%1$s)::text", sample->type);
    must(pg_pipeline_begin(place->pg, &fault), &fault);
    must(pg_send_values(place->pg, sql, parameters, 2, &fault), &fault);
    must(pg_take(place->pg, &rows, &fault), &fault);
    must(pg_pipeline_end(place->pg, &fault), &fault);
    const bool same = strcmp(pg_text_at(rows, 0, 0), "t") == 0;
    PQclear(rows);
    free(sql);
    arena_release(&arena);
    return same;
}

static void
every_type_comes_back_as_it_was(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    exec(&place, types);
    for (const sample_t *sample = samples; sample->text != NULL; sample++)
        if (!comes_back(&place, sample))
            fail_msg("%s: %s came back otherwise", sample->type, sample->text);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_type_comes_back_as_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
