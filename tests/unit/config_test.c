#include "runtime/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct guest {
    const char *name;
    const char *guests_diet;
} guest_t;

typedef struct child {
    const char *name;
    config_extras_t wishes;
} child_t;

typedef struct meal {
    const char *soup_name;
    int64_t soup_spoons;
    int64_t soup_bowls;
    bool bread_fresh;
    guest_t *guests;
    size_t n_guests;
    child_t *children;
    size_t n_children;
} meal_t;

static const config_section_t sections[] = {
    {"soup", "cook", "What is eaten first"},
    {"bread", "cook baker", "What goes with it"},
};

static const config_key_t keys[] = {
    {"soup", "name", CONFIG_TEXT, "leek", 0, 0, offsetof(meal_t, soup_name), "Kind", NULL},
    {"soup", "spoons", CONFIG_NUMBER, "2", 1, 9, offsetof(meal_t, soup_spoons), "Spoons", NULL},
    {"soup", "bowls", CONFIG_NUMBER, "1", 0, 9, offsetof(meal_t, soup_bowls), "Bowls", NULL},
    {"bread", "fresh", CONFIG_FLAG, "true", 0, 0, offsetof(meal_t, bread_fresh), "Baked today",
     NULL},
};

static const config_key_t guest_keys[] = {
    {"guests", "diet", CONFIG_CHOICE, "any", 0, 0, offsetof(guest_t, guests_diet), "Diet",
     "any meatless"},
};

static const config_list_t lists[] = {
    {
        .section = {"guests", "cook", "Who comes"},
        .keys = guest_keys,
        .n_keys = COUNT_OF(guest_keys),
        .item_size = sizeof(guest_t),
        .items = offsetof(meal_t, guests),
        .n_items = offsetof(meal_t, n_guests),
    },
    {
        .section = {"children", "cook", "Who comes as well"},
        .item_size = sizeof(child_t),
        .items = offsetof(meal_t, children),
        .n_items = offsetof(meal_t, n_children),
        .extras = offsetof(child_t, wishes),
    },
};

static const config_order_t orders[] = {{"soup.bowls", "soup.spoons"}};

static const config_table_t table = {
    .sections = sections,
    .n_sections = COUNT_OF(sections),
    .keys = keys,
    .n_keys = COUNT_OF(keys),
    .orders = orders,
    .n_orders = COUNT_OF(orders),
    .lists = lists,
    .n_lists = COUNT_OF(lists),
};

/*  ------------------------------------------------------------------------ fixture  */

typedef struct fixture {
    config_t config;
    meal_t meal;
    fault_t fault;
    char path[32];
} fixture_t;

static int
set_up(void **state)
{
    fixture_t *self = mem_new(sizeof(*self));
    strcpy(self->path, "/tmp/config-XXXXXX");
    close(mkstemp(self->path));
    config_defaults(&self->config, &table, &self->meal);
    *state = self;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_t *self = *state;
    unlink(self->path);
    config_release(&self->config);
    free(self);
    return 0;
}

