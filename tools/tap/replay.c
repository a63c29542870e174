/*  tap replay - does again what an actor was recorded to do, and compares.  */

#include "runtime/replay.h"

#include "actors/agent/actors.h"
#include "actors/common/actors.h"
#include "actors/server/actors.h"
#include "actors/settings.h"
#include "runtime/plugin.h"
#include "schemas/text.h"
#include "tools/tap/tap.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_CAUSES = 12 };

typedef struct again {
    const char *file, *into, *db, *set;
    bool json;
    tape_reader_t *tape;
    config_t config;
    settings_t settings;
    plugin_t *plugin;
    const actor_class_t *class;
} again_t;

/*  ------------------------------------------------------------------ what an actor needs  */

typedef enum need {
    NEED_DATABASE, /* what it does depends on what is in it */
    NEED_PROCESS   /* it looks at the process around it, not only at messages */
} need_t;

static const struct {
    const actor_class_t *class;
    need_t need;
} needs[] = {
    {&recorder, NEED_DATABASE},       {&processor, NEED_DATABASE},
    {&lsn_manager, NEED_DATABASE},    {&checkpointer, NEED_DATABASE},
    {&client_changes, NEED_DATABASE}, {&replicator, NEED_DATABASE},
    {&distributor, NEED_DATABASE},    {&system_actor, NEED_PROCESS},
    {&plugins, NEED_PROCESS},         {&monitor, NEED_PROCESS},
};

/*  What they did was done in PostgreSQL.  */
static bool
works_elsewhere(const again_t *self)
{
    static const char *const names[] = {"replicator", "client-changes"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], self->class->name) == 0)
            return settings_on_postgres(&self->settings);
    return false;
}

static err_t
check_need(const again_t *self, fault_t *fault)
{
    if (works_elsewhere(self))
        return fault_set(fault, ERR_REFUSED,
                         "%s cannot be replayed: its database is PostgreSQL, which no "
                         "recording holds",
                         self->class->name);
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        if (needs[i].class != self->class)
            continue;
        if (needs[i].need == NEED_PROCESS)
            return fault_set(fault, ERR_REFUSED,
                             "%s cannot be replayed: it looks at the process around it, which "
                             "no recording holds",
                             self->class->name);
        if (!self->db)
            return fault_set(fault, ERR_REFUSED,
                             "%s has a database, which no recording holds; name a copy, as it "
                             "was when the recording began, with --db COPY: it will be changed",
                             self->class->name);
    }
    return OK;
}

/*  --------------------------------------------------------------------- settings  */

/*  The loader reads files: this one has no name.  */
static err_t
load_settings(again_t *self, fault_t *fault)
{
    const char *text = tape_head(self->tape)->settings;
    char path[64];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    config_defaults(&self->config, &settings_table, &self->settings);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t) strlen(text)) {
        if (fd >= 0)
            close(fd);
        return fault_set(fault, ERR_IO, "its settings: %s", strerrordesc_np(errno));
    }
    (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    err_t err = *text ? config_load(&self->config, path, fault) : OK;
    close(fd);
    return err;
}

