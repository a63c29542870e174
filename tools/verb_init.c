/*  init - a config file to start from.  */

#include "actors/settings.h"
#include "runtime/config.h"
#include "tools/verbs.h"

#include <errno.h>
#include <string.h>

static bool
is_role(const char *role)
{
    return strcmp(role, "agent") == 0 || strcmp(role, "server") == 0;
}

/*  Refuses to overwrite: "x".  */
static int
write_new(const char *role, const char *path)
{
    FILE *out = fopen(path, "wx");
    if (out) {
        config_write_commented(&settings_table, role, out);
        if (fclose(out) == 0)
            return STATUS_DONE;
    }
    complain("%s: %s; choose another name", path, strerror(errno));
    return STATUS_USAGE;
}

static int
init(args_t *args)
{
    const char *role = "agent";
    const option_rule_t rules[] = {{"role", OPTION_TEXT, &role, 0, 0}, {0}};
    int status;
    if (!options_read(args, rules, 0, 1, &status))
        return status;
    if (!is_role(role))
        return complain_usage(args->verb, "--role: \"%s\" is not agent or server", role);
    if (args->count > 0)
        return write_new(role, args->values[0]);
    config_write_commented(&settings_table, role, stdout);
    return STATUS_DONE;
}

const verb_t verb_init = {
    .name = "init",
    .summary = "write a commented config file",
    .usage = "usage: waybill init [--role agent|server] [FILE]\n\n"
             "Writes a config file with every setting, its default and what it is for, all\n"
             "commented out; without FILE to standard output.\n\n"
             "  --role ROLE     whose settings; default agent\n\n"
             "Exit status 2: FILE cannot be written, or exists.\n",
    .run = init,
};
