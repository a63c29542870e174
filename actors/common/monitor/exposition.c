#include "actors/common/monitor/exposition.h"

#include <inttypes.h>
#include <string.h>

/*  Histograms have an edge at every second power of two between these, so that each scrape
    sees the same ones: 16 us to 67 s.  */
enum { FIRST_EDGE = 4, LAST_EDGE = 26, EDGE_STEP = 2, US_PER_S = 1000000 };

/*  -------------------------------------------------------------------------- lines  */

static void
add_head(buffer_t *out, const char *name, const char *type, const char *help)
{
    buffer_add_format(out, "# HELP waybill_%s %s\n# TYPE waybill_%s %s\n", name,
                      help ? help : "", name, type);
}

/*  Names of actors and types need no escapes: they are words of ours, or were checked.  */
static void
add_sample(buffer_t *out, const char *name, const char *labels, uint64_t value)
{
    const bool labelled = labels[0] != '\0';
    buffer_add_format(out, "waybill_%s%s%s%s %" PRIu64 "\n", name, labelled ? "{" : "", labels,
                      labelled ? "}" : "", value);
}

static void
add_seconds(buffer_t *out, uint64_t us)
{
    buffer_add_format(out, "%" PRIu64 ".%06" PRIu64, us / US_PER_S, us % US_PER_S);
}

static uint64_t
count_below(const bucket_t *buckets, size_t n, uint64_t edge)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += buckets[i].below <= edge ? buckets[i].count : 0;
    return count;
}

typedef struct histogram {
    const char *name;
    const char *labels; /* may be empty */
    const bucket_t *buckets;
    size_t n;
    uint64_t sum_us;
} histogram_t;

static void
add_bucket(buffer_t *out, const histogram_t *self, uint64_t edge)
{
    const char *comma = self->labels[0] != '\0' ? "," : "";
    buffer_add_format(out, "waybill_%s_bucket{%s%sle=\"", self->name, self->labels, comma);
    if (edge == UINT64_MAX)
        buffer_add_text(out, "+Inf");
    else
        add_seconds(out, edge);
    buffer_add_format(out, "\"} %" PRIu64 "\n", count_below(self->buckets, self->n, edge));
}

static void
add_histogram(buffer_t *out, const histogram_t *self)
{
    const char *open = self->labels[0] != '\0' ? "{" : "";
    const char *close = self->labels[0] != '\0' ? "}" : "";
    for (unsigned edge = FIRST_EDGE; edge <= LAST_EDGE; edge += EDGE_STEP)
        add_bucket(out, self, UINT64_C(1) << edge);
    add_bucket(out, self, UINT64_MAX);
    buffer_add_format(out, "waybill_%s_sum%s%s%s ", self->name, open, self->labels, close);
    add_seconds(out, self->sum_us);
    buffer_add_format(out, "\nwaybill_%s_count%s%s%s %" PRIu64 "\n", self->name, open,
                      self->labels, close, count_below(self->buckets, self->n, UINT64_MAX));
}

/*  ------------------------------------------------------------------------- metrics  */

enum { NAME_SPACE = 200 };

/*  name{labels} in its two parts.  */
static void
split(const char *text, char name[NAME_SPACE], char labels[NAME_SPACE])
{
    const size_t size = strcspn(text, "{");
    const size_t rest = strlen(text) - size;
    name[0] = labels[0] = '\0';
    if (size >= NAME_SPACE || rest >= NAME_SPACE)
        return;
    memcpy(name, text, size);
    name[size] = '\0';
    if (rest > 2)
        memcpy(labels, text + size + 1, rest - 2);
    labels[rest > 2 ? rest - 2 : 0] = '\0';
}

/*  Those of one name stand together, and have one head.  */
static void
add_metrics(buffer_t *out, const stats_t *stats)
{
    char name[NAME_SPACE], labels[NAME_SPACE], before[NAME_SPACE] = "";
    for (size_t i = 0; i < stats->n_metrics; i++) {
        const metric_t *metric = &stats->metrics[i];
        split(metric->name, name, labels);
        if (strcmp(name, before) != 0)
            add_head(out, name, metric->kind, metric->help);
        memcpy(before, name, sizeof before);
        if (strcmp(metric->kind, "histogram") == 0)
            add_histogram(out, &(histogram_t){name, labels, metric->buckets, metric->n_buckets,
                                              metric->value});
        else
            add_sample(out, name, labels, metric->value);
    }
}

/*  -------------------------------------------------------------------------- actors  */

