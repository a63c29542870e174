#include "actors/settings.h"

#include <string.h>

// clang-format off
static const config_section_t sections[] = {
#define SECTION(name, roles, summary) {#name, roles, summary},
#define TEXT_KEY(section, name, value, summary)
#define CHOICE_KEY(section, name, value, choices, summary)
#define NUMBER_KEY(section, name, value, low, high, summary)
#define FLAG_KEY(section, name, value, summary)
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef CHOICE_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};

#define SECTION(name, roles, summary)
#define KEY(section, name, kind, preset, low, high, summary, choices)                          \
    {#section, #name, kind, preset, low, high, offsetof(HOLDER, section##_##name), summary, choices},
#define TEXT_KEY(section, name, value, summary) KEY(section, name, CONFIG_TEXT, value, 0, 0, summary, NULL)
#define CHOICE_KEY(section, name, value, choices, summary)                                     \
    KEY(section, name, CONFIG_CHOICE, value, 0, 0, summary, choices)
#define NUMBER_KEY(section, name, value, low, high, summary)                                   \
    KEY(section, name, CONFIG_NUMBER, #value, low, high, summary, NULL)
#define FLAG_KEY(section, name, value, summary) KEY(section, name, CONFIG_FLAG, #value, 0, 0, summary, NULL)

static const config_key_t keys[] = {
#define HOLDER settings_t
#include "actors/config.def"
#undef HOLDER
};

static const config_key_t table_keys[] = {
#define HOLDER table_settings_t
#include "actors/config_tables.def"
#undef HOLDER
};

static const config_key_t plugin_keys[] = {
#define HOLDER plugin_settings_t
#include "actors/config_plugins.def"
#undef HOLDER
};

static const table_settings_t table_presets = {
#undef TEXT_KEY
#undef CHOICE_KEY
#define TEXT_KEY(section, name, value, summary) .section##_##name = (value),
#define CHOICE_KEY(section, name, value, choices, summary) .section##_##name = (value),
#include "actors/config_tables.def"
};
// clang-format on

static const config_order_t orders[] = {
    {"connection.heartbeat_ms", "connection.silent_ms"},
};

static const config_list_t lists[] = {
    {
        .section = {"tables", "agent server",
                    "What holds for one table, named as in the database"},
        .keys = table_keys,
        .n_keys = COUNT_OF(table_keys),
        .item_size = sizeof(table_settings_t),
        .items = offsetof(settings_t, tables),
        .n_items = offsetof(settings_t, n_tables),
    },
    {
        .section = {"plugins", "agent server",
                    "Plug-ins, each under the name of the actor that it shall be"},
        .keys = plugin_keys,
        .n_keys = COUNT_OF(plugin_keys),
        .item_size = sizeof(plugin_settings_t),
        .items = offsetof(settings_t, plugins),
        .n_items = offsetof(settings_t, n_plugins),
        .extras = offsetof(plugin_settings_t, own),
    },
};

const config_table_t settings_table = {
    .sections = sections,
    .n_sections = COUNT_OF(sections),
    .keys = keys,
    .n_keys = COUNT_OF(keys),
    .orders = orders,
    .n_orders = COUNT_OF(orders),
    .lists = lists,
    .n_lists = COUNT_OF(lists),
};

const table_settings_t *
settings_of_table(const settings_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_tables; i++)
        if (strcmp(self->tables[i].name, name) == 0)
            return &self->tables[i];
    return &table_presets;
}

/*  What stands behind the scheme of a PostgreSQL address; NULL: it is a file.  */
static const char *
without_scheme(const char *address)
{
    static const char *const schemes[] = {"postgres://", "postgresql://"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (strncmp(address, schemes[i], strlen(schemes[i])) == 0)
            return address + strlen(schemes[i]);
    return NULL;
}

bool
settings_on_postgres(const settings_t *self)
{
    return without_scheme(self->server_db) != NULL;
}

const char *
settings_server_file(const settings_t *self)
{
    return settings_on_postgres(self) ? self->server_cache : self->server_db;
}

/*  Where a second @, or one behind a slash, makes it doubtful what is the password, nothing of
   it is shown.  */
const char *
settings_database(const settings_t *self, arena_t *arena)
{
    const char *rest = without_scheme(self->server_db);
    if (rest == NULL)
        return self->server_db;
    const char *at = strchr(rest, '@');
    if (at && (strcspn(rest, "/?#@") < (size_t) (at - rest) || strchr(at + 1, '@')))
        return "postgres://";
    const char *place = at ? at + 1 : rest;
    buffer_t shown = {0};
    buffer_add_text(&shown, "postgres://");
    if (at)
        buffer_add_format(&shown, "%.*s@", (int) strcspn(rest, ":@"), rest);
    buffer_add(&shown, place, strcspn(place, "?#"));
    const char *text = arena_text(arena, buffer_text(&shown));
    buffer_release(&shown);
    return text;
}
