/*  tap postmortem - the last messages of all actors, as dumps have them, in one listing.  */

#include "bus/rundir.h"
#include "runtime/flight_file.h"
#include "schemas/number.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/tap.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MOST = 32 };

typedef struct moment {
    int64_t wall_us;
    const flight_story_t *story;
    const char *actor;
    const flight_note_t *note;
} moment_t;

typedef struct listing {
    arena_t arena;
    flight_story_t stories[FILES_MOST];
    const char *paths[FILES_MOST];
    size_t n_stories;
    moment_t *moments;
    size_t n_moments;
} listing_t;

typedef struct request {
    const char *run_dir;
    bool json, now;
    int64_t last; /* 0: all */
} request_t;

/*  ------------------------------------------------------------------------- merging  */

static int
by_time(const void *a, const void *b)
{
    const moment_t *x = a, *y = b;
    if (x->wall_us != y->wall_us)
        return x->wall_us < y->wall_us ? -1 : 1;
    int order = memcmp(x->note->id, y->note->id, sizeof x->note->id);
    return order ? order : (int) x->note->point - (int) y->note->point;
}

/*  Two dumps of one process tell the same message twice.  */
static bool
is_same(const moment_t *a, const moment_t *b)
{
    return a->story->head->pid == b->story->head->pid && a->note->point == b->note->point
           && a->note->time_ns == b->note->time_ns && strcmp(a->actor, b->actor) == 0
           && memcmp(a->note->id, b->note->id, sizeof a->note->id) == 0;
}

static void
collect(listing_t *self, const flight_story_t *story)
{
    for (size_t i = 0; i < story->n; i++)
        for (size_t j = 0; j < story->actors[i].n; j++) {
            const flight_note_t *note = &story->actors[i].notes[j];
            int64_t age_us = ((int64_t) story->head->now_ns - (int64_t) note->time_ns) / 1000;
            self->moments[self->n_moments++] =
                (moment_t){story->head->wall_us - age_us, story, story->actors[i].name, note};
        }
}

static void
merge(listing_t *self)
{
    size_t room = 0;
    for (size_t i = 0; i < self->n_stories; i++)
        for (size_t j = 0; j < self->stories[i].n; j++)
            room += self->stories[i].actors[j].n;
    self->moments = arena_new(&self->arena, (room + 1) * sizeof(moment_t));
    for (size_t i = 0; i < self->n_stories; i++)
        collect(self, &self->stories[i]);
    qsort(self->moments, self->n_moments, sizeof(moment_t), by_time);
    size_t kept = 0;
    for (size_t i = 0; i < self->n_moments; i++)
        if (kept == 0 || !is_same(&self->moments[kept - 1], &self->moments[i]))
            self->moments[kept++] = self->moments[i];
    self->n_moments = kept;
}

/*  ------------------------------------------------------------------------- showing  */

static void
moment_to_json(const moment_t *moment, buffer_t *out)
{
    const flight_note_t *note = moment->note;
    bool sent = note->point == TAP_send;
    buffer_add_text(out, "{");
    json_name(out, "time_us");
    buffer_add_format(out, "%" PRId64, moment->wall_us);
    json_text(out, "role", moment->story->head->role);
    json_uint(out, "pid", moment->story->head->pid);
    json_text(out, "point", tap_point_name((tap_point_t) note->point));
    json_text(out, "actor", moment->actor);
    json_text(out, "kind", envelope_kind_name((envelope_kind_t) note->kind));
    json_text(out, "type", note->type);
    json_text(out, "from", sent ? moment->actor : note->peer);
    json_text(out, "to", sent ? note->peer : moment->actor);
    json_uint(out, "size", note->size);
    json_uuid(out, "id", note->id);
    json_uuid(out, "corr", note->corr);
    json_uuid(out, "trace", note->trace);
    if (note->attempt > 0)
        json_uint(out, "attempt", note->attempt);
    if (note->err != OK)
        json_text(out, "error", err_name((err_t) note->err));
    buffer_add_text(out, "}\n");
}

