/*  settings_table - config.def as the table that config.h reads by.  */

#pragma once

#include "runtime/config.h"

extern const config_table_t settings_table;
