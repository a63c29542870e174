#include "schemas/steps.h"

#include <string.h>

static const step_about_t steps[] = {
#define X(name, side, detail, text) {#name, #side, #detail, text},
    STEP_MAP(X)
#undef X
};

const step_about_t *
step_about(step_name_t step)
{
    return &steps[step];
}

bool
step_named(const char *name, step_name_t *step)
{
    for (int i = 0; i < STEP_COUNT; i++)
        if (strcmp(steps[i].name, name) == 0) {
            *step = (step_name_t) i;
            return true;
        }
    return false;
}
