#include "runtime/config.h"

#include <czmq.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 64, INDENT = 4 };

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
find_key(const config_table_t *table, const char *section, const char *name)
{
    for (size_t i = 0; i < table->n_keys; i++)
        if (strcmp(table->keys[i].section, section) == 0
            && strcmp(table->keys[i].name, name) == 0)
            return &table->keys[i];
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
    return find_key(table, section, dot + 1);
}

/*  ------------------------------------------------------------------------ values  */

static err_t
set_text(config_t *self, const config_key_t *key, const char *value, fault_t *fault)
{
    (void) fault;
    *(const char **) ((char *) self->out + key->offset) = arena_text(&self->texts, value);
    return OK;
}

static err_t
set_number(config_t *self, const config_key_t *key, const char *value, fault_t *fault)
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
    *(int64_t *) (void *) ((char *) self->out + key->offset) = number;
    return OK;
}

static err_t
set_flag(config_t *self, const config_key_t *key, const char *value, fault_t *fault)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(value, words[i].word) == 0) {
            *(bool *) ((char *) self->out + key->offset) = words[i].value;
            return OK;
        }
    return fault_set(fault, ERR_CONFIG, "%s.%s is \"%s\"; write true or false", key->section,
                     key->name, value);
}

static err_t (*const setters[])(config_t *self, const config_key_t *key, const char *value,
                                fault_t *fault) = {
    [CONFIG_TEXT] = set_text,
    [CONFIG_NUMBER] = set_number,
    [CONFIG_FLAG] = set_flag,
};

void
config_defaults(config_t *self, const config_table_t *table, void *out)
{
    *self = (config_t){.table = table, .out = out};
    for (size_t i = 0; i < table->n_keys; i++) {
        const config_key_t *key = &table->keys[i];
        err_t err = setters[key->kind](self, key, key->preset, NULL);
        assert(err == OK);
    }
}

