/*  The verbs that ask a running agent or server.  */

#include "tools/plugin/plugin.h"

#include "runtime/plugin.h"
#include "schemas/pack.h"
#include "tools/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 120000, MOST_VALUES = 64 };

/*  ---------------------------------------------------------------------------- list  */

static bool
is_plugin(const actor_info_t *actor)
{
    return strcmp(actor->kind, PLUGIN_THREAD) == 0 || strcmp(actor->kind, PLUGIN_PROCESS) == 0;
}

static void
print_actor(const actor_info_t *actor, bool json)
{
    if (json)
        print_as_json(MSG_actor_info, actor);
    else
        printf("%-16s %-8s %-9s %-8s %s\n", actor->name, actor->kind, actor->state,
               actor->version ? actor->version : "", actor->file ? actor->file : "");
}

static int
list(args_t *args)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 0, 0, &joined, &status))
        return status;
    AUTO(ipc_client) client = join(&(verb_t){.name = "plugin"}, joined.run_dir, JOIN_MS);
    const tree_t *tree = client ? ask_actor(client, "system", QUESTION(tree_get, tree)) : NULL;
    if (!tree)
        return STATUS_NO;
    for (size_t i = 0; i < tree->n_actors; i++)
        if (is_plugin(&tree->actors[i]))
            print_actor(&tree->actors[i], joined.json);
    return STATUS_DONE;
}

const verb_t plugin_list_verb = {
    .name = "plugin list",
    .summary = "list the plug-ins of a running agent or server",
    .usage =
        "usage: waybill plugin list [--json] [--run-dir DIR]\n\n"
        "A line for each: name, isolation, state, version, file.\n\n"
        "  --json          a JSON object a line, with what it says and takes\n" RUN_DIR_USAGE,
    .run = list,
};

/*  ----------------------------------------------------------------------------- add  */

/*  --set stands as often as there are settings: those are taken out before the others are read.
 */
static bool
take_settings(args_t *args, buffer_t *packed)
{
    const char *pairs[MOST_VALUES];
    size_t n = 0;
    int kept = 0;
    for (int i = 0; i < args->count; i++) {
        if (strcmp(args->values[i], "--set") != 0) {
            args->values[kept++] = args->values[i];
            continue;
        }
        if (++i == args->count || strchr(args->values[i], '=') == NULL || n == MOST_VALUES)
            return false;
        pairs[n++] = args->values[i];
    }
    args->count = kept;
    pack_map(packed, n);
    for (size_t i = 0; i < n; i++) {
        const char *value = strchr(pairs[i], '=');
        pack_text(packed, pairs[i], (size_t) (value - pairs[i]));
        pack_text(packed, value + 1, strlen(value + 1));
    }
    return true;
}

static int
send_add(const char *run_dir, const plugin_add_t *add)
{
    AUTO(ipc_client) client = join(&(verb_t){.name = "plugin"}, run_dir, JOIN_MS);
    const question_t question = {MSG_plugin_add, add, MSG_plugin_added};
    const plugin_added_t *added =
        client ? ask_actor_for(client, "plugins", &question, PATIENCE_MS) : NULL;
    if (!added)
        return STATUS_NO;
    printf("%s %s is ready\n", added->name, added->version ? added->version : "");
    return STATUS_DONE;
}

static int
add(args_t *args)
{
    const char *run_dir = NULL;
    plugin_add_t body = {0};
    int64_t limit_ms = 0;
    buffer_t settings = {0};
    const option_rule_t rules[] = {RUN_DIR_RULE(&run_dir),
                                   {"name", OPTION_TEXT, &body.name, 0, 0},
                                   {"isolation", OPTION_TEXT, &body.isolation, 0, 0},
                                   {"limit-ms", OPTION_NUMBER, &limit_ms, 100, 3600000},
                                   {0}};
    int status;
    if (!take_settings(args, &settings)) {
        buffer_release(&settings);
        return complain_usage(args->verb, "--set: KEY=VALUE is wanted, at most %d of them",
                              MOST_VALUES);
    }
    body.settings = buffer_bytes(&settings);
    if (!options_read(args, rules, 1, 1, &status))
        return buffer_release(&settings), status;
    body.limit_ms = (uint64_t) limit_ms;
    AUTO(text) file = realpath(args->values[0], NULL);
    body.file = file;
    if (file == NULL) {
        complain("%s: %s", args->values[0], strerrordesc_np(errno));
        status = STATUS_NO;
    } else if (body.name == NULL) {
        status =
            complain_usage(args->verb, "--name: it is missing; how shall the actor be called?");
    } else {
        status = send_add(run_dir, &body);
    }
    buffer_release(&settings);
    return status;
}

const verb_t plugin_add_verb = {
    .name = "plugin add",
    .summary = "load a plug-in into a running agent or server",
    .usage =
        "usage: waybill plugin add FILE.so --name NAME [--isolation HOW] [--set "
        "KEY=VALUE]...\n\n"
        "Looks at the file, checks the settings, loads it and starts it. It lasts until it is\n"
        "removed or the process ends; to have it always, write it into the config file.\n\n"
        "  --name NAME      of the actor: letters a-z, digits and -\n"
        "  --isolation HOW  thread (default): in that process. process: in one of its own,\n"
        "                   which may crash and is started again\n"
        "  --limit-ms N     process: longest time of a callback; default 30000\n"
        "  --set KEY=VALUE  a setting; `waybill plugin inspect FILE.so` lists "
        "them\n" RUN_DIR_USAGE
        "\nExit status 1: it was not added, and nothing has changed; the message says why.\n\n"
        "example: waybill plugin add ./webhook.so --name webhook --set "
        "url=http://127.0.0.1:9/\n",
    .run = add,
};

/*  --------------------------------------------------------------------------- remove  */

static int
remove_plugin(args_t *args)
{
    const char *run_dir = NULL;
    int status;
    if (!options_read(args, (const option_rule_t[]){RUN_DIR_RULE(&run_dir), {0}}, 1, 1,
                      &status))
        return status;
    plugin_remove_t body = {.name = args->values[0]};
    AUTO(ipc_client) client = join(&(verb_t){.name = "plugin"}, run_dir, JOIN_MS);
    const question_t question = {MSG_plugin_remove, &body, MSG_plugin_removed};
    bool gone = client && ask_actor_for(client, "plugins", &question, PATIENCE_MS) != NULL;
    return gone ? STATUS_DONE : STATUS_NO;
}

const verb_t plugin_remove_verb = {
    .name = "plugin remove",
    .summary = "let a plug-in finish, and go",
    .usage =
        "usage: waybill plugin remove NAME [--run-dir DIR]\n\n"
        "Nothing new is said to it any more; it finishes what was said before, and stops.\n"
        "Its name is free again.\n\n" RUN_DIR_USAGE
        "\nExit status 1: there is no such plug-in, or it does not stop.\n",
    .run = remove_plugin,
};
