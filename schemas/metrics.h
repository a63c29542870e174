/*  metrics - what metrics.def declares, as a table.  */

#pragma once

typedef enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_TIMES } metric_kind_t;

#define COUNTER(id, name, labels, help) METRIC_##id,
#define GAUGE(id, name, labels, help) METRIC_##id,
#define TIMES(id, name, labels, help) METRIC_##id,
typedef enum metric_id {
#include "schemas/metrics.def"
    METRIC_COUNT
} metric_id_t;
#undef COUNTER
#undef GAUGE
#undef TIMES

typedef struct metric_about {
    const char *name; /* without waybill_ */
    const char *labels;
    const char *help;
    metric_kind_t kind;
} metric_about_t;

const metric_about_t *metric_about(metric_id_t metric);
/*  "counter", "gauge" or "histogram".  */
const char *metric_kind_name(metric_kind_t kind);
