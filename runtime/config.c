#include "runtime/config.h"

#include "runtime/config_lines.h"

#include <czmq.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 64 };

/*  ------------------------------------------------------------------------- table  */

static const config_section_t *
find_section(const config_table_t *table, const char *name)
{
    for (size_t i = 0; i < table->n_sections; i++)
        if (strcmp(table->sections[i].name, name) == 0)
            return &table->sections[i];
    return NULL;
}

static const config_key_t *
find_key(const config_key_t *keys, size_t n_keys, const char *section, const char *name)
{
    for (size_t i = 0; i < n_keys; i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/*  The key that "section.name" means, or NULL.  */
static const config_key_t *
find_dotted(const config_table_t *table, const char *dotted)
{
    const char *dot = strchr(dotted, '.');
    char section[NAME_ROOM];
    if (dot == NULL || (size_t) (dot - dotted) >= sizeof(section))
        return NULL;
    snprintf(section, sizeof(section), "%.*s", (int) (dot - dotted), dotted);
    return find_key(table->keys, table->n_keys, section, dot + 1);
}

/*  ------------------------------------------------------------------------ values  */

/*  Where a value goes: a key's place in the struct that out is, texts kept in the arena.  */
typedef struct place {
    arena_t *texts;
    char *out;
} place_t;

static err_t
set_text(const place_t *place, const config_key_t *key, const char *value, fault_t *fault)
{
    (void) fault;
    *(const char **) (void *) (place->out + key->offset) = arena_text(place->texts, value);
    return OK;
}

static bool
has_word(const char *words, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = words; *at != '\0';) {
        const size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}

static err_t
set_choice(const place_t *place, const config_key_t *key, const char *value, fault_t *fault)
{
    if (!has_word(key->choices, value))
        return fault_set(fault, ERR_CONFIG, "%s.%s is \"%s\"; it must be one of: %s",
                         key->section, key->name, value, key->choices);
    return set_text(place, key, value, fault);
}

static err_t
set_number(const place_t *place, const config_key_t *key, const char *value, fault_t *fault)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (*value == '\0' || *end != '\0' || strchr(" \t+", *value) != NULL)
        return fault_set(fault, ERR_CONFIG, "%s.%s is \"%s\", which is not a whole number",
                         key->section, key->name, value);
    if (errno == ERANGE || number < key->low || number > key->high)
        return fault_set(fault, ERR_CONFIG, "%s.%s is %s, outside %" PRId64 " to %" PRId64,
                         key->section, key->name, value, key->low, key->high);
    *(int64_t *) (void *) (place->out + key->offset) = number;
    return OK;
}

static err_t
set_flag(const place_t *place, const config_key_t *key, const char *value, fault_t *fault)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(value, words[i].word) == 0) {
            *(bool *) (place->out + key->offset) = words[i].value;
            return OK;
        }
    return fault_set(fault, ERR_CONFIG, "%s.%s is \"%s\"; write true or false", key->section,
                     key->name, value);
}

static err_t (*const setters[])(const place_t *place, const config_key_t *key,
                                const char *value, fault_t *fault) = {
    [CONFIG_TEXT] = set_text,
    [CONFIG_NUMBER] = set_number,
    [CONFIG_FLAG] = set_flag,
    [CONFIG_CHOICE] = set_choice,
};

static void
set_presets(const place_t *place, const config_key_t *keys, size_t n_keys)
{
    for (size_t i = 0; i < n_keys; i++) {
        const err_t err = setters[keys[i].kind](place, &keys[i], keys[i].preset, NULL);
        assert(err == OK);
    }
}

void
config_defaults(config_t *self, const config_table_t *table, void *out)
{
    *self = (config_t){.table = table, .out = out};
    const place_t place = {.texts = &self->texts, .out = out};
    set_presets(&place, table->keys, table->n_keys);
    for (size_t i = 0; i < table->n_lists; i++) {
        *(void **) (void *) (place.out + table->lists[i].items) = NULL;
        *(size_t *) (void *) (place.out + table->lists[i].n_items) = 0;
    }
}

