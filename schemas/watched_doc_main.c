/*  watched_doc - prints the tables of docs/observing.md: `watched_doc steps`, `watched_doc
    metrics`.  */

#include "schemas/metrics.h"
#include "schemas/steps.h"

#include <stdio.h>
#include <string.h>

static int
print_steps(void)
{
    printf("| step | at | means | detail |\n|---|---|---|---|\n");
    for (step_name_t i = 0; i < STEP_COUNT; i++) {
        const step_about_t *about = step_about(i);
        const char *detail = strcmp(about->detail, "lsn") == 0    ? "position"
                             : strcmp(about->detail, "none") == 0 ? ""
                                                                  : about->detail;
        printf("| `%s` | %s | %s | %s |\n", about->name, about->side, about->text, detail);
    }
    return 0;
}

static int
print_metrics(void)
{
    printf("| metric | kind | labels | tells |\n|---|---|---|---|\n");
    for (metric_id_t i = 0; i < METRIC_COUNT; i++) {
        const metric_about_t *about = metric_about(i);
        const char *tick = about->labels[0] ? "`" : "";
        printf("| `waybill_%s` | %s | %s%s%s | %s |\n", about->name,
               metric_kind_name(about->kind), tick, about->labels, tick, about->help);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "steps") == 0)
        return print_steps();
    if (argc == 2 && strcmp(argv[1], "metrics") == 0)
        return print_metrics();
    fputs("usage: watched_doc steps|metrics\n", stderr);
    return 2;
}
