/*  The slots of servers: listed, and dropped in an order that is safe.  */

#include "actors/server/postgres/slots.h"
#include "schemas/tables.h"
#include "tests/postgres/pg_place.h"

/*  As servers would leave it: one away, one at work, one that has no slot.  */
static void
open_with_slots(pg_place_t *place)
{
    open_place(place, NULL);
    exec(place, postgres_sql);
    exec(place, "CREATE PUBLICATION waybill"); /* older than the slots, or readers soon fail */
    char *sql =
        mem_format("SELECT pg_create_logical_replication_slot('waybill_a_%1$s', 'pgoutput');"
                   "SELECT pg_create_logical_replication_slot('waybill_b_%1$s', 'pgoutput');"
                   "SELECT pg_create_logical_replication_slot('foreign_%1$s', 'pgoutput');"
                   "INSERT INTO waybill.servers VALUES ('a', 'waybill_a_%1$s', 7, 1000),"
                   "('c', 'waybill_c_%1$s', 8, 2000)",
                   place->database->name);
    exec(place, sql);
    free(sql);
}

static slots_t
slots_of(pg_place_t *place)
{
    fault_t fault = {0};
    slots_t slots = {0};
    must(slots_read(place->pg, &slots, &fault), &fault);
    return slots;
}

static void
lists_the_slots_of_servers(void **state)
{
    (void) state;
    pg_place_t place;
    open_with_slots(&place);
    slots_t slots = slots_of(&place);
    assert_int_equal(slots.n, 3);
    assert_string_equal(slots.list[0].server, "a");
    assert_true(slots.list[0].there);
    assert_false(slots.list[0].active);
    assert_int_equal(slots.list[0].beat, 7);
    assert_int_equal(slots.list[0].seen, 1000);
    assert_string_equal(slots.list[0].status, "reserved");
    assert_string_equal(slots.list[1].server, "");
    assert_true(slots.list[1].there);
    assert_string_equal(slots.list[2].server, "c");
    assert_false(slots.list[2].there);
    slots_release(&slots);
    close_place(&place);
}

static void
lists_nothing_where_no_server_has_been(void **state)
{
    (void) state;
    pg_place_t place;
    open_place(&place, NULL);
    slots_t slots = slots_of(&place);
    assert_int_equal(slots.n, 0);
    close_place(&place);
}

static void
marks_what_it_drops(void **state)
{
    (void) state;
    fault_t fault = {0};
    pg_place_t place;
    open_with_slots(&place);
    slots_t slots = slots_of(&place);
    must(slots_drop(place.pg, &slots.list[0], &fault), &fault);
    slots_release(&slots);
    slots = slots_of(&place);
    assert_false(slots.list[0].there);
    assert_true(slots.list[0].dropped);
    assert_false(slots.list[2].dropped);
    slots_release(&slots);
    close_place(&place);
}

/*  It may neither be dropped nor be taken for dropped.  */
static void
leaves_a_slot_alone_that_is_in_use(void **state)
{
    (void) state;
    fault_t fault = {0};
    pg_place_t place;
    open_with_slots(&place);
    slots_t slots = slots_of(&place);
    pg_t *reader = pg_new(&place.settings, PG_REPLICATION, "test");
    must(pg_ready(reader, &fault), &fault);
    char *command = mem_format("START_REPLICATION SLOT %s LOGICAL 0/0 (proto_version '1', "
                               "publication_names 'waybill')",
                               slots.list[0].name);
    must(pg_run(reader, command, NULL, &fault, ""), &fault);
    assert_int_equal(slots_drop(place.pg, &slots.list[0], &fault), ERR_BUSY);
    slots_release(&slots);
    slots = slots_of(&place);
    assert_true(slots.list[0].active);
    assert_false(slots.list[0].dropped);
    slots_release(&slots);
    free(command);
    pg_destroy(&reader);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_the_slots_of_servers),
        cmocka_unit_test(lists_nothing_where_no_server_has_been),
        cmocka_unit_test(marks_what_it_drops),
        cmocka_unit_test(leaves_a_slot_alone_that_is_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
