#include "runtime/config.h"

#include <inttypes.h>
#include <string.h>

static const char *const kind_names[] = {
    [CONFIG_TEXT] = "text",
    [CONFIG_NUMBER] = "number",
    [CONFIG_FLAG] = "true or false",
    [CONFIG_CHOICE] = "word",
};

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
write_key(const config_key_t *key, const char *indent, FILE *out)
{
    const bool quoted = key->kind == CONFIG_TEXT || key->kind == CONFIG_CHOICE;
    const char *quote = quoted ? "\"" : "";
    fprintf(out, "\n%s# %s", indent, key->summary);
    if (key->kind == CONFIG_NUMBER)
        fprintf(out, " (%" PRId64 " to %" PRId64 ")", key->low, key->high);
    if (key->kind == CONFIG_CHOICE)
        fprintf(out, " (one of: %s)", key->choices);
    fprintf(out, "\n%s# %s = %s%s%s\n", indent, key->name, quote, key->preset, quote);
}

static void
write_list(const config_list_t *list, const char *role, FILE *out)
{
    if (!has_word(list->section.roles, role))
        return;
    fprintf(out, "\n# %s.\n%s\n\n    # a_name\n", list->section.summary, list->section.name);
    for (size_t i = 0; i < list->n_keys; i++)
        write_key(&list->keys[i], "        ", out);
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
                write_key(&table->keys[j], "    ", out);
    }
    for (size_t i = 0; i < table->n_lists; i++)
        write_list(&table->lists[i], role, out);
}

static void
document_key(const config_key_t *key, FILE *out)
{
    fprintf(out, "| `%s` | %s | ", key->name, kind_names[key->kind]);
    const char *quote = key->preset[0] != '\0' ? "`" : "";
    fprintf(out, "%s%s%s | ", quote, key->preset, quote);
    if (key->kind == CONFIG_NUMBER)
        fprintf(out, "%" PRId64 " to %" PRId64, key->low, key->high);
    if (key->kind == CONFIG_CHOICE)
        fputs(key->choices, out);
    fprintf(out, " | %s |\n", key->summary);
}

static const char columns[] =
    "| key | type | default | range | what it is |\n|---|---|---|---|---|\n";

static void
document_list(const config_list_t *list, FILE *out)
{
    fprintf(out,
            "\n## %s\n%s. Read by: %s. Below it stand names of your own, and below each of\n"
            "them these keys, indented once more.\n\n%s",
            list->section.name, list->section.summary, list->section.roles, columns);
    for (size_t i = 0; i < list->n_keys; i++)
        document_key(&list->keys[i], out);
    if (list->extras)
        fputs("\nAny other key of such an item is a setting of what it names.\n", out);
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
        fputs(columns, out);
        for (size_t j = 0; j < table->n_keys; j++)
            if (is_in(&table->keys[j], section))
                document_key(&table->keys[j], out);
    }
    for (size_t i = 0; i < table->n_lists; i++)
        document_list(&table->lists[i], out);
    if (table->n_orders > 0)
        fputs("\n## Rules between keys\n", out);
    for (size_t i = 0; i < table->n_orders; i++)
        fprintf(out, "- `%s` must be greater than `%s`\n", table->orders[i].greater,
                table->orders[i].smaller);
}
