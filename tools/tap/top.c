/*  tap top - what the actors do, live.  */

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/duration.h"
#include "tools/tap/figures_text.h"
#include "tools/tap/screen.h"
#include "tools/tap/tap.h"

#include <inttypes.h>
#include <string.h>

enum { HEAD_LINES = 2, TABLE_LINES = 3 }; /* two heads of tables, and a line between */

typedef struct top {
    const char *run_dir;
    bool json, coloured;
    uint64_t every_ms;
    figures_order_t order;
    bool held; /* nothing new until the same key again */
    kept_t tree, answers[2];
    size_t newest; /* of the answers */
    bool two;      /* both are there */
    buffer_t frame;
} top_t;

/*  ------------------------------------------------------------------------- drawing  */

static void
add_title(top_t *self, const figures_t *figures)
{
    const tree_t *tree = self->tree.body;
    const stats_t *stats = self->answers[self->newest].body;
    char up[SHOW_ROOM], rate[SHOW_ROOM];
    int64_t ms = stats->time > tree->started ? stats->time - tree->started : 0;
    buffer_t line = {0};
    show_text(&line, tree->role);
    buffer_add_text(&line, " ");
    show_text(&line, tree->version);
    buffer_add_format(&line, ", process %" PRIu64 ", up %s, ", tree->pid,
                      show_us((uint64_t) ms * 1000, up));
    if (figures->rates)
        buffer_add_format(&line, "%s messages/s", show_rate(figures->messages, rate));
    else
        buffer_add_text(&line, "since the start");
    if (self->held)
        buffer_add_text(&line, "  (held)");
    show_cell(&self->frame, buffer_text(&line), 79);
    buffer_add_text(&self->frame, "\n");
    buffer_release(&line);
}

static void
add_keys(top_t *self)
{
    static const struct {
        figures_order_t order;
        const char *text;
    } keys[] = {{ORDER_messages, "m messages"},
                {ORDER_name, "n name"},
                {ORDER_time, "t time"},
                {ORDER_load, "d depth, bytes"}};
    buffer_add_text(&self->frame, "sort by: ");
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bool chosen = keys[i].order == self->order;
        buffer_add_format(&self->frame, "%s%s%s%s  ",
                          show_hue(self->coloured && chosen, HUE_bold), chosen ? "*" : " ",
                          keys[i].text, show_hue(self->coloured && chosen, HUE_none));
    }
    buffer_add_text(&self->frame, "space hold  q quit\n");
}

/*  Actors get what they need, up to two thirds if there are more types than would fit.  */
static size_t
room_for_actors(const figures_t *figures, size_t room)
{
    size_t most = figures->n_types + figures->n_actors > room ? room * 2 / 3 : room;
    return figures->n_actors < most ? figures->n_actors : most;
}

static void
draw(top_t *self)
{
    arena_t arena = {0};
    const stats_t *before = self->two ? self->answers[1 - self->newest].body : NULL;
    figures_t figures = figures_make(before, self->answers[self->newest].body, &arena);
    figures_sort(&figures, self->order);
    int rows = screen_size().rows;
    size_t room =
        rows > HEAD_LINES + TABLE_LINES ? (size_t) rows - HEAD_LINES - TABLE_LINES : 0;
    size_t actors = room_for_actors(&figures, room);

    buffer_clear(&self->frame);
    add_title(self, &figures);
    add_keys(self);
    actor_head(figures.rates, self->coloured, &self->frame);
    for (size_t i = 0; i < actors; i++)
        actor_line(&figures.actors[i], self->coloured, &self->frame);
    buffer_add_text(&self->frame, "\n");
    type_head(figures.rates, self->coloured, &self->frame);
    for (size_t i = 0; i < figures.n_types && i < room - actors; i++)
        type_line(&figures.types[i], self->coloured, &self->frame);
    screen_draw(&self->frame);
    arena_release(&arena);
}

/*  ------------------------------------------------------------------------- running  */

static err_t
look(top_t *self, ipc_client_t *client, fault_t *fault)
{
    kept_t *into = &self->answers[1 - self->newest];
    err_t err = asking_ask(client, QUESTION(stats_get, stats), into, fault);
    if (err != OK)
        return err;
    self->two = self->answers[self->newest].body != NULL;
    self->newest = 1 - self->newest;
    return OK;
}

