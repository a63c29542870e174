#include "tools/tap/figures_text.h"

#include "tools/measure.h"
#include "tools/show.h"

#include <inttypes.h>
#include <string.h>

enum { DOING_ROOM = 128 };

/*  ------------------------------------------------------------------------- columns  */

static void
add_count(buffer_t *out, uint64_t count, int width)
{
    char text[NUMBER_TEXT];
    show_cell(out, count > 0 ? number_text(count, text) : "·", -width);
}

static void
add_rate(buffer_t *out, double rate, int width)
{
    char text[SHOW_ROOM];
    show_cell(out, rate > 0 ? show_rate(rate, text) : "·", -width);
}

static void
add_spread(buffer_t *out, spread_t spread, int width)
{
    char text[SHOW_ROOM];
    show_cell(out, spread.n > 0 ? show_us(spread.p50, text) : "·", -width);
    show_cell(out, spread.n > 0 ? show_us(spread.p99, text) : "·", -width);
}

static void
add_head(const char *line, bool coloured, buffer_t *out)
{
    buffer_add_text(out, show_hue(coloured, HUE_reverse));
    show_cell(out, line, 79);
    buffer_add_format(out, "%s\n", show_hue(coloured, HUE_none));
}

/*  -------------------------------------------------------------------------- actors  */

void
actor_head(bool rates, bool coloured, buffer_t *out)
{
    add_head(
        rates
            ? "ACTOR                depth flight parked   msg/s     p50     p99 restarts DOING"
            : "ACTOR                depth flight parked  messages   p50     p99 restarts DOING",
        coloured, out);
}

/*  What it is in, if it is in anything; else its state, unless that is as it should be.  */
static hue_t
doing(const actor_stats_t *actor, char text[DOING_ROOM])
{
    char time[SHOW_ROOM];
    *text = '\0';
    if (actor->busy_with && *actor->busy_with && actor->busy_ms > 0) {
        (void) snprintf(text, DOING_ROOM, "%s %.64s", show_us(actor->busy_ms * 1000, time),
                        actor->busy_with);
        return actor->busy_ms >= 1000 ? HUE_red : HUE_none;
    }
    if (strcmp(actor->state, "ready") == 0)
        return HUE_none;
    (void) snprintf(text, DOING_ROOM, "%.64s", actor->state);
    return HUE_yellow;
}

void
actor_line(const actor_figures_t *actor, bool coloured, buffer_t *out)
{
    const actor_stats_t *now = actor->now;
    char text[DOING_ROOM];
    hue_t hue = doing(now, text);
    show_cell(out, now->name, 19);
    add_count(out, now->depth, 7);
    add_count(out, now->in_flight, 7);
    buffer_add_text(out, show_hue(coloured && now->parked > 0, HUE_yellow));
    add_count(out, now->parked, 7);
    buffer_add_text(out, show_hue(coloured && now->parked > 0, HUE_none));
    add_rate(out, actor->messages, 8);
    add_spread(out, actor->handled, 8);
    add_count(out, now->restarts, 9);
    buffer_add_format(out, " %s", show_hue(coloured && hue != HUE_none, hue));
    show_cell(out, text, 5);
    buffer_add_format(out, "%s\n", show_hue(coloured && hue != HUE_none, HUE_none));
}

/*  --------------------------------------------------------------------------- types  */

void
type_head(bool rates, bool coloured, buffer_t *out)
{
    add_head(rates
                 ? "MESSAGE                       msg/s    bytes/s   each  waited p50     p99"
                 : "MESSAGE                    messages      bytes   each  waited p50     p99",
             coloured, out);
}

void
type_line(const type_figures_t *type, bool coloured, buffer_t *out)
{
    char text[SHOW_ROOM];
    (void) coloured;
    show_cell(out, type->now->type, 25);
    add_rate(out, type->messages, 10);
    show_cell(out, type->bytes > 0 ? show_bytes(type->bytes, text) : "·", -11);
    double each = type->messages > 0 ? type->bytes / type->messages : 0;
    show_cell(out, each > 0 ? show_bytes(each, text) : "·", -7);
    buffer_add_text(out, "    ");
    add_spread(out, type->waited, 8);
    buffer_add_text(out, "\n");
}

/*  ------------------------------------------------------------------------- metrics  */

