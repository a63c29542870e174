/*  tap doctor - what is wrong with a running process, and what to do about it.  */

#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/checks.h"
#include "tools/tap/tap.h"

#include <string.h>

enum { LETTERS = 1000 };

static void
add_finding(const finding_t *finding, bool coloured, buffer_t *out)
{
    buffer_add_format(out, "%s%s%s ",
                      show_hue(coloured, finding->serious ? HUE_red : HUE_yellow),
                      finding->serious ? "✗" : "!", show_hue(coloured, HUE_none));
    show_cell(out, finding->check, 13);
    show_text(out, finding->what);
    buffer_add_text(out, "\n               → ");
    show_text(out, finding->remedy);
    buffer_add_text(out, "\n");
}

static void
add_check(const check_t *check, const findings_t *findings, bool coloured, buffer_t *out)
{
    bool any = false;
    for (size_t i = 0; i < findings->n; i++)
        if (strcmp(findings->items[i].check, check->name) == 0) {
            add_finding(&findings->items[i], coloured, out);
            any = true;
        }
    if (any)
        return;
    buffer_add_format(out, "%s✓%s ", show_hue(coloured, HUE_green),
                      show_hue(coloured, HUE_none));
    show_cell(out, check->name, 13);
    buffer_add_format(out, "none: %s\n", check->looks_at);
}

static void
to_json(const findings_t *findings, buffer_t *out)
{
    for (size_t i = 0; i < findings->n; i++) {
        buffer_add_text(out, "{");
        json_text(out, "check", findings->items[i].check);
        json_bool(out, "serious", findings->items[i].serious);
        json_text(out, "what", findings->items[i].what);
        json_text(out, "remedy", findings->items[i].remedy);
        buffer_add_text(out, "}\n");
    }
}

static int
report(const patient_t *patient, bool json)
{
    buffer_t text = {0};
    findings_t findings = checks_run(patient);
    bool coloured = show_is_coloured(stdout);
    if (json)
        to_json(&findings, &text);
    for (const check_t *check = checks; !json && check->name; check++)
        add_check(check, &findings, coloured, &text);
    fputs(buffer_text(&text), stdout);
    int status = findings_serious(&findings) ? STATUS_NO : STATUS_DONE;
    findings_release(&findings);
    buffer_release(&text);
    return status;
}

static int
examine(const char *run_dir, uint64_t ms, bool json)
{
    kept_t tree = {0}, earlier = {0}, now = {0}, dead = {0};
    AUTO(ipc_client) client = asking_join(run_dir);
    bool good =
        client && asking_say(client, QUESTION(stats_get, stats), &earlier)
        && asking_wait(client, ms) && asking_say(client, QUESTION(stats_get, stats), &now)
        && asking_say(client, QUESTION(tree_get, tree), &tree)
        && asking_say(client, QUESTION(dead_letters_get, dead_letters, .limit = LETTERS),
                      &dead);
    int status = STATUS_NO;
    if (good)
        status = report(
            &(patient_t){
                .tree = tree.body, .earlier = earlier.body, .now = now.body, .dead = dead.body},
            json);
    kept_release(&tree);
    kept_release(&earlier);
    kept_release(&now);
    kept_release(&dead);
    return status;
}

static int
doctor(args_t *args)
{
    const char *run_dir = NULL, *duration = "1s";
    bool json = false;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"json", OPTION_FLAG, &json, 0, 0},
        {"for", OPTION_TEXT, &duration, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    uint64_t ms = 0;
    if (!tap_read_duration(args->verb, duration, &ms))
        return STATUS_USAGE;
    return examine(run_dir, ms, json);
}

const verb_t tap_doctor = {
    .name = "tap doctor",
    .summary = "what is wrong, and what to do about it",
    .usage =
        "usage: waybill tap doctor [--for TIME] [--json] [--run-dir DIR]\n\n"
        "Looks for parked and circular waits, links without credit, messages that nobody\n"
        "handles, dead letters, schemas that differ, actors that failed or are near their\n"
        "restart limit, handlers that do not end, records that the tap lost, files that grow,\n"
        "and changes that do not get on. Each finding says what to do; one behind an\n"
        "exclamation mark is worth knowing, one behind a cross is wrong.\n\n"
        "  --for TIME      how long to look for what lasts: 500ms, 10s; default 1s\n"
        "  --json          one JSON object a finding; nothing if all is well\n" RUN_DIR_USAGE
        "\nExit status 1: something is wrong, or no process answers.\n",
    .run = doctor,
};
