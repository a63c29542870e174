/*  exposition - counts and times as Prometheus reads them: its text format, version 0.0.4.  */

#pragma once

#include "schemas/message.h"

void exposition_write(const stats_t *stats, const char *role, buffer_t *out);