void
metric_line(const metric_figures_t *metric, bool rates, buffer_t *out)
{
    char text[SHOW_ROOM], p50[SHOW_ROOM], p99[SHOW_ROOM];
    const metric_t *now = metric->now;
    if (metric->amount <= 0)
        return;
    show_cell(out, now->name, show_width(now->name) > 45 ? show_width(now->name) : 45);
    show_cell(out, show_rate(metric->amount, text), -12);
    buffer_add_text(out, rates && strcmp(now->kind, "gauge") != 0 ? "/s" : "  ");
    if (metric->times.n > 0)
        buffer_add_format(out, " p50 %s, p99 %s", show_us(metric->times.p50, p50),
                          show_us(metric->times.p99, p99));
    buffer_add_text(out, "\n");
}

void
figures_print(const figures_t *self, bool coloured, buffer_t *out)
{
    actor_head(self->rates, coloured, out);
    for (size_t i = 0; i < self->n_actors; i++)
        actor_line(&self->actors[i], coloured, out);
    buffer_add_text(out, "\n");
    type_head(self->rates, coloured, out);
    for (size_t i = 0; i < self->n_types; i++)
        if (self->types[i].messages > 0)
            type_line(&self->types[i], coloured, out);
    buffer_add_text(out, "\n");
    add_head(self->rates ? "METRIC                                             a second"
                         : "METRIC                                       since the start",
             coloured, out);
    for (size_t i = 0; i < self->n_metrics; i++)
        metric_line(&self->metrics[i], self->rates, out);
}

/*  ---------------------------------------------------------------------------- JSON  */

static void
spread_to_json(buffer_t *out, const char *name, spread_t spread)
{
    if (spread.n == 0)
        return;
    json_name(out, name);
    buffer_add_format(out, "{\"n\":%" PRIu64 ",\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 "}",
                      spread.n, spread.p50, spread.p99);
}

static void
actor_to_json(const actor_figures_t *actor, bool rates, buffer_t *out)
{
    const actor_stats_t *now = actor->now;
    buffer_add_text(out, "{");
    json_text(out, "actor", now->name);
    json_text(out, "state", now->state);
    json_real(out, rates ? "messages_per_s" : "messages", actor->messages);
    json_uint(out, "depth", now->depth);
    json_uint(out, "in_flight", now->in_flight);
    json_uint(out, "parked", now->parked);
    if (now->parked_on && *now->parked_on)
        json_text(out, "parked_on", now->parked_on);
    json_uint(out, "requests", now->requests);
    json_uint(out, "dead", now->dead);
    json_uint(out, "restarts", now->restarts);
    json_uint(out, "tap_lost", now->tap_lost);
    if (now->busy_with && *now->busy_with)
        json_text(out, "busy_with", now->busy_with);
    json_uint(out, "busy_ms", now->busy_ms);
    spread_to_json(out, "handled", actor->handled);
    spread_to_json(out, "waited", actor->waited);
    buffer_add_text(out, "}\n");
}

static void
type_to_json(const type_figures_t *type, bool rates, buffer_t *out)
{
    buffer_add_text(out, "{");
    json_text(out, "type", type->now->type);
    json_real(out, rates ? "messages_per_s" : "messages", type->messages);
    json_real(out, rates ? "bytes_per_s" : "bytes", type->bytes);
    spread_to_json(out, "waited", type->waited);
    buffer_add_text(out, "}\n");
}

static void
metric_to_json(const metric_figures_t *metric, bool rates, buffer_t *out)
{
    bool gauge = strcmp(metric->now->kind, "gauge") == 0;
    buffer_add_text(out, "{");
    json_text(out, "metric", metric->now->name);
    json_text(out, "kind", metric->now->kind);
    json_real(out, gauge ? "value" : rates ? "per_s" : "total", metric->amount);
    spread_to_json(out, "times", metric->times);
    buffer_add_text(out, "}\n");
}

void
figures_to_json(const figures_t *self, buffer_t *out)
{
    for (size_t i = 0; i < self->n_actors; i++)
        actor_to_json(&self->actors[i], self->rates, out);
    for (size_t i = 0; i < self->n_types; i++)
        type_to_json(&self->types[i], self->rates, out);
    for (size_t i = 0; i < self->n_metrics; i++)
        metric_to_json(&self->metrics[i], self->rates, out);
}
