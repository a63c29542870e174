#include "tools/tap/sources.h"

#include "bus/rundir.h"
#include "tools/tap/asking.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { US_PER_MS = 1000 };

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

bool
source_open(source_t *self, const char *run_dir)
{
    char standard[PATH_MAX];
    kept_t answer = {0};
    rundir_default(standard, sizeof standard);
    *self = (source_t){.client = asking_join(run_dir)};
    if (self->client == NULL)
        return false;
    const bool good = asking_say(self->client, QUESTION(tree_get, tree), &answer);
    if (good) {
        const tree_t *tree = answer.body;
        self->agent = strcmp(tree->role, "agent") == 0;
        (void) snprintf(self->label, sizeof self->label, "%.10s:%.50s", tree->role,
                        last_part(run_dir ? run_dir : standard));
    }
    kept_release(&answer);
    return good;
}

void
source_close(source_t *self)
{
    ipc_client_destroy(&self->client);
}

/*  A newer process may know steps that we do not.  */
static void
take_step(const source_t *self, const change_step_t *told, journey_t *journey)
{
    step_name_t step;
    if (step_named(told->name, &step))
        journey_add(journey, &(journey_step_t){.time_us = told->time_us,
                                               .within_us = FROM_MEMORY,
                                               .process = self->label,
                                               .actor = told->actor ? told->actor : "",
                                               .step = step,
                                               .detail = told->detail});
}

bool
source_ask(source_t *self, journey_t *journey)
{
    kept_t answer = {0};
    const bool good = asking_say(
        self->client, QUESTION(change_steps_get, change_steps, .change = journey->change),
        &answer);
    const change_steps_t *steps = answer.body;
    for (size_t i = 0; good && i < steps->n_steps; i++)
        take_step(self, &steps->steps[i], journey);
    kept_release(&answer);
    return good;
}

/*  ------------------------------------------------------------------------- rows  */

static void
add_row_step(const source_t *self, journey_t *journey, step_name_t step, int64_t time_ms,
             uint64_t detail)
{
    journey_add(journey,
                &(journey_step_t){.time_us = (uint64_t) time_ms * US_PER_MS,
                                  .within_us = FROM_ROWS,
                                  .process = self->label,
                                  .actor = step == STEP_applied ? "processor" : "recorder",
                                  .step = step,
                                  .detail = detail});
}

static void
take_row(const source_t *self, const change_row_t *row, journey_t *journey)
{
    char lsn[LSN_TEXT];
    add_row_step(self, journey, row->from_server ? STEP_applied : STEP_recorded, row->timestamp,
                 row->from_server ? row->lsn : 0);
    journey_note(journey, "%s has it in local_changes: %s%s%s, position %s", self->label,
                 row->state, row->verdict && row->verdict[0] ? ", " : "",
                 row->verdict ? row->verdict : "", lsn_text(row->lsn, lsn));
}

bool
source_ask_rows(source_t *self, journey_t *journey)
{
    if (!self->agent)
        return true;
    const change_found_t *found = ask_service(
        self->client, MSG_change_get, &(change_get_t){.id = journey->change}, MSG_change_found);
    if (found == NULL)
        return false;
    for (size_t i = 0; i < found->n_changes; i++)
        take_row(self, &found->changes[i], journey);
    for (size_t i = 0; i < found->n_errors; i++)
        add_row_step(self, journey, STEP_refused, found->errors[i].time, 0);
    return true;
}