err_t
config_set(config_t *self, const char *dotted, const char *value, fault_t *fault)
{
    const config_key_t *key = find_dotted(self->table, dotted);
    if (key == NULL)
        return fault_set(fault, ERR_CONFIG, "there is no setting %s", dotted);
    const place_t place = {.texts = &self->texts, .out = self->out};
    return setters[key->kind](&place, key, value, fault);
}

err_t
config_check(const config_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->table->n_orders; i++) {
        const config_order_t *order = &self->table->orders[i];
        const config_key_t *smaller = find_dotted(self->table, order->smaller);
        const config_key_t *greater = find_dotted(self->table, order->greater);
        assert(smaller != NULL && greater != NULL);
        int64_t low = *(const int64_t *) (const void *) ((char *) self->out + smaller->offset);
        int64_t high = *(const int64_t *) (const void *) ((char *) self->out + greater->offset);
        if (high <= low)
            return fault_set(fault, ERR_CONFIG,
                             "%s (%" PRId64 ") must be greater than %s (%" PRId64 ")",
                             order->greater, high, order->smaller, low);
    }
    return OK;
}

void
config_release(config_t *self)
{
    arena_release(&self->texts);
    *self = (config_t){0};
}

/*  -------------------------------------------------------------------------- tree  */

/*  A walk through the tree of the items. ZPL has one item a line, in the order of the walk:
    so the walk counts them and knows its line.  */
typedef struct walk {
    config_t *config;
    size_t n_walked;
    fault_t cause; /* without file and line */
} walk_t;

/*  What the keys of a block mean, and where their values go.  */
typedef struct block {
    const char *section;
    const config_key_t *keys;
    size_t n_keys;
    place_t place;
    bool *seen;              /* by key */
    config_extras_t *extras; /* for keys that are not among these; NULL: there may be none */
} block_t;

static err_t
load_extra(walk_t *walk, const block_t *block, zconfig_t *item)
{
    config_extras_t *extras = block->extras;
    const char *name = zconfig_name(item);
    if (zconfig_child(item) != NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s has something indented below it",
                         block->section, name);
    for (size_t i = 0; i < extras->n; i++)
        if (strcmp(extras->items[i].name, name) == 0)
            return fault_set(&walk->cause, ERR_CONFIG, "%s.%s was given before", block->section,
                             name);
    config_extra_t *grown =
        arena_new(block->place.texts, (extras->n + 1) * sizeof *extras->items);
    if (extras->n > 0)
        memcpy(grown, extras->items, extras->n * sizeof *grown);
    grown[extras->n++] = (config_extra_t){
        .name = arena_text(block->place.texts, name),
        .value = arena_text(block->place.texts, zconfig_value(item)),
    };
    extras->items = grown;
    return OK;
}

static err_t
load_key(walk_t *walk, const block_t *block, zconfig_t *item)
{
    const config_key_t *key =
        find_key(block->keys, block->n_keys, block->section, zconfig_name(item));
    if (key == NULL && block->extras != NULL)
        return load_extra(walk, block, item);
    if (key == NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "section %s has no key \"%s\"",
                         block->section, zconfig_name(item));
    if (zconfig_child(item) != NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s has something indented below it",
                         block->section, key->name);
    if (block->seen[key - block->keys])
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s was given before", block->section,
                         key->name);
    block->seen[key - block->keys] = true;

    return setters[key->kind](&block->place, key, zconfig_value(item), &walk->cause);
}

static err_t
load_block(walk_t *walk, const block_t *block, zconfig_t *item)
{
    err_t err = OK;
    for (zconfig_t *key = zconfig_child(item); err == OK && key != NULL;
         key = zconfig_next(key)) {
        walk->n_walked++;
        err = load_key(walk, block, key);
    }
    return err;
}

/*  One more item at the end, with its defaults.  */
static char *
add_item(config_t *self, const config_list_t *list, const char *name)
{
    char **items = (char **) (void *) ((char *) self->out + list->items);
    size_t *n = (size_t *) (void *) ((char *) self->out + list->n_items);
    char *grown = arena_new(&self->texts, (*n + 1) * list->item_size);
    if (*n > 0)
        memcpy(grown, *items, *n * list->item_size);
    char *item = grown + *n * list->item_size;
    *(const char **) (void *) item = arena_text(&self->texts, name);
    set_presets(&(place_t){.texts = &self->texts, .out = item}, list->keys, list->n_keys);
    *items = grown;
    ++*n;
    return item;
}

