#include "runtime/config.h"

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

static const struct {
    const char *name;
    err_t (*set)(config_t *self, const config_key_t *key, const char *value, fault_t *fault);
} kinds[] = {
    [CONFIG_TEXT] = {"text", set_text},
    [CONFIG_NUMBER] = {"number", set_number},
    [CONFIG_FLAG] = {"true or false", set_flag},
};

void
config_defaults(config_t *self, const config_table_t *table, void *out)
{
    *self = (config_t){.table = table, .out = out};
    for (size_t i = 0; i < table->n_keys; i++) {
        const config_key_t *key = &table->keys[i];
        err_t err = kinds[key->kind].set(self, key, key->preset, NULL);
        assert(err == OK);
    }
}

err_t
config_set(config_t *self, const char *dotted, const char *value, fault_t *fault)
{
    const config_key_t *key = find_dotted(self->table, dotted);
    if (key == NULL)
        return fault_set(fault, ERR_CONFIG, "there is no setting %s", dotted);
    return kinds[key->kind].set(self, key, value, fault);
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

/*  -------------------------------------------------------------------------- file  */

/*  A walk through the tree of the file's items. ZPL has one item a line, in the order of
    the walk: so the walk reads along and knows its line, which zconfig does not keep.  */
typedef struct walk {
    config_t *config;
    const char *path;
    FILE *file;
    int line;
    bool *seen; /* by key */
    fault_t *fault;
} walk_t;

static bool
is_item(const char *line)
{
    line += strspn(line, " \t\r\n");
    return *line != '\0' && *line != '#';
}

static void
step(walk_t *walk)
{
    char *text = NULL;
    size_t room = 0;
    do
        walk->line++;
    while (getline(&text, &room, walk->file) >= 0 && !is_item(text));
    free(text);
}

static err_t blame(const walk_t *walk, const char *format, ...) PRINTF_LIKE(2, 3);

static err_t
blame(const walk_t *walk, const char *format, ...)
{
    char text[sizeof(walk->fault->text) / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return fault_set(walk->fault, ERR_CONFIG, "%s:%d: %s", walk->path, walk->line, text);
}

static err_t
load_key(walk_t *walk, const char *section, zconfig_t *item)
{
    const config_table_t *table = walk->config->table;
    const config_key_t *key = find_key(table, section, zconfig_name(item));
    if (key == NULL)
        return blame(walk, "section %s has no key \"%s\"", section, zconfig_name(item));
    if (zconfig_child(item) != NULL)
        return blame(walk, "%s.%s has something indented below it", section, key->name);
    if (walk->seen[key - table->keys])
        return blame(walk, "%s.%s was given before", section, key->name);
    walk->seen[key - table->keys] = true;

    fault_t cause = {0};
    err_t err = kinds[key->kind].set(walk->config, key, zconfig_value(item), &cause);
    return err == OK ? OK : blame(walk, "%s", cause.text);
}

static err_t
load_section(walk_t *walk, zconfig_t *item)
{
    const char *name = zconfig_name(item);
    if (find_section(walk->config->table, name) == NULL)
        return blame(walk, "there is no section \"%s\"", name);
    if (*zconfig_value(item) != '\0')
        return blame(walk, "section %s has a value; its keys stand indented below it", name);
    for (zconfig_t *key = zconfig_child(item); key != NULL; key = zconfig_next(key)) {
        step(walk);
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
        step(walk);
        err_t err = load_section(walk, section);
        if (err != OK)
            return err;
    }
    return OK;
}

/*  zconfig writes "(zconfig): (LINE) CAUSE" to czmq's log, and says nothing else.  */
static err_t
blame_syntax(const char *path, const char *log, fault_t *fault)
{
    static const char mark[] = "(zconfig): (";
    const char *found = strstr(log, mark);
    int line = 0;
    char cause[128] = "";
    if (found == NULL || sscanf(found + sizeof(mark) - 1, "%d) %127[^\n]", &line, cause) != 2)
        return fault_set(fault, ERR_CONFIG, "%s: it is not a ZPL file", path);
    return fault_set(fault, ERR_CONFIG, "%s:%d: %s", path, line, cause);
}

static err_t
parse(const char *path, zconfig_t **root, fault_t *fault)
{
    char *log = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&log, &size);
    assert(stream != NULL); /* out of memory */
    zsys_handler_set(NULL); /* or czmq takes the signals, which are the host's */
    zsys_set_logstream(stream);
    *root = zconfig_load(path);
    zsys_set_logstream(stderr);
    fclose(stream);
    err_t err = *root != NULL ? OK : blame_syntax(path, log, fault);
    free(log);
    return err;
}

static err_t
load_file(config_t *self, const char *path, FILE *file, fault_t *fault)
{
    zconfig_t *root = NULL;
    err_t err = parse(path, &root, fault);
    if (err != OK)
        return err;
    walk_t walk = {
        .config = self,
        .path = path,
        .file = file,
        .seen = mem_new(self->table->n_keys * sizeof(bool)),
        .fault = fault,
    };
    err = load_tree(&walk, root);
    free(walk.seen);
    zconfig_destroy(&root);
    return err;
}

err_t
config_load(config_t *self, const char *path, fault_t *fault)
{
    FILE *file = fopen(path, "re");
    int failed = file == NULL ? errno : 0;
    if (file != NULL && getc(file) == EOF && ferror(file))
        failed = errno; /* a directory */
    err_t err = OK;
    if (failed != 0)
        err = fault_set(fault, ERR_CONFIG, "%s: %s; `waybill init` writes a config file", path,
                        strerror(failed));
    else {
        rewind(file);
        err = load_file(self, path, file, fault);
    }
    if (file != NULL)
        fclose(file);
    return err;
}

/*  ------------------------------------------------------------------------- texts  */

static bool
has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    return false;
}