/*  KEY=VALUE, several with commas between.  */
static err_t
change_settings(again_t *self, fault_t *fault)
{
    char *words = mem_text(self->set ? self->set : "");
    char *rest = words;
    err_t err = OK;
    for (char *word; err == OK && (word = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(word, '=');
        if (*word == '\0')
            continue;
        if (value == NULL) {
            err = fault_set(fault, ERR_USAGE, "--set %s: write SECTION.NAME=VALUE", word);
            continue;
        }
        *value = '\0';
        err = config_set(&self->config, word, value + 1, fault);
    }
    free(words);
    return err;
}

static bool
is_same_file(const char *a, const char *b)
{
    char real_a[PATH_MAX], real_b[PATH_MAX];
    return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

/*  Never the database itself, which somebody lives on.  */
static err_t
use_copy(again_t *self, fault_t *fault)
{
    if (!self->db)
        return OK;
    if (is_same_file(self->db, self->settings.agent_db)
        || is_same_file(self->db, self->settings.server_db))
        return fault_set(fault, ERR_REFUSED, "%s: that is the database itself; make a copy",
                         self->db);
    err_t err = OK;
    if (*self->settings.agent_db)
        err = config_set(&self->config, "agent.db", self->db, fault);
    if (err == OK && *self->settings.server_db)
        err = config_set(&self->config, "server.db", self->db, fault);
    return err;
}

/*  ----------------------------------------------------------------------- classes  */

/*  Of several with that name, the one that the settings want.  */
static const actor_class_t *
class_named(const again_t *self, const char *name)
{
    const actor_class_t *const *const lists[] = {agent_actors, server_actors};
    const actor_class_t *found = NULL;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (const actor_class_t *const *class = lists[i]; *class; class ++) {
            if (strcmp((*class)->name, name) != 0)
                continue;
            if ((*class)->is_wanted == NULL || (*class)->is_wanted(&self->settings))
                return *class;
            found = *class;
        }
    return found;
}

static err_t
load_plugin(again_t *self, fault_t *fault)
{
    char file[PATH_MAX];
    if (realpath(self->into, file) == NULL)
        return fault_set(fault, ERR_NOT_FOUND, "%s: %s", self->into, strerrordesc_np(errno));
    const plugin_order_t order = {.name = tape_head(self->tape)->actor, .file = file};
    err_t err = plugin_new("/proc/self/exe", &order, &self->plugin, fault);
    if (err == OK)
        self->class = plugin_class(self->plugin);
    return err;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static err_t
find_class(again_t *self, fault_t *fault)
{
    const char *name = self->into ? self->into : tape_head(self->tape)->actor;
    if (self->into && ends_with(self->into, ".so"))
        return load_plugin(self, fault);
    self->class = class_named(self, name);
    if (self->class)
        return check_need(self, fault);
    return fault_set(fault, ERR_NOT_FOUND,
                     "%s is no actor of this program; name one, or a plug-in, with --into",
                     name);
}

/*  ------------------------------------------------------------------------ telling  */

static void
tell_event(const again_t *self, size_t n)
{
    buffer_t line = {0};
    tape_event_t event = tape_at(self->tape, n);
    tape_describe(&event, &line);
    printf("    event %zu: %s\n", n, buffer_text(&line));
    buffer_release(&line);
}

/*  From the input back to what it answers, and what led to that.  */
static void
print_causes(const again_t *self, size_t n)
{
    printf("  while it handled\n");
    for (int i = 0; i < MOST_CAUSES && n > 0; i++) {
        size_t input = tape_input_of(self->tape, n);
        tell_event(self, input);
        n = tape_cause_of(self->tape, input);
        if (n > 0) {
            printf("  which came of\n");
            tell_event(self, n);
            printf("  that it did while it handled\n");
        }
    }
}

static void
print_text(const again_t *self, replay_result_t *result)
{
    if (result->event == 0) {
        printf("%" PRIu64 " inputs, %" PRIu64 " outputs, all equal\n", result->inputs,
               result->outputs);
        return;
    }
    printf("event %zu differs, after %" PRIu64 " inputs and %" PRIu64 " equal outputs\n",
           result->event, result->inputs, result->outputs);
    printf("  expected: %s\n", buffer_text(&result->expected));
    printf("  got:      %s\n", buffer_text(&result->got));
    print_causes(self, result->event - 1);
}

static void
print_json(replay_result_t *result)
{
    buffer_t line = {0};
    buffer_add_format(&line, "{\"inputs\":%" PRIu64 ",\"outputs\":%" PRIu64 ",\"equal\":%s",
                      result->inputs, result->outputs, result->event == 0 ? "true" : "false");
    if (result->event > 0) {
        buffer_add_format(&line, ",\"event\":%zu,\"expected\":", result->event);
        text_to_json(buffer_bytes(&result->expected), &line);
        buffer_add_text(&line, ",\"got\":");
        text_to_json(buffer_bytes(&result->got), &line);
    }
    buffer_add_text(&line, "}");
    puts(buffer_text(&line));
    buffer_release(&line);
}

/*  ---------------------------------------------------------------------- the verb  */

static err_t
prepare(again_t *self, fault_t *fault)
{
    err_t err = tape_open(self->file, &self->tape, fault);
    if (err == OK)
        err = load_settings(self, fault);
    if (err == OK)
        err = change_settings(self, fault);
    if (err == OK)
        err = find_class(self, fault);
    return err == OK ? use_copy(self, fault) : err;
}

static int
run_again(again_t *self)
{
    fault_t fault = {0};
    replay_result_t result = {0};
    err_t err = prepare(self, &fault);
    if (err == OK)
        err = replay_run(self->tape, self->class, &self->settings, &result, &fault);
    int status = result.event == 0 ? STATUS_DONE : STATUS_NO;
    if (err != OK) {
        complain("%s", fault.text);
        status = err == ERR_USAGE ? STATUS_USAGE : STATUS_NO;
    } else if (self->json) {
        print_json(&result);
    } else {
        print_text(self, &result);
    }
    replay_result_release(&result);
    return status;
}

static int
replay(args_t *args)
{
    again_t self = {0};
    const option_rule_t rules[] = {
        {"into", OPTION_TEXT, &self.into, 0, 0},
        {"db", OPTION_TEXT, &self.db, 0, 0},
        {"set", OPTION_TEXT, &self.set, 0, 0},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 1, 1, &status))
        return status;
    self.file = args->values[0];
    status = run_again(&self);
    plugin_destroy(&self.plugin);
    tape_reader_destroy(&self.tape);
    config_release(&self.config);
    return status;
}

const verb_t tap_replay = {
    .name = "tap replay",
    .summary = "do again what an actor was recorded to do, and compare",
    .usage =
        "usage: waybill tap replay FILE [--into ACTOR|PLUGIN.so] [--set KEY=VALUE,...]\n"
        "                          [--db COPY] [--json]\n\n"
        "Gives a new actor what the recording says that one took in, with the same time and\n"
        "chance, and compares all that it does. No process is needed, no network, no clock.\n"
        "Prints how much was equal, or the first event that differs: what was expected, what\n"
        "came, and what led to it.\n\n"
        "  --into ACTOR    another actor of this program; or the file of a plug-in\n"
        "  --set KEY=VALUE other settings than the recorded ones: section.name\n"
        "  --db COPY       for actors with a database: a copy of it, as it was when the\n"
        "                  recording began. What other actors wrote into it meanwhile is not "
        "in\n"
        "                  the recording, so a difference may come of that\n"
        "  --json          the result as one object\n\n"
        "Exit status 1: something differs, or FILE is no whole recording of this version.\n",
    .run = replay,
};
