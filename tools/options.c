#include "tools/verb.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_ROOM = 24, HELP = 1000, VERSION };

void
complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("waybill: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

int
complain_usage(const verb_t *verb, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("waybill: ", stderr);
    vfprintf(stderr, format, list);
    fprintf(stderr, "; see `waybill help %s`\n", verb->name);
    va_end(list);
    return STATUS_USAGE;
}

static const char *
last_word(const verb_t *verb)
{
    const char *blank = strrchr(verb->name, ' ');
    return blank ? blank + 1 : verb->name;
}

const verb_t *
verb_named(const verb_t *const *verbs, const char *name)
{
    while (*verbs && strcmp(last_word(*verbs), name) != 0)
        verbs++;
    return *verbs;
}

void
verbs_list(const verb_t *const *verbs, buffer_t *out)
{
    for (; *verbs; verbs++)
        buffer_add_format(out, "  %-12s %s\n", last_word(*verbs), (*verbs)->summary);
}

void
text_destroy(text_t **self)
{
    free(*self);
    *self = NULL;
}

static bool
take_number(const option_rule_t *rule, const char *text)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < rule->low || number > rule->high)
        return false;
    *(int64_t *) rule->into = number;
    return true;
}

static bool
take_text(texts_t *texts, const char *text)
{
    if (texts->n == TEXTS_AT_MOST)
        return false;
    texts->items[texts->n++] = text;
    return true;
}

static bool
take(const option_rule_t *rule, const char *text)
{
    switch (rule->kind) {
    case OPTION_FLAG:
        *(bool *) rule->into = true;
        return true;
    case OPTION_TEXT:
        *(const char **) rule->into = text;
        return true;
    case OPTION_TEXTS:
        return take_text(rule->into, text);
    case OPTION_NUMBER:
        return take_number(rule, text);
    }
    return false;
}

/*  The rules as getopt_long() wants them; each option's val is its index. A flag whose name is
   a letter is -v as well as --v.  */
static void
list_options(const option_rule_t *rules, struct option options[OPTIONS_ROOM],
             char letters[OPTIONS_ROOM])
{
    int n = 0;
    *letters++ = ':';
    for (; rules[n].name; n++) {
        assert(n < OPTIONS_ROOM - 3);
        if (rules[n].name[1] == '\0' && rules[n].kind == OPTION_FLAG)
            *letters++ = rules[n].name[0];
        int argument = rules[n].kind == OPTION_FLAG ? no_argument : required_argument;
        options[n] = (struct option){rules[n].name, argument, NULL, n};
    }
    options[n++] = (struct option){"help", no_argument, NULL, HELP};
    options[n++] = (struct option){"version", no_argument, NULL, VERSION};
    options[n] = (struct option){0};
    *letters = '\0';
}

/*  By what getopt_long() gave: an index or a letter.  */
static const option_rule_t *
rule_found(const option_rule_t *rules, int found)
{
    if (found < OPTIONS_ROOM)
        return &rules[found];
    while (rules->name[0] != found || rules->name[1] != '\0')
        rules++;
    return rules;
}

/*  One option as getopt_long() found it; false: the program ends with *status.  */
static bool
read_one(const verb_t *verb, const option_rule_t *rules, int found, char **argv, int *status)
{
    const char *word = argv[optind - 1];
    *status = STATUS_DONE;
    if (found == HELP)
        return fputs(verb->usage, stdout), false;
    if (found == VERSION)
        return puts("waybill " WAYBILL_VERSION), false;
    if (found == ':')
        return *status = complain_usage(verb, "%s: it needs a value", word), false;
    if (found == '?')
        return *status = complain_usage(verb, "%s: no such option", word), false;

    const option_rule_t *rule = rule_found(rules, found);
    if (take(rule, optarg))
        return true;
    if (rule->kind == OPTION_TEXTS)
        return *status =
                   complain_usage(verb, "--%s: at most %d of them", rule->name, TEXTS_AT_MOST),
               false;
    *status = complain_usage(verb, "--%s: \"%s\" is not a number from %" PRId64 " to %" PRId64,
                             rule->name, optarg, rule->low, rule->high);
    return false;
}

bool
options_read(args_t *args, const option_rule_t *rules, int low, int high, int *status)
{
    struct option options[OPTIONS_ROOM];
    char letters[OPTIONS_ROOM];
    list_options(rules, options, letters);

    opterr = 0;
    optind = 0; /* glibc: start anew */
    /* getopt takes the first word for the program's name: there stands the verb's. */
    int argc = args->count + 1;
    char **argv = args->values - 1;
    for (int found; (found = getopt_long(argc, argv, letters, options, NULL)) != -1;)
        if (!read_one(args->verb, rules, found, argv, status))
            return false;

    args->count = argc - optind;
    args->values = argv + optind;
    if (args->count >= low && args->count <= high)
        return true;
    *status = args->count < low
                  ? complain_usage(args->verb, "operands: some are missing")
                  : complain_usage(args->verb, "%s: one operand too many", args->values[high]);
    return false;
}