static err_t
load(fixture_t *self, const char *text)
{
    FILE *file = fopen(self->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return config_load(&self->config, self->path, &self->fault);
}

/*  complaint comes after the path.  */
static void
expect_refused(fixture_t *self, const char *text, const char *complaint)
{
    assert_int_equal(load(self, text), ERR_CONFIG);
    assert_int_equal(self->fault.err, ERR_CONFIG);
    assert_memory_equal(self->fault.text, self->path, strlen(self->path));
    assert_string_equal(self->fault.text + strlen(self->path), complaint);
}

/*  -------------------------------------------------------------------------- tests  */

static void
begins_with_the_defaults(void **state)
{
    const fixture_t *self = *state;
    assert_string_equal(self->meal.soup_name, "leek");
    assert_int_equal(self->meal.soup_spoons, 2);
    assert_true(self->meal.bread_fresh);
}

static void
takes_what_the_file_says(void **state)
{
    fixture_t *self = *state;
    err_t err = load(self, "# lunch\n\nsoup\n    name = \"pea # soup\"\n    spoons = 9\n"
                           "bread\n    fresh = false\n");
    assert_string_equal(self->fault.text, "");
    assert_int_equal(err, OK);
    assert_string_equal(self->meal.soup_name, "pea # soup");
    assert_int_equal(self->meal.soup_spoons, 9);
    assert_int_equal(self->meal.soup_bowls, 1);
    assert_false(self->meal.bread_fresh);
}

static void
takes_an_empty_file(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(load(self, ""), OK);
    assert_string_equal(self->meal.soup_name, "leek");
}

static void
names_the_line_of_an_unknown_key(void **state)
{
    expect_refused(*state, "# lunch\n\nsoup\n    spoons = 3\n\n  # odd\n    salt = 1\n",
                   ":7: section soup has no key \"salt\"");
}

static void
names_the_line_of_an_unknown_section(void **state)
{
    expect_refused(*state, "soup\n    spoons = 3\n\nwine\n    red = 1\n",
                   ":4: there is no section \"wine\"");
}

static void
refuses_a_key_of_another_section(void **state)
{
    expect_refused(*state, "bread\n    spoons = 3\n",
                   ":2: section bread has no key \"spoons\"");
}

static void
refuses_what_is_no_number(void **state)
{
    fixture_t *self = *state;
    expect_refused(self, "soup\n    spoons = many\n",
                   ":2: soup.spoons is \"many\", which is not a whole number");
    expect_refused(self, "soup\n    spoons = 3x\n",
                   ":2: soup.spoons is \"3x\", which is not a whole number");
    expect_refused(self, "soup\n    spoons =\n",
                   ":2: soup.spoons is \"\", which is not a whole number");
    assert_int_equal(self->meal.soup_spoons, 2);
}

static void
refuses_a_number_out_of_range(void **state)
{
    fixture_t *self = *state;
    expect_refused(self, "soup\n    spoons = 10\n", ":2: soup.spoons is 10, outside 1 to 9");
    expect_refused(self, "soup\n    spoons = -1\n", ":2: soup.spoons is -1, outside 1 to 9");
    expect_refused(self, "soup\n    spoons = 99999999999999999999\n",
                   ":2: soup.spoons is 99999999999999999999, outside 1 to 9");
    assert_int_equal(self->meal.soup_spoons, 2);
}

static void
refuses_what_is_no_flag(void **state)
{
    expect_refused(*state, "bread\n    fresh = yes\n",
                   ":2: bread.fresh is \"yes\"; write true or false");
}

static void
refuses_a_key_given_twice(void **state)
{
    expect_refused(*state, "soup\n    spoons = 1\nbread\nsoup\n    spoons = 2\n",
                   ":5: soup.spoons was given before");
}

static void
refuses_things_at_the_wrong_depth(void **state)
{
    fixture_t *self = *state;
    expect_refused(self, "soup = 3\n",
                   ":1: section soup has a value; its keys stand indented below it");
    expect_refused(self, "soup\n    name = x\n        spoons = 1\n",
                   ":2: soup.name has something indented below it");
}

static void
names_the_line_that_is_not_zpl(void **state)
{
    static const struct {
        const char *text;
        const char *complaint;
    } cases[] = {
        {"soup\n  name = x\n",
         ":2: a section stands at the margin, its keys are indented by four spaces"},
        {"soup\n        name = x\n",
         ":2: a section stands at the margin, its keys are indented by four spaces"},
        {"soup\n\tname = x\n", ":2: a name was expected"},
        {"soup\n    = x\n", ":2: a name was expected"},
        {"soup\n    na me = x\n", ":2: name = value was expected"},
        {"# c\n\nsoup\n    name = \"x\n", ":4: the quote is not closed"},
        {"soup\n    name = \"x\" y\n", ":2: something stands behind the closing quote"},
        {"soup\n    name = x y\n", ":2: a value with spaces or quotes stands in quotes"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_refused(*state, cases[i].text, cases[i].complaint);
}

static void
takes_items_under_names_of_their_own(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(self->meal.n_guests, 0);
    assert_int_equal(load(self, "guests\n    ann\n        diet = meatless\n    bob\n"), OK);
    assert_int_equal(self->meal.n_guests, 2);
    assert_string_equal(self->meal.guests[0].name, "ann");
    assert_string_equal(self->meal.guests[0].guests_diet, "meatless");
    assert_string_equal(self->meal.guests[1].name, "bob");
    assert_string_equal(self->meal.guests[1].guests_diet, "any");
}

static void
items_may_have_keys_that_others_know(void **state)
{
    fixture_t *self = *state;
    const char *text = "children\n    ann-1\n        seat = 4\n"
                       "        wine = \"red or white\"\n    bob\n";
    assert_int_equal(load(self, text), OK);
    const config_extras_t *wishes = &self->meal.children[0].wishes;
    assert_string_equal(self->meal.children[0].name, "ann-1");
    assert_int_equal(wishes->n, 2);
    assert_string_equal(wishes->items[0].name, "seat");
    assert_string_equal(wishes->items[0].value, "4");
    assert_string_equal(wishes->items[1].value, "red or white");
    assert_int_equal(self->meal.children[1].wishes.n, 0);
}

static void
refuses_such_a_key_that_comes_twice(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(load(self, "children\n    ann\n        seat = 4\n        seat = 5\n"),
                     ERR_CONFIG);
    assert_non_null(strstr(self->fault.text, "children.seat was given before"));
}

static void
names_the_line_of_a_wrong_item(void **state)
{
    static const struct {
        const char *text;
        const char *complaint;
    } cases[] = {
        {"guests\n    ann\n        diet = fish\n",
         ":3: guests.diet is \"fish\"; it must be one of: any meatless"},
        {"guests\n    ann\n        diet = \"any meatless\"\n",
         ":3: guests.diet is \"any meatless\"; it must be one of: any meatless"},
        {"guests\n    ann\n        age = 3\n", ":3: section guests has no key \"age\""},
        {"guests\n    ann\n\n    ann\n", ":4: guests.ann was given before"},
        {"guests\n    ann = 3\n",
         ":2: guests.ann has a value; its keys stand indented below it"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t *self = *state;
        config_release(&self->config);
        config_defaults(&self->config, &table, &self->meal);
        expect_refused(self, cases[i].text, cases[i].complaint);
    }
}

static void
names_a_file_that_is_not_there(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(config_load(&self->config, "/nowhere/x.conf", &self->fault), ERR_CONFIG);
    assert_non_null(strstr(self->fault.text, "/nowhere/x.conf: No such file"));
}

static void
refuses_a_directory(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(config_load(&self->config, "/tmp", &self->fault), ERR_CONFIG);
    assert_non_null(strstr(self->fault.text, "/tmp: Is a directory"));
}

static void
sets_a_single_key(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(config_set(&self->config, "soup.name", "onion", &self->fault), OK);
    assert_string_equal(self->meal.soup_name, "onion");
    assert_int_equal(config_set(&self->config, "soup.salt", "1", &self->fault), ERR_CONFIG);
    assert_string_equal(self->fault.text, "there is no setting soup.salt");
    assert_int_equal(config_set(&self->config, "soup", "1", &self->fault), ERR_CONFIG);
}

static void
checks_that_one_number_exceeds_another(void **state)
{
    fixture_t *self = *state;
    assert_int_equal(config_check(&self->config, &self->fault), OK);
    assert_int_equal(config_set(&self->config, "soup.bowls", "2", &self->fault), OK);
    assert_int_equal(config_check(&self->config, &self->fault), ERR_CONFIG);
    assert_string_equal(self->fault.text,
                        "soup.spoons (2) must be greater than soup.bowls (2)");
}

static void
writes_a_commented_file_for_one_role(void **state)
{
    (void) state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_write_commented(&table, "baker", out);
    fclose(out);
    assert_null(strstr(text, "soup"));
    assert_non_null(strstr(text, "\n# What goes with it.\nbread\n\n    # Baked today\n"
                                 "    # fresh = true\n"));
    free(text);
}

#define LOADED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED(begins_with_the_defaults),
        LOADED(takes_what_the_file_says),
        LOADED(takes_an_empty_file),
        LOADED(names_the_line_of_an_unknown_key),
        LOADED(names_the_line_of_an_unknown_section),
        LOADED(refuses_a_key_of_another_section),
        LOADED(refuses_what_is_no_number),
        LOADED(refuses_a_number_out_of_range),
        LOADED(refuses_what_is_no_flag),
        LOADED(refuses_a_key_given_twice),
        LOADED(refuses_things_at_the_wrong_depth),
        LOADED(names_the_line_that_is_not_zpl),
        LOADED(takes_items_under_names_of_their_own),
        LOADED(items_may_have_keys_that_others_know),
        LOADED(refuses_such_a_key_that_comes_twice),
        LOADED(names_the_line_of_a_wrong_item),
        LOADED(names_a_file_that_is_not_there),
        LOADED(refuses_a_directory),
        LOADED(sets_a_single_key),
        LOADED(checks_that_one_number_exceeds_another),
        LOADED(writes_a_commented_file_for_one_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
