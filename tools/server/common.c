/*  What the verbs behind `waybill server` begin with.  */

#include "tools/launch.h"
#include "tools/server/server.h"

#include <stdio.h>
#include <stdlib.h>

bool
server_settings(const verb_t *verb, const server_options_t *options, settings_t *settings)
{
    const launch_option_t given[] = {{"server.db", options->db}, {0}};
    if (!launch_settings("server", options->config, given, settings))
        return false;
    if (settings_on_postgres(settings))
        return true;
    (void) complain_usage(verb, "--db: it is no address of a database in PostgreSQL; name one, "
                                "postgres://USER@HOST/DATABASE");
    return false;
}

void
server_print(const char *format, ...)
{
    enum { ROOM = 65536 };
    char *text = mem_new(ROOM);
    va_list arguments;
    va_start(arguments, format);
    line_format(text, ROOM, format, arguments);
    va_end(arguments);
    puts(text);
    free(text);
}
