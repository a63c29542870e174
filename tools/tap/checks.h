/*  checks - what `waybill tap doctor` looks at. Each check is a function over the answers of
   one process; what it finds says what is wrong, and what to do.  */

#pragma once

#include "schemas/message.h"

/*  earlier: some time before now, so that what lasts differs from what passes.  */
typedef struct patient {
    const tree_t *tree;
    const stats_t *earlier, *now;
    const dead_letters_t *dead;
} patient_t;

typedef struct finding {
    const char *check; /* its name */
    bool serious;      /* else worth knowing */
    char *what, *remedy;
} finding_t;

typedef struct findings {
    finding_t *items;
    size_t n;
} findings_t;

typedef struct check {
    const char *name, *looks_at;
    void (*run)(const patient_t *patient, findings_t *findings);
} check_t;
extern const check_t checks[]; /* ended by {0} */

/*  Runs all of them.  */
findings_t checks_run(const patient_t *patient);
bool findings_serious(const findings_t *self);
void findings_release(findings_t *self);