static void
add_moment(const moment_t *moment, bool coloured, buffer_t *out)
{
    static const hue_t hues[TAP_POINT_COUNT] = {HUE_cyan, HUE_blue, HUE_green, HUE_red};
    const flight_note_t *note = moment->note;
    bool sent = note->point == TAP_send;
    char time[TIME_TEXT], size[SHOW_ROOM];
    time_text(moment->wall_us / 1000, time);
    AUTO(text)
    way = mem_format("%s → %s", sent ? moment->actor : note->peer,
                     sent ? note->peer : moment->actor);
    buffer_add_format(out, "%.12s%03d ", time + 11, (int) (moment->wall_us % 1000));
    show_cell(out, moment->story->head->role, 7);
    buffer_add_format(out, "%s", show_hue(coloured, hues[note->point]));
    show_cell(out, tap_point_name((tap_point_t) note->point), 5);
    buffer_add_text(out, show_hue(coloured, HUE_none));
    show_cell(out, way, show_width(way) > 33 ? show_width(way) : 33);
    buffer_add_text(out, " ");
    show_cell(out, note->type, 18);
    show_cell(out, show_bytes(note->size, size), -8);
    if (note->attempt > 0)
        buffer_add_format(out, "  attempt %d", note->attempt + 1);
    if (note->err != OK)
        buffer_add_format(out, "  %s%s%s", show_hue(coloured, HUE_red),
                          err_name((err_t) note->err), show_hue(coloured, HUE_none));
    buffer_add_text(out, "\n");
}

static void
add_cause(const flight_head_t *head, buffer_t *out)
{
    const char *name = head->signal > 0 ? sigdescr_np(head->signal) : NULL;
    if (head->signal > 0)
        buffer_add_format(out, "ended by signal %d, %s", (int) head->signal,
                          name ? name : "unknown");
    else if (head->actor[0])
        buffer_add_text(out, "stuck: ");
    else
        buffer_add_text(out, "written on request");
    if (head->signal <= 0)
        show_text(out, head->actor);
}

/*  What a file is, and what each actor was in.  */
static void
add_story(const flight_story_t *story, const char *path, buffer_t *out)
{
    char time[TIME_TEXT];
    show_text(out, path);
    buffer_add_text(out, ": ");
    show_text(out, story->head->role);
    buffer_add_text(out, " ");
    show_text(out, story->head->release);
    buffer_add_format(out, ", process %" PRIu64 ", %s, ", story->head->pid,
                      time_text(story->head->wall_us / 1000, time));
    add_cause(story->head, out);
    buffer_add_text(out, story->cut ? "; the file is cut short\n" : "\n");
    for (size_t i = 0; i < story->n; i++) {
        if (story->actors[i].busy[0] == '\0')
            continue;
        buffer_add_text(out, "  ");
        show_text(out, story->actors[i].name);
        buffer_add_text(out, " was in ");
        show_text(out, story->actors[i].busy);
        buffer_add_text(out, "\n");
    }
}

static void
print(const listing_t *self, const request_t *request)
{
    buffer_t text = {0};
    bool coloured = show_is_coloured(stdout);
    for (size_t i = 0; !request->json && i < self->n_stories; i++)
        add_story(&self->stories[i], self->paths[i], &text);
    size_t first = request->last > 0 && (size_t) request->last < self->n_moments
                       ? self->n_moments - (size_t) request->last
                       : 0;
    for (size_t i = first; i < self->n_moments; i++)
        if (request->json)
            moment_to_json(&self->moments[i], &text);
        else
            add_moment(&self->moments[i], coloured, &text);
    fputs(buffer_text(&text), stdout);
    buffer_release(&text);
}

/*  --------------------------------------------------------------------------- files  */

