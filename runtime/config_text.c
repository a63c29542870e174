/*  A config as the text of a file that says all of it.  */

#include "runtime/config.h"

#include <inttypes.h>
#include <string.h>

/*  Which quotes: ZPL has no way to write both kinds in one value.  */
static void
write_quoted(const char *text, buffer_t *out)
{
    const char *quote = strchr(text, '"') ? "'" : "\"";
    buffer_add_format(out, "%s%s%s", quote, text, quote);
}

static void
write_value(const config_key_t *key, const uint8_t *values, buffer_t *out)
{
    const void *value = values + key->offset;
    if (key->kind == CONFIG_NUMBER)
        buffer_add_format(out, "%" PRId64, *(const int64_t *) value);
    else if (key->kind == CONFIG_FLAG)
        buffer_add_text(out, *(const bool *) value ? "true" : "false");
    else
        write_quoted(*(const char *const *) value, out);
}

static void
write_section(const config_table_t *table, const config_section_t *section, const void *values,
              buffer_t *out)
{
    buffer_add_format(out, "%s\n", section->name);
    for (size_t i = 0; i < table->n_keys; i++) {
        const config_key_t *key = &table->keys[i];
        if (strcmp(key->section, section->name) != 0)
            continue;
        buffer_add_format(out, "    %s = ", key->name);
        write_value(key, values, out);
        buffer_add_text(out, "\n");
    }
}

static void
write_extras(const config_list_t *list, const uint8_t *item, buffer_t *out)
{
    if (list->extras == 0)
        return;
    const config_extras_t *extras = (const void *) (item + list->extras);
    for (size_t i = 0; i < extras->n; i++) {
        buffer_add_format(out, "        %s = ", extras->items[i].name);
        write_quoted(extras->items[i].value, out);
        buffer_add_text(out, "\n");
    }
}

static void
write_items(const config_list_t *list, const uint8_t *values, buffer_t *out)
{
    const uint8_t *items = *(const uint8_t *const *) (const void *) (values + list->items);
    size_t n = *(const size_t *) (const void *) (values + list->n_items);
    if (n > 0)
        buffer_add_format(out, "%s\n", list->section.name);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *item = items + i * list->item_size;
        buffer_add_format(out, "    %s\n", *(const char *const *) (const void *) item);
        for (size_t j = 0; j < list->n_keys; j++) {
            buffer_add_format(out, "        %s = ", list->keys[j].name);
            write_value(&list->keys[j], item, out);
            buffer_add_text(out, "\n");
        }
        write_extras(list, item, out);
    }
}

void
config_write(const config_table_t *table, const void *values, buffer_t *out)
{
    for (size_t i = 0; i < table->n_sections; i++)
        write_section(table, &table->sections[i], values, out);
    for (size_t i = 0; i < table->n_lists; i++)
        write_items(&table->lists[i], values, out);
}
