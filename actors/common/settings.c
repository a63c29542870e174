#include "actors/settings.h"

// clang-format off
static const config_section_t sections[] = {
#define SECTION(name, roles, summary) {#name, roles, summary},
#define TEXT_KEY(section, name, value, summary)
#define NUMBER_KEY(section, name, value, low, high, summary)
#define FLAG_KEY(section, name, value, summary)
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};

static const config_key_t keys[] = {
#define SECTION(name, roles, summary)
#define KEY(section, name, kind, preset, low, high, summary)                                   \
    {#section, #name, kind, preset, low, high, offsetof(settings_t, section##_##name), summary},
#define TEXT_KEY(section, name, value, summary) KEY(section, name, CONFIG_TEXT, value, 0, 0, summary)
#define NUMBER_KEY(section, name, value, low, high, summary)                                   \
    KEY(section, name, CONFIG_NUMBER, #value, low, high, summary)
#define FLAG_KEY(section, name, value, summary) KEY(section, name, CONFIG_FLAG, #value, 0, 0, summary)
#include "actors/config.def"
#undef SECTION
#undef KEY
#undef TEXT_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};
// clang-format on

static const config_order_t orders[] = {
    {"connection.heartbeat_ms", "connection.silent_ms"},
};

const config_table_t settings_table = {
    .sections = sections,
    .n_sections = COUNT_OF(sections),
    .keys = keys,
    .n_keys = COUNT_OF(keys),
    .orders = orders,
    .n_orders = COUNT_OF(orders),
};
