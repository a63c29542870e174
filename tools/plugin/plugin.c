/*  plugin - finds the verb behind it and runs that.  */

#include "tools/plugin/plugin.h"

#include "runtime/plugin.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

static const verb_t *const plugin_verbs[] = {
    &plugin_list_verb, &plugin_add_verb, &plugin_remove_verb, &plugin_inspect_verb, NULL,
};

/*  What a process starts itself with, and no person.  */
static void
become(const char *verb, const char *file)
{
    if (strcmp(verb, "probe") == 0)
        plugin_probe(file);
    if (strcmp(verb, "host") == 0)
        plugin_serve(file);
}

static int
plugin(args_t *args)
{
    const char *word = args->count > 0 ? args->values[0] : "";
    if (strcmp(word, "--help") == 0)
        return fputs(args->verb->usage, stdout), STATUS_DONE;
    if (args->count == 2)
        become(word, args->values[1]);
    const verb_t *verb = verb_named(plugin_verbs, word);
    if (word[0] == '\0')
        return complain_usage(args->verb, "which verb? list, add, remove or inspect");
    if (!verb)
        return complain_usage(args->verb, "%s: plugin has no such verb", word);
    return verb->run(
        &(args_t){.verb = verb, .count = args->count - 1, .values = args->values + 1});
}

const verb_t verb_plugin = {
    .name = "plugin",
    .summary = "look at plug-ins; add and remove them",
    .usage =
        "usage: waybill plugin VERB [OPTION...] [OPERAND...]\n\n"
        "A plug-in is a shared object that is an actor of an agent or a server. The verbs,\n"
        "each told of by `waybill help plugin VERB`:\n\n"
        "  list         what plug-ins a running agent or server has\n"
        "  add          load one into it\n"
        "  remove       let one finish, and go\n"
        "  inspect      what a file says of itself\n"
        "\nThose that an agent or server shall always have stand in its config file, in the\n"
        "section plugins.\n",
    .run = plugin,
    .verbs = plugin_verbs,
};