/*  False: it is the end.  */
static bool
act_on(top_t *self, int key)
{
    static const char orders[] = {
        [ORDER_messages] = 'm', [ORDER_name] = 'n', [ORDER_time] = 't', [ORDER_load] = 'd'};
    if (key == SCREEN_END || key == 'q')
        return false;
    self->held ^= key == ' ';
    for (figures_order_t order = 0; order < COUNT_OF(orders); order++)
        if (key == orders[order])
            self->order = order;
    return true;
}

/*  Draws after each key, and asks again when it is time. Gives OK when somebody ends it.  */
static err_t
watch(top_t *self, ipc_client_t *client, fault_t *fault)
{
    uint64_t next_ns = 0;
    for (bool more = true; more;) {
        uint64_t now = now_ns();
        if (now >= next_ns && !self->held) {
            err_t err = look(self, client, fault);
            if (err != OK)
                return err;
            next_ns = now + self->every_ms * 1000000;
        }
        draw(self);
        /* Held or not, the bus wants an answer to its pings now and then. */
        uint64_t wait_ms = next_ns > now ? (next_ns - now) / 1000000 + 1 : self->every_ms;
        more = act_on(self, screen_key((int) (wait_ms < 2000 ? wait_ms : 2000)));
        ipc_heard_t heard = {0};
        if (more && ipc_client_next(client, 0, &heard) == ERR_OFFLINE)
            return fault_set(fault, ERR_OFFLINE, "the process is gone");
    }
    return OK;
}

static err_t
print_json(top_t *self, ipc_client_t *client, fault_t *fault)
{
    for (err_t err = OK;;) {
        err = look(self, client, fault);
        if (err != OK)
            return err;
        if (self->two) {
            arena_t arena = {0};
            figures_t figures = figures_make(self->answers[1 - self->newest].body,
                                             self->answers[self->newest].body, &arena);
            figures_sort(&figures, self->order);
            buffer_clear(&self->frame);
            figures_to_json(&figures, &self->frame);
            fputs(buffer_text(&self->frame), stdout);
            arena_release(&arena);
        }
        if (fflush(stdout) != 0)
            return OK; /* whoever reads it has gone */
        if (!asking_wait(client, self->every_ms))
            return fault_set(fault, ERR_OFFLINE, "no more figures");
    }
}

static int
run(top_t *self)
{
    fault_t fault = {0};
    AUTO(ipc_client) client = asking_join(self->run_dir);
    if (!client || !asking_say(client, QUESTION(tree_get, tree), &self->tree))
        return STATUS_NO;
    err_t err;
    if (self->json) {
        err = print_json(self, client, &fault);
    } else if (screen_open()) {
        err = watch(self, client, &fault);
        screen_close();
    } else {
        return complain("top: standard input and output are no terminal; take `waybill tap "
                        "stats`, or --json"),
               STATUS_USAGE;
    }
    if (err != OK)
        complain("%s", fault.text);
    return err == OK ? STATUS_DONE : STATUS_NO;
}

static int
top(args_t *args)
{
    top_t self = {0};
    const char *order = NULL, *every = "1s";
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&self.run_dir),
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {"sort", OPTION_TEXT, &order, 0, 0},
        {"every", OPTION_TEXT, &every, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    if (!tap_read_order(order, &self.order))
        return complain_usage(args->verb, "--sort: \"%s\" is not messages, name, time or load",
                              order);
    if (!duration_read(every, &self.every_ms) || self.every_ms < 100 || self.every_ms > 3600000)
        return complain_usage(args->verb, "--every: \"%s\" is not a time from 100ms to 1h",
                              every);
    self.coloured = show_is_coloured(stdout);
    status = run(&self);
    kept_release(&self.tree);
    kept_release(&self.answers[0]);
    kept_release(&self.answers[1]);
    buffer_release(&self.frame);
    return status;
}

const verb_t tap_top = {
    .name = "tap top",
    .summary = "the same as stats, live",
    .usage =
        "usage: waybill tap top [--every TIME] [--sort ORDER] [--json] [--run-dir DIR]\n\n"
        "A live screen of the actors and the types of message, with the columns of `waybill\n"
        "tap stats`. Keys: m, n, t and d sort by messages a second, name, time (of handlers;\n"
        "of types, how long they waited) and load (depth; of types, bytes a second); the\n"
        "space bar holds it, q or Ctrl-C ends it.\n\n"
        "  --every TIME    how often to look: 100ms to 1h; default 1s\n"
        "  --sort ORDER    messages (default), name, time, load\n"
        "  --json          one JSON object a line, again and again\n" RUN_DIR_USAGE
        "\nExit status 1: no process answers, or it has stopped.\n",
    .run = top,
};
