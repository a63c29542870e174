#include "schemas/steps.h"

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
