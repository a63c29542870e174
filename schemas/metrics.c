#include "schemas/metrics.h"

static const metric_about_t metrics[] = {
#define COUNTER(id, name, labels, help) {name, labels, help, METRIC_COUNTER},
#define GAUGE(id, name, labels, help) {name, labels, help, METRIC_GAUGE},
#define TIMES(id, name, labels, help) {name, labels, help, METRIC_TIMES},
#include "schemas/metrics.def"
#undef COUNTER
#undef GAUGE
#undef TIMES
};

const metric_about_t *
metric_about(metric_id_t metric)
{
    return &metrics[metric];
}

const char *
metric_kind_name(metric_kind_t kind)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};
    return names[kind];
}
