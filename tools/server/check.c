/*  server check - whether a database in PostgreSQL can be served.  */

#include "actors/server/postgres/check.h"
#include "actors/server/postgres/identity.h"
#include "schemas/text.h"
#include "tools/server/server.h"

#include <stdio.h>
#include <string.h>

static void
add_json(buffer_t *line, const char *name, const char *text)
{
    buffer_add_format(line, ", \"%s\": ", name);
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, line);
}

static void
print_json(const pg_finding_t *finding)
{
    buffer_t line = {0};
    buffer_add_format(&line, "{\"level\": \"%s\"", pg_finding_level_name(finding->level));
    add_json(&line, "thing", finding->thing);
    add_json(&line, "says", finding->says);
    if (finding->fix != NULL)
        add_json(&line, "fix", finding->fix);
    buffer_add_text(&line, "}");
    puts(buffer_text(&line));
    buffer_release(&line);
}

static void
print_line(const pg_finding_t *finding)
{
    server_print("%-8s %s: %s", pg_finding_level_name(finding->level), finding->thing,
                 finding->says);
    if (finding->fix != NULL)
        server_print("         %s", finding->fix);
}

static void
print_findings(const pg_findings_t *findings, bool json)
{
    for (size_t i = 0; i < findings->n; i++)
        if (json)
            print_json(&findings->list[i]);
        else
            print_line(&findings->list[i]);
    if (!json)
        printf("%zu problems, %zu warnings\n", pg_findings_count(findings, FINDING_PROBLEM),
               pg_findings_count(findings, FINDING_WARNING));
}

static err_t
find(const settings_t *settings, pg_findings_t *findings, fault_t *fault)
{
    identity_t *identity = NULL;
    err_t err = identity_new(settings, &identity, fault);
    if (err != OK)
        return err;
    pg_t *pg = pg_new(settings, PG_SQL, "waybill check");
    err = pg_check(pg, settings, identity_slot(identity), findings, fault);
    pg_destroy(&pg);
    identity_destroy(&identity);
    return err;
}

static int
check(args_t *args)
{
    static settings_t settings;
    server_options_t options = {0};
    bool json = false;
    const option_rule_t rules[] = {
        {"config", OPTION_TEXT, &options.config, 0, 0},
        {"db", OPTION_TEXT, &options.db, 0, 0},
        {"json", OPTION_FLAG, &json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    if (!server_settings(args->verb, &options, &settings))
        return STATUS_USAGE;

    fault_t fault = {0};
    pg_findings_t findings = {0};
    const err_t err = find(&settings, &findings, &fault);
    if (err == OK)
        print_findings(&findings, json);
    else
        complain("%s", fault.text);
    status = err == OK && pg_findings_count(&findings, FINDING_PROBLEM) == 0 ? STATUS_DONE
                                                                             : STATUS_NO;
    pg_findings_release(&findings);
    return status;
}

const verb_t server_check_verb = {
    .name = "server check",
    .summary = "tell whether a PostgreSQL database can be served",
    .usage =
        "usage: waybill server check (--config FILE | --db ADDRESS) [--json]\n\n"
        "Looks at a database in PostgreSQL as the server's role sees it, and tells whether it\n"
        "can be served: its version and settings, what is free in it, what the role may do,\n"
        "the publication and its tables, and the slots that keep its log. Below what is wrong\n"
        "stands the SQL that mends it. Nothing is changed, and a server may be running.\n\n"
        "  --config FILE  read settings from FILE\n"
        "  --db ADDRESS   postgres://USER@HOST/DATABASE\n"
        "  --json         one JSON object a line: level, thing, says, fix\n\n"
        "Exit status 0: no problems, though maybe warnings. 1: there are problems, or the\n"
        "database is out of reach. 2: wrong usage or configuration.\n\n"
        "example: waybill server check --db postgres://waybill@db.example.com/app\n",
    .run = check,
};
