#include "tools/plugin/plugin.h"

#include "runtime/plugin.h"
#include "schemas/codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_message(const plugin_message_t *row)
{
    printf("  %-10s %-24s %s%s%s%s%s%s\n", row->way, row->type, row->class,
           row->to ? " to " : "", row->to ? row->to : "", row->own ? ", its own" : "",
           row->summary ? "; " : "", row->summary ? row->summary : "");
}

static void
print_setting(const plugin_setting_t *row)
{
    printf("  %-10s %s", row->name, row->kind);
    if (row->preset)
        printf(", else \"%s\"", row->preset);
    else
        printf(", must be given");
    printf("%s%s\n", row->summary ? "; " : "", row->summary ? row->summary : "");
}

static void
print_text(const plugin_manifest_t *manifest)
{
    printf("%s %s: %s\n", manifest->name, manifest->version, manifest->summary);
    printf("built with waybill/plugin.h %s\n\nmessages\n", manifest->abi);
    for (size_t i = 0; i < manifest->n_messages; i++)
        print_message(&manifest->messages[i]);
    printf("\nsettings\n");
    for (size_t i = 0; i < manifest->n_settings; i++)
        print_setting(&manifest->settings[i]);
}

static void
print_json(const plugin_manifest_t *manifest)
{
    buffer_t json = {0};
    message_to_json(MSG_plugin_manifest, manifest, false, &json);
    puts(buffer_text(&json));
    buffer_release(&json);
}

static int
inspect(args_t *args)
{
    bool json = false;
    int status;
    if (!options_read(args, (const option_rule_t[]){{"json", OPTION_FLAG, &json, 0, 0}, {0}}, 1,
                      1, &status))
        return status;
    AUTO(text) file = realpath(args->values[0], NULL);
    if (file == NULL)
        return complain("%s: %s", args->values[0], strerrordesc_np(errno)), STATUS_NO;
    arena_t arena = {0};
    fault_t fault = {0};
    plugin_manifest_t manifest;
    const plugin_look_t look = {.program = THIS_PROGRAM, .file = file};
    err_t err = plugin_inspect(&look, &arena, &manifest, &fault);
    if (err != OK)
        complain("%s", fault.text);
    else
        (json ? print_json : print_text)(&manifest);
    arena_release(&arena);
    return err == OK ? STATUS_DONE : STATUS_NO;
}

const verb_t plugin_inspect_verb = {
    .name = "plugin inspect",
    .summary = "show what a plug-in says of itself",
    .usage =
        "usage: waybill plugin inspect [--json] FILE.so\n\n"
        "Loads the file in a child process, for at most five seconds: a file that crashes,\n"
        "hangs or ends there is told of, and hurts nobody. Shows its name and version, the\n"
        "messages that it takes, hears, sends, publishes and answers with, and its\n"
        "settings. One that was not built for this waybill is told field by field.\n\n"
        "  --json   the same as one JSON object\n"
        "\nExit status 1: it cannot be loaded; the message says why.\n\n"
        "example: waybill plugin inspect ./webhook.so\n",
    .run = inspect,
};
