/*  checks_private - the parts of checks.h share this.  */

#pragma once

#include "tools/tap/checks.h"

typedef struct advice {
    const char *check;
    bool serious;
    const char *remedy;
} advice_t;

/*  Adds a finding.  */
void checks_find(findings_t *self, const advice_t *advice, const char *format, ...)
    PRINTF_LIKE(3, 4);

typedef void check_fn(const patient_t *patient, findings_t *findings);
check_fn check_types, check_dead_letters, check_schemas; /* checks_messages.c */