static bool
load(listing_t *self, const char *path)
{
    fault_t fault = {0};
    self->paths[self->n_stories] = arena_text(&self->arena, path);
    if (flight_load(path, &self->arena, &self->stories[self->n_stories], &fault) != OK)
        return complain("%s", fault.text), false;
    return self->n_stories++, true;
}

/*  The newest dump in that directory; false after a complaint if it has none.  */
static bool
load_newest(listing_t *self, const char *directory)
{
    char newest[PATH_MAX] = "", path[PATH_MAX];
    struct timespec best = {0};
    DIR *dir = opendir(directory);
    for (const struct dirent *each; dir && (each = readdir(dir));) { // NOLINT: one thread
        struct stat about;
        (void) snprintf(path, sizeof path, "%s/%s", directory, each->d_name);
        if (strncmp(each->d_name, "flight-", 7) != 0 || lstat(path, &about) != 0
            || !S_ISREG(about.st_mode))
            continue;
        bool newer = about.st_mtim.tv_sec != best.tv_sec
                         ? about.st_mtim.tv_sec > best.tv_sec
                         : about.st_mtim.tv_nsec >= best.tv_nsec;
        if (*newest == '\0' || newer) {
            memcpy(newest, path, sizeof newest);
            best = about.st_mtim;
        }
    }
    if (dir)
        closedir(dir);
    if (*newest)
        return load(self, newest);
    complain("%s: no dump is there; one is written when the process crashes, when an actor is "
             "stuck, and by `waybill tap postmortem --now`",
             directory);
    return false;
}

/*  Lets the running process write one.  */
static bool
load_now(listing_t *self, const char *run_dir)
{
    kept_t answer = {0};
    bool good = asking_once(run_dir, QUESTION(flight_dump, flight_dumped), &answer);
    good = good && load(self, ((const flight_dumped_t *) answer.body)->file);
    kept_release(&answer);
    return good;
}

static bool
load_all(listing_t *self, const request_t *request, const args_t *args)
{
    char standard[PATH_MAX];
    rundir_default(standard, sizeof standard);
    if (request->now)
        return load_now(self, request->run_dir);
    if (args->count == 0)
        return load_newest(self, request->run_dir ? request->run_dir : standard);
    for (int i = 0; i < args->count; i++)
        if (!load(self, args->values[i]))
            return false;
    return true;
}

static int
postmortem(args_t *args)
{
    request_t request = {0};
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&request.run_dir),
        {"json", OPTION_FLAG, &request.json, 0, 0},
        {"now", OPTION_FLAG, &request.now, 0, 0},
        {"last", OPTION_NUMBER, &request.last, 1, INT32_MAX},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, FILES_MOST, &status))
        return status;
    if (request.now && args->count > 0)
        return complain_usage(args->verb, "--now: it writes a file of its own");
    listing_t self = {0};
    bool good = load_all(&self, &request, args);
    if (good) {
        merge(&self);
        print(&self, &request);
    }
    arena_release(&self.arena);
    return good ? STATUS_DONE : STATUS_NO;
}

const verb_t tap_postmortem = {
    .name = "tap postmortem",
    .summary = "the last messages before a crash, by time",
    .usage =
        "usage: waybill tap postmortem [FILE...] [--now] [--last N] [--json] [--run-dir "
        "DIR]\n\n"
        "Every actor remembers its last 256 messages, without what was in them. They are\n"
        "written to the run directory, as flight-PID-..., when the process crashes, when an\n"
        "actor is stuck (tap.stuck_ms), and on request. This puts dumps together, those of\n"
        "several processes too, and lists the messages by time; without FILE it takes the\n"
        "newest of the run directory.\n\n"
        "  --now           let the running process write one, and show that\n"
        "  --last N        only the last N messages\n"
        "  --json          one JSON object a line\n" RUN_DIR_USAGE
        "\nExit status 1: there is no such file, or it is none.\n",
    .run = postmortem,
};
