/*  server - the verbs that stand behind `waybill server`: they look at its database.  */

#pragma once

#include "actors/settings.h"
#include "tools/verb.h"

extern const verb_t server_check_verb; /* check.c */
extern const verb_t server_slots_verb; /* slots.c */

/*  The options that name a server and its database.  */
typedef struct server_options {
    const char *config, *db;
} server_options_t;

/*  False, and the person is told: these settings name no database in PostgreSQL.  */
bool server_settings(const verb_t *verb, const server_options_t *options, settings_t *settings);
/*  A line about things that others have named: it cannot steer a terminal.  */
void server_print(const char *format, ...) PRINTF_LIKE(1, 2);
