/*  defaults - the settings of an agent or a server that nobody told anything.  */

#pragma once

#include "actors/settings.h"

/* clang-format off */
static const settings_t defaults = {
#define SECTION(name, roles, summary)
#define TEXT_KEY(section, name, value, summary) .section##_##name = (value),
#define CHOICE_KEY(section, name, value, choices, summary) .section##_##name = (value),
#define NUMBER_KEY(section, name, value, low, high, summary) .section##_##name = (value),
#define FLAG_KEY(section, name, value, summary) .section##_##name = (value),
#include "actors/config.def"
#undef SECTION
#undef TEXT_KEY
#undef CHOICE_KEY
#undef NUMBER_KEY
#undef FLAG_KEY
};
/* clang-format on */
