/*  waybill - the program: finds the verb and runs it.  */

#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

static const verb_t verb_help;

static const verb_t *const verbs[] = {
    &verb_server, &verb_agent,  &verb_init,    &verb_upsert, &verb_delete,  &verb_record,
    &verb_apply,  &verb_status, &verb_changes, &verb_retry,  &verb_skip,    &verb_discard,
    &verb_watch,  &verb_logs,   &verb_plugin,  &verb_tap,    &verb_history, &verb_compare,
    &verb_bench,  &verb_help,   NULL,
};

static void
overview(FILE *out)
{
    fputs("usage: waybill VERB [OPTION...] [OPERAND...]\n\n"
          "Keeps an application's own SQLite database in step with a server's, whether the\n"
          "network is there or not.\n\n",
          out);
    buffer_t list = {0};
    verbs_list(verbs, &list);
    fputs(buffer_text(&list), out);
    buffer_release(&list);
    fputs(
        "\n`waybill help VERB` tells more. Exit status: 0 done, 1 the answer is no or it was\n"
        "refused, 2 wrong usage or configuration, 3 recorded but refused by the server.\n",
        out);
}

static int
unknown_verb(const char *name)
{
    complain("%s: no such verb; `waybill help` lists them", name);
    return STATUS_USAGE;
}

static int
help(args_t *args)
{
    int status;
    if (!options_read(args, &(option_rule_t){0}, 0, 2, &status))
        return status;
    if (args->count == 0)
        return overview(stdout), STATUS_DONE;
    const verb_t *verb = verb_named(verbs, args->values[0]);
    if (!verb)
        return unknown_verb(args->values[0]);
    if (args->count > 1)
        verb = verb->verbs ? verb_named(verb->verbs, args->values[1]) : NULL;
    if (!verb)
        return unknown_verb(args->values[1]);
    fputs(verb->usage, stdout);
    return STATUS_DONE;
}

static const verb_t verb_help = {
    .name = "help",
    .summary = "tell how to use a verb",
    .usage =
        "usage: waybill help [VERB [VERB]]\n\n"
        "Prints how to use that verb, as `waybill help status` or `waybill help tap top`;\n"
        "without one, what verbs there are.\n",
    .run = help,
};

int
main(int argc, char **argv)
{
    if (argc < 2)
        return overview(stderr), STATUS_USAGE;
    if (strcmp(argv[1], "--version") == 0)
        return puts("waybill " WAYBILL_VERSION), STATUS_DONE;
    if (strcmp(argv[1], "--help") == 0)
        return overview(stdout), STATUS_DONE;

    const verb_t *verb = verb_named(verbs, argv[1]);
    if (!verb)
        return unknown_verb(argv[1]);
    return verb->run(&(args_t){.verb = verb, .count = argc - 2, .values = argv + 2});
}