static bool
has_item(const config_t *self, const config_list_t *list, const char *name)
{
    const char *items = *(char **) (void *) ((char *) self->out + list->items);
    const size_t n = *(size_t *) (void *) ((char *) self->out + list->n_items);
    for (size_t i = 0; i < n; i++)
        if (strcmp(*(const char *const *) (const void *) (items + i * list->item_size), name)
            == 0)
            return true;
    return false;
}

static err_t
load_item(walk_t *walk, const config_list_t *list, zconfig_t *item)
{
    const char *name = zconfig_name(item);
    if (*zconfig_value(item) != '\0')
        return fault_set(&walk->cause, ERR_CONFIG,
                         "%s.%s has a value; its keys stand indented below it",
                         list->section.name, name);
    if (has_item(walk->config, list, name))
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s was given before", list->section.name,
                         name);
    char *out = add_item(walk->config, list, name);
    const block_t block = {
        .section = list->section.name,
        .keys = list->keys,
        .n_keys = list->n_keys,
        .place = {.texts = &walk->config->texts, .out = out},
        .extras = list->extras ? (config_extras_t *) (void *) (out + list->extras) : NULL,
        .seen = arena_new(&walk->config->texts, list->n_keys * sizeof(bool)),
    };
    return load_block(walk, &block, item);
}

static err_t
load_list(walk_t *walk, const config_list_t *list, zconfig_t *section)
{
    err_t err = OK;
    for (zconfig_t *item = zconfig_child(section); err == OK && item != NULL;
         item = zconfig_next(item)) {
        walk->n_walked++;
        err = load_item(walk, list, item);
    }
    return err;
}

static const config_list_t *
find_list(const config_table_t *table, const char *name)
{
    for (size_t i = 0; i < table->n_lists; i++)
        if (strcmp(table->lists[i].section.name, name) == 0)
            return &table->lists[i];
    return NULL;
}

static err_t
load_section(walk_t *walk, const block_t *all, zconfig_t *item)
{
    const char *name = zconfig_name(item);
    const config_table_t *table = walk->config->table;
    const config_list_t *list = find_list(table, name);
    block_t block = *all;
    block.section = name;
    if (find_section(table, name) == NULL && list == NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "there is no section \"%s\"", name);
    if (*zconfig_value(item) != '\0')
        return fault_set(&walk->cause, ERR_CONFIG,
                         "section %s has a value; its keys stand indented below it", name);
    return list ? load_list(walk, list, item) : load_block(walk, &block, item);
}

static err_t
load_tree(walk_t *walk, zconfig_t *root)
{
    config_t *config = walk->config;
    const config_table_t *table = config->table;
    const block_t all = {
        .keys = table->keys,
        .n_keys = table->n_keys,
        .place = {.texts = &config->texts, .out = config->out},
        .seen = arena_new(&config->texts, table->n_keys * sizeof(bool)),
    };
    err_t err = OK;
    for (zconfig_t *section = zconfig_child(root); err == OK && section != NULL;
         section = zconfig_next(section)) {
        walk->n_walked++;
        err = load_section(walk, &all, section);
    }
    return err;
}

static err_t
load_items(config_t *self, const char *path, config_lines_t *lines, fault_t *fault)
{
    zsys_handler_set(NULL); /* or czmq takes the signals, which are the host's */
    zconfig_t *root = zconfig_str_load(buffer_text(&lines->text));
    if (root == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: it is not a ZPL file", path);
    walk_t walk = {.config = self};
    err_t err = load_tree(&walk, root);
    if (err != OK)
        fault_set(fault, err, "%s:%d: %s", path, lines->numbers[walk.n_walked - 1],
                  walk.cause.text);
    zconfig_destroy(&root);
    return err;
}

err_t
config_load(config_t *self, const char *path, fault_t *fault)
{
    config_lines_t lines = {0};
    err_t err = config_lines_read(&lines, path, fault);
    if (err == OK)
        err = load_items(self, path, &lines, fault);
    config_lines_release(&lines);
    return err;
}
