/*  tap trace - the journey of one change, put together from all who know a part of it.  */

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/sources.h"
#include "tools/tap/tap.h"

#include <string.h>

enum { LOOK_MS = 200 };

typedef struct tracing {
    journey_t journey;
    texts_t run_dirs, logs, dbs;
    source_t sources[SOURCES_AT_MOST];
    size_t n_sources;
    bool json, coloured, server_asked;
    buffer_t line;
} tracing_t;

/*  ------------------------------------------------------------------------- sources  */

static bool
open_source(tracing_t *self, const char *run_dir)
{
    source_t *source = &self->sources[self->n_sources++];
    const bool good = source_open(source, run_dir);
    self->server_asked = self->server_asked || (good && !source->agent);
    return good;
}

/*  The agent here, unless something else is named.  */
static bool
open_sources(tracing_t *self)
{
    bool good = true;
    if (self->run_dirs.n + self->logs.n + self->dbs.n == 0)
        return open_source(self, NULL);
    for (size_t i = 0; good && i < self->run_dirs.n; i++)
        good = open_source(self, self->run_dirs.items[i]);
    return good;
}

static bool
ask_sources(tracing_t *self)
{
    bool good = true;
    for (size_t i = 0; good && i < self->n_sources; i++)
        good = source_ask(&self->sources[i], &self->journey);
    return good;
}

/*  Memory forgets, rows stay.  */
static bool
read_rest(tracing_t *self)
{
    bool good = true;
    for (size_t i = 0; good && i < self->logs.n; i++)
        good = sources_read_log(self->logs.items[i], &self->journey);
    for (size_t i = 0; good && i < self->dbs.n; i++)
        good = sources_read_db(self->dbs.items[i], &self->journey);
    for (size_t i = 0; good && i < self->n_sources; i++)
        good = source_ask_rows(&self->sources[i], &self->journey);
    return good;
}

static void
release(tracing_t *self)
{
    for (size_t i = 0; i < self->n_sources; i++)
        source_close(&self->sources[i]);
    journey_release(&self->journey);
    buffer_release(&self->line);
}

/*  ------------------------------------------------------------------------- showing  */

/*  Those that were not shown yet.  */
static void
show_steps(tracing_t *self)
{
    journey_t *journey = &self->journey;
    journey_arrange(journey);
    for (size_t i = 0; i < journey->n; i++) {
        journey_step_t *step = &journey->steps[i];
        const journey_step_t *before = i > 0 ? step - 1 : NULL;
        if (step->shown)
            continue;
        step->shown = true;
        buffer_clear(&self->line);
        if (self->json)
            journey_write_json(journey, step, before, &self->line);
        else
            journey_write(journey, step, before, self->coloured, &self->line);
        fputs(buffer_text(&self->line), stdout);
    }
}

static void
show_lines(tracing_t *self, const char *name, const char *lines)
{
    for (size_t size; *lines; lines += size + (lines[size] == '\n')) {
        size = strcspn(lines, "\n");
        AUTO(text) line = mem_format("%.*s", (int) size, lines);
        buffer_clear(&self->line);
        if (self->json) {
            buffer_add_text(&self->line, "{");
            json_text(&self->line, name, line);
            buffer_add_text(&self->line, "}");
        } else {
            buffer_add_text(&self->line, strcmp(name, "missing") == 0 ? "? " : "  ");
            show_text(&self->line, line);
        }
        puts(buffer_text(&self->line));
    }
}

static void
show_rest(tracing_t *self)
{
    buffer_t missing = {0};
    show_lines(self, "note", buffer_text(&self->journey.notes));
    journey_missing(&self->journey, &missing);
    if (!self->server_asked && self->n_sources > 0)
        buffer_add_text(&missing, "the server was not asked: name its run directory with"
                                  " another --run-dir\n");
    show_lines(self, "missing", buffer_text(&missing));
    buffer_release(&missing);
}

/*  ------------------------------------------------------------------------- running  */

static int
follow(tracing_t *self, int64_t timeout)
{
    const uint64_t deadline_ns = now_ns() + (uint64_t) timeout * 1000000000;
    while (ask_sources(self)) {
        show_steps(self);
        if (journey_has_ended(&self->journey))
            return STATUS_DONE;
        if (now_ns() >= deadline_ns)
            return show_rest(self), STATUS_NO;
        if (!asking_wait(self->sources[0].client, LOOK_MS))
            return STATUS_NO;
    }
    return STATUS_NO;
}

static int
show_once(tracing_t *self)
{
    if (!ask_sources(self) || !read_rest(self))
        return STATUS_NO;
    show_steps(self);
    show_rest(self);
    return self->journey.n > 0 ? STATUS_DONE : STATUS_NO;
}

static int
trace(args_t *args)
{
    tracing_t self = {0};
    bool live = false;
    int64_t timeout = 60;
    const option_rule_t rules[] = {
        {"run-dir", OPTION_TEXTS, &self.run_dirs, 0, 0},
        {"log", OPTION_TEXTS, &self.logs, 0, 0},
        {"db", OPTION_TEXTS, &self.dbs, 0, 0},
        {"live", OPTION_FLAG, &live, 0, 0},
        {"timeout", OPTION_NUMBER, &timeout, 0, 86400},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 1, 1, &status))
        return status;
    if (live && self.run_dirs.n == 0 && self.logs.n + self.dbs.n > 0)
        return complain_usage(args->verb, "--live: name a process with --run-dir");
    setvbuf(stdout, NULL, _IOLBF, 0);
    self.journey.change = args->values[0];
    self.coloured = show_is_coloured(stdout);
    status = STATUS_NO;
    if (open_sources(&self))
        status = live ? follow(&self, timeout) : show_once(&self);
    release(&self);
    return status;
}

const verb_t tap_trace = {
    .name = "tap trace",
    .summary = "the journey of one change, step by step, across processes",
    .usage =
        "usage: waybill tap trace CHANGE_ID [--run-dir DIR]... [--log FILE]... [--db FILE]...\n"
        "                         [--live [--timeout SECONDS]] [--json]\n\n"
        "Puts together what all who are named know of a change: from the application's call\n"
        "through recorder, socket, server's check, commit, change log and distribution to "
        "each\n"
        "replica's commit. One line a step: when, since the first step, since the one before,\n"
        "which process and actor, what happened; then what the rows say, and who is "
        "missing.\n\n"
        "  --run-dir DIR   of a running agent or server, several times for several; default:\n"
        "                  the agent's, $XDG_RUNTIME_DIR/waybill, else /tmp/waybill-UID. Each\n"
        "                  process remembers the latest steps of thousands of changes\n"
        "  --log FILE      a log, plain or JSON, written with process.log_steps\n"
        "  --db FILE       a database of an agent or a server, also of one that does not run\n"
        "  --live          go on until it is applied at a replica, or refused\n"
        "  --timeout SECONDS  but no longer; default 60\n"
        "  --json          one JSON object a line: steps, then notes, then what is missing\n"
        "\nExit status 1: nobody knows it; with --live, it was not applied in time.\n",
    .run = trace,
};