err_t
config_set(config_t *self, const char *dotted, const char *value, fault_t *fault)
{
    const config_key_t *key = find_dotted(self->table, dotted);
    if (key == NULL)
        return fault_set(fault, ERR_CONFIG, "there is no setting %s", dotted);
    return setters[key->kind](self, key, value, fault);
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

/*  ------------------------------------------------------------------------- lines  */

/*  The items of a file, without blank lines and comments, and the line each stood on:
    zconfig keeps no line numbers, and says what it dislikes on standard output only.  */
typedef struct items {
    buffer_t text;
    int *lines;
    size_t n;
    int depth; /* of the last one */
} items_t;

static bool
is_end(const char *text)
{
    text += strspn(text, " \t\r\n");
    return *text == '\0' || *text == '#';
}

static const char *
fault_of_value(const char *text)
{
    text += strspn(text, " \t");
    if (*text != '"' && *text != '\'') {
        size_t size = strcspn(text, " \t\r\n#\"'");
        return is_end(text + size) ? NULL : "a value with spaces or quotes stands in quotes";
    }
    const char *end = strchr(text + 1, *text);
    if (end == NULL)
        return "the quote is not closed";
    return is_end(end + 1) ? NULL : "something stands behind the closing quote";
}

/*  NULL if this line can be the next item.  */
static const char *
fault_of_line(const char *line, int *depth)
{
    static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-";
    int spaces = (int) strspn(line, " ");
    if (spaces % INDENT != 0 || spaces / INDENT > *depth + 1)
        return "a section stands at the margin, its keys are indented by four spaces";
    *depth = spaces / INDENT;

    const char *rest = line + spaces;
    size_t size = strspn(rest, name_chars);
    if (size == 0)
        return "a name was expected";
    rest += size;
    rest += strspn(rest, " \t");
    if (*rest == '=')
        return fault_of_value(rest + 1);
    return is_end(rest) ? NULL : "name = value was expected";
}

static err_t
add_line(items_t *self, const char *path, int number, const char *line, fault_t *fault)
{
    if (is_end(line))
        return OK;
    const char *why = fault_of_line(line, &self->depth);
    if (why != NULL)
        return fault_set(fault, ERR_CONFIG, "%s:%d: %s", path, number, why);
    self->lines = mem_grow(self->lines, (self->n + 1) * sizeof(*self->lines));
    self->lines[self->n++] = number;
    buffer_add_text(&self->text, line);
    return OK;
}

static err_t
read_items(items_t *self, const char *path, FILE *file, fault_t *fault)
{
    char *line = NULL;
    size_t room = 0;
    err_t err = OK;
    self->depth = -1;
    for (int number = 1; err == OK; number++) {
        ssize_t size = getline(&line, &room, file);
        if (size < 0)
            break;
        err = (size_t) size == strlen(line)
                  ? add_line(self, path, number, line, fault)
                  : fault_set(fault, ERR_CONFIG, "%s:%d: this is no text", path, number);
    }
    if (err == OK && ferror(file))
        err = fault_set(fault, ERR_CONFIG, "%s: %s", path, strerrordesc_np(errno));
    free(line);
    return err;
}

/*  -------------------------------------------------------------------------- tree  */

/*  A walk through the tree of the items. ZPL has one item a line, in the order of the walk:
    so the walk counts them and knows its line.  */
typedef struct walk {
    config_t *config;
    size_t n_walked;
    bool *seen;    /* by key */
    fault_t cause; /* without file and line */
} walk_t;

static err_t
load_key(walk_t *walk, const char *section, zconfig_t *item)
{
    const config_table_t *table = walk->config->table;
    const config_key_t *key = find_key(table, section, zconfig_name(item));
    if (key == NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "section %s has no key \"%s\"", section,
                         zconfig_name(item));
    if (zconfig_child(item) != NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s has something indented below it",
                         section, key->name);
    if (walk->seen[key - table->keys])
        return fault_set(&walk->cause, ERR_CONFIG, "%s.%s was given before", section,
                         key->name);
    walk->seen[key - table->keys] = true;

    return setters[key->kind](walk->config, key, zconfig_value(item), &walk->cause);
}

static err_t
load_section(walk_t *walk, zconfig_t *item)
{
    const char *name = zconfig_name(item);
    if (find_section(walk->config->table, name) == NULL)
        return fault_set(&walk->cause, ERR_CONFIG, "there is no section \"%s\"", name);
    if (*zconfig_value(item) != '\0')
        return fault_set(&walk->cause, ERR_CONFIG,
                         "section %s has a value; its keys stand indented below it", name);
    for (zconfig_t *key = zconfig_child(item); key != NULL; key = zconfig_next(key)) {
        walk->n_walked++;
        err_t err = load_key(walk, name, key);
        if (err != OK)
            return err;
    }
    return OK;
}

static err_t
load_tree(walk_t *walk, zconfig_t *root)
{
    for (zconfig_t *section = zconfig_child(root); section != NULL;
         section = zconfig_next(section)) {
        walk->n_walked++;
        err_t err = load_section(walk, section);
        if (err != OK)
            return err;
    }
    return OK;
}

static err_t
load_items(config_t *self, const char *path, items_t *items, fault_t *fault)
{
    zsys_handler_set(NULL); /* or czmq takes the signals, which are the host's */
    zconfig_t *root = zconfig_str_load(buffer_text(&items->text));
    if (root == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: it is not a ZPL file", path);
    walk_t walk = {
        .config = self,
        .seen = mem_new(self->table->n_keys * sizeof(bool)),
    };
    err_t err = load_tree(&walk, root);
    if (err != OK)
        fault_set(fault, err, "%s:%d: %s", path, items->lines[walk.n_walked - 1],
                  walk.cause.text);
    free(walk.seen);
    zconfig_destroy(&root);
    return err;
}

err_t
config_load(config_t *self, const char *path, fault_t *fault)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: %s; `waybill init` writes a config file", path,
                         strerrordesc_np(errno));
    items_t items = {0};
    err_t err = read_items(&items, path, file, fault);
    if (err == OK)
        err = load_items(self, path, &items, fault);
    buffer_release(&items.text);
    free(items.lines);
    fclose(file);
    return err;
}