static bool
is_in(const config_key_t *key, const config_section_t *section)
{
    return strcmp(key->section, section->name) == 0;
}

static void
write_key(const config_key_t *key, FILE *out)
{
    const char *quote = key->kind == CONFIG_TEXT ? "\"" : "";
    fprintf(out, "\n    # %s", key->summary);
    if (key->kind == CONFIG_NUMBER)
        fprintf(out, " (%" PRId64 " to %" PRId64 ")", key->low, key->high);
    fprintf(out, "\n    # %s = %s%s%s\n", key->name, quote, key->preset, quote);
}

void
config_write_commented(const config_table_t *table, const char *role, FILE *out)
{
    fprintf(out,
            "# Settings of a waybill %s. Take the # off a key to change it: what stands\n"
            "# behind it is its default. Keys are indented by four spaces.\n",
            role);
    for (size_t i = 0; i < table->n_sections; i++) {
        const config_section_t *section = &table->sections[i];
        if (!has_word(section->roles, role))
            continue;
        fprintf(out, "\n# %s.\n%s\n", section->summary, section->name);
        for (size_t j = 0; j < table->n_keys; j++)
            if (is_in(&table->keys[j], section))
                write_key(&table->keys[j], out);
    }
}

static void
document_key(const config_key_t *key, FILE *out)
{
    fprintf(out, "| `%s` | %s | ", key->name, kinds[key->kind].name);
    fprintf(out, key->preset[0] != '\0' ? "`%s`" : "%s", key->preset);
    fprintf(out, " | ");
    if (key->kind == CONFIG_NUMBER)
        fprintf(out, "%" PRId64 " to %" PRId64, key->low, key->high);
    fprintf(out, " | %s |\n", key->summary);
}

void
config_document(const config_table_t *table, FILE *out)
{
    fputs(
        "# Settings\n\n"
        "What a config file may say, printed from `actors/config.def`. The format is ZPL: a\n"
        "section at the margin, its keys below it as `name = value`, indented by four spaces;\n"
        "`#` begins a comment. A value with spaces stands in quotes. `waybill init` writes a\n"
        "file with every key in it. A key left out has its default; the command line wins "
        "over\n"
        "the file. An unknown section or key, a wrong type and a number out of range are\n"
        "refused, with file and line.\n",
        out);
    for (size_t i = 0; i < table->n_sections; i++) {
        const config_section_t *section = &table->sections[i];
        fprintf(out, "\n## %s\n%s. Read by: %s.\n\n", section->name, section->summary,
                section->roles);
        fputs("| key | type | default | range | what it is |\n|---|---|---|---|---|\n", out);
        for (size_t j = 0; j < table->n_keys; j++)
            if (is_in(&table->keys[j], section))
                document_key(&table->keys[j], out);
    }
    if (table->n_orders > 0)
        fputs("\n## Rules between keys\n", out);
    for (size_t i = 0; i < table->n_orders; i++)
        fprintf(out, "- `%s` must be greater than `%s`\n", table->orders[i].greater,
                table->orders[i].smaller);
}