#define COUNTED(field) offsetof(actor_stats_t, field)
static const struct {
    const char *name, *type, *help;
    size_t offset;
} actor_families[] = {
    {"actor_messages_received_total", "counter", "Messages that an actor has taken in",
     COUNTED(received)},
    {"actor_messages_done_total", "counter", "Messages that an actor is done with",
     COUNTED(done)},
    {"actor_messages_sent_total", "counter", "Messages that an actor has sent", COUNTED(sent)},
    {"actor_mailbox_depth", "gauge", "Messages in the mailbox of an actor and in its hands",
     COUNTED(depth)},
    {"actor_messages_in_flight", "gauge", "Messages of an actor that are not acknowledged yet",
     COUNTED(in_flight)},
    {"actor_messages_parked", "gauge", "Messages that an actor keeps for want of credit",
     COUNTED(parked)},
    {"actor_requests_waiting", "gauge", "Answers that an actor waits for", COUNTED(requests)},
    {"actor_dead_letters_total", "counter", "Messages that were not delivered", COUNTED(dead)},
    {"actor_restarts_total", "counter", "Restarts of an actor", COUNTED(restarts)},
    {"actor_tap_lost_total", "counter", "Records that the tap had no room for",
     COUNTED(tap_lost)},
};

static const char *
label_of(char text[NAME_SPACE], const char *name, const char *value)
{
    buffer_t label = {0};
    buffer_add_format(&label, "%s=\"%.*s\"", name, (int) strcspn(value, "\"\\\n"), value);
    const size_t size = label.size < NAME_SPACE ? label.size : NAME_SPACE - 1;
    memcpy(text, label.data, size);
    text[size] = '\0';
    buffer_release(&label);
    return text;
}

static void
add_actor_counts(buffer_t *out, const stats_t *stats)
{
    char label[NAME_SPACE];
    for (size_t i = 0; i < COUNT_OF(actor_families); i++) {
        add_head(out, actor_families[i].name, actor_families[i].type, actor_families[i].help);
        for (size_t j = 0; j < stats->n_actors; j++) {
            const actor_stats_t *actor = &stats->actors[j];
            const void *at = (const char *) actor + actor_families[i].offset;
            add_sample(out, actor_families[i].name, label_of(label, "actor", actor->name),
                       *(const uint64_t *) at);
        }
    }
}

static void
add_actor_times(buffer_t *out, const stats_t *stats)
{
    static const char handled[] = "actor_handler_seconds", waited[] = "actor_wait_seconds";
    char label[NAME_SPACE];
    add_head(out, handled, "histogram", "Time in handlers, of a sample of the messages");
    for (size_t i = 0; i < stats->n_actors; i++) {
        const actor_stats_t *actor = &stats->actors[i];
        add_histogram(out, &(histogram_t){handled, label_of(label, "actor", actor->name),
                                          actor->handled, actor->n_handled, actor->handled_us});
    }
    add_head(out, waited, "histogram", "Time from send to handler, of the same sample");
    for (size_t i = 0; i < stats->n_actors; i++) {
        const actor_stats_t *actor = &stats->actors[i];
        add_histogram(out, &(histogram_t){waited, label_of(label, "actor", actor->name),
                                          actor->waited, actor->n_waited, actor->waited_us});
    }
}

static void
add_actor_states(buffer_t *out, const stats_t *stats)
{
    char label[NAME_SPACE];
    add_head(out, "actor_ready", "gauge", "1 while an actor is ready");
    for (size_t i = 0; i < stats->n_actors; i++)
        add_sample(out, "actor_ready", label_of(label, "actor", stats->actors[i].name),
                   strcmp(stats->actors[i].state, "ready") == 0);
}

static void
add_types(buffer_t *out, const stats_t *stats)
{
    char label[NAME_SPACE];
    add_head(out, "messages_handled_total", "counter", "Messages of a type that were handled");
    for (size_t i = 0; i < stats->n_types; i++)
        add_sample(out, "messages_handled_total", label_of(label, "type", stats->types[i].type),
                   stats->types[i].received);
    add_head(out, "message_bytes_total", "counter", "Bytes of the payloads of a type");
    for (size_t i = 0; i < stats->n_types; i++)
        add_sample(out, "message_bytes_total", label_of(label, "type", stats->types[i].type),
                   stats->types[i].bytes);
}

void
exposition_write(const stats_t *stats, const char *role, buffer_t *out)
{
    add_head(out, "info", "gauge", "What runs here");
    buffer_add_format(out, "waybill_info{role=\"%s\",version=\"%s\"} 1\n", role,
                      WAYBILL_VERSION);
    add_metrics(out, stats);
    add_actor_states(out, stats);
    add_actor_counts(out, stats);
    add_actor_times(out, stats);
    add_types(out, stats);
}
