/*  generate - realistic data for the tables of this example, the same for the same options.

    Every id follows from seed, writer and number, so that writers who know nothing of each
    other can write to the rows of the team. What a writer deletes is its own.  */

#include "change.h"
#include "words.h"
#include "writer.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: generate [OPTION...] team | work WRITER CHANGES\n\n"
    "team prints users, projects, members, tasks, dependencies and comments. work prints\n"
    "what one of several writers (1, 2, ...) does afterwards in that team: new tasks and\n"
    "comments, and edits of the same tasks that the others edit.\n\n"
    "  --seed N       default 1; the same options give the same output\n"
    "  --users N      default 20\n"
    "  --projects N   default 5\n"
    "  --tasks N      of the team, default 200\n"
    "  --for DB       postgres (default) or sqlite: how lists are written\n"
    "  --sql          statements for psql or sqlite3; else JSON Lines for `waybill apply`\n";

static void
begin_pair(const char *table, const char *first, const char *a, const char *second,
           const char *b)
{
    change_begin("insert", table);
    change_key(first, a);
    change_key(second, b);
}

/*  -------------------------------------------------------------------------------- team  */

static void
make_user(writer_t *self, int64_t number)
{
    const char *first = ONE_OF(self, first_names), *last = ONE_OF(self, last_names);
    writer_row(self, "insert", "users", USER, TEAM, number);
    change_addf("name", FIELD_TEXT, "%s %s", first, last);
    change_addf("email", FIELD_TEXT, "user%" PRId64 "@example.org", number + 1);
    change_add("role", FIELD_TEXT, number == 0 ? "admin" : ONE_OF(self, user_roles));
    writer_add_list(self, "skills", skills, SKILLS);
    if (writer_happens(self, 30))
        change_addf("avatar", FIELD_BYTES, "89504e47%016" PRIx64,
                    (uint64_t) writer_below(self, INT64_MAX));
    change_add("active", FIELD_BOOLEAN, writer_happens(self, 90) ? "1" : "0");
    writer_add_times(self);
    change_end();
}

static void
make_members(writer_t *self, int64_t project, int64_t owner)
{
    char team[ID_TEXT], person[ID_TEXT];
    int64_t n = 2 + writer_below(self, 5);
    for (int64_t i = 1; i <= n && i < self->size.users; i++) {
        begin_pair("project_members", "project_id",
                   writer_id(self, PROJECT, TEAM, project, team), "user_id",
                   writer_id(self, USER, TEAM, (owner + i) % self->size.users, person));
        change_add("role", FIELD_TEXT, writer_happens(self, 75) ? "editor" : "viewer");
        change_addf("joined_on", FIELD_TEXT, "2026-01-%02" PRId64, 1 + writer_below(self, 28));
        change_end();
    }
}

static void
make_project(writer_t *self, int64_t number)
{
    int64_t owner = writer_below(self, self->size.users);
    writer_row(self, "insert", "projects", PROJECT, TEAM, number);
    change_addf("name", FIELD_TEXT, "%s %s", ONE_OF(self, adjectives), ONE_OF(self, nouns));
    change_add("description", FIELD_TEXT, ONE_OF(self, sentences));
    change_add("status", FIELD_TEXT, ONE_OF(self, project_statuses));
    writer_add_id(self, "owner_id", USER, TEAM, owner);
    if (writer_happens(self, 70))
        change_addf("budget", FIELD_TEXT, "%" PRId64 ".%02" PRId64,
                    500 + writer_below(self, 90000), writer_below(self, 100));
    writer_add_list(self, "labels", tags, TAGS);
    change_addf("settings", FIELD_TEXT, "{\"color\": \"%s\", \"weeks\": %" PRId64 "}",
                ONE_OF(self, colors), 1 + writer_below(self, 8));
    writer_add_times(self);
    change_end();
    make_members(self, number, owner);
}

/*  ------------------------------------------------------------------- tasks and comments  */

static void
add_title(writer_t *self)
{
    change_addf("title", FIELD_TEXT, "%s the %s %s", ONE_OF(self, verbs),
                ONE_OF(self, adjectives_small), ONE_OF(self, things));
}

static void
add_plan(writer_t *self)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    int64_t begin = self->clock / HOUR * HOUR + HOUR * (24 + writer_below(self, 400));
    int64_t hours = 1 + writer_below(self, 20);
    change_addf("estimate", FIELD_TEXT, "%02" PRId64 ":%02" PRId64 ":00", hours,
                15 * writer_below(self, 4));
    change_addf("planned", FIELD_TEXT, "[\"%s\",\"%s\")", writer_time(begin, from),
                writer_time(begin + hours * HOUR, to));
}

static int64_t
project_of(const writer_t *self, int64_t task)
{
    return task % self->size.projects;
}

static void
make_task(writer_t *self, int64_t number)
{
    writer_row(self, "insert", "tasks", TASK, self->number, number);
    writer_add_id(self, "project_id", PROJECT, TEAM, project_of(self, number));
    if (number >= self->size.projects && writer_happens(self, 25)
        && !self->no_task[number - self->size.projects])
        writer_add_id(self, "parent_id", TASK, self->number, number - self->size.projects);
    add_title(self);
    change_add("description", FIELD_TEXT,
               writer_happens(self, 60) ? ONE_OF(self, sentences) : "");
    change_add("status", FIELD_TEXT, ONE_OF(self, task_statuses));
    change_add("priority", FIELD_TEXT, ONE_OF(self, task_priorities));
    if (writer_happens(self, 80))
        writer_add_id(self, "assignee_id", USER, TEAM, writer_below(self, self->size.users));
    writer_add_list(self, "tags", tags, TAGS);
    if (writer_happens(self, 50))
        add_plan(self);
    change_addf("rank", FIELD_NUMBER, "%" PRId64 ".%d", number * 1024,
                writer_happens(self, 50) ? 5 : 25);
    writer_add_times(self);
    change_end();
}

/*  On a later task of the same project, so there is no circle.  */
static void
make_dependency(writer_t *self, int64_t task)
{
    int64_t back = self->size.projects * (1 + writer_below(self, 3));
    if (task < back || self->no_task[task - back])
        return;
    char id[ID_TEXT], needed[ID_TEXT];
    begin_pair("task_dependencies", "task_id", writer_id(self, TASK, self->number, task, id),
               "depends_on", writer_id(self, TASK, self->number, task - back, needed));
    change_add("kind", FIELD_TEXT, writer_happens(self, 70) ? "blocks" : "relates");
    change_end();
}

static void
make_comment(writer_t *self, int64_t task_writer, int64_t task)
{
    int64_t number = self->comments++;
    self->task_of[number] = task_writer == self->number ? task : -1;
    writer_row(self, "insert", "comments", COMMENT, self->number, number);
    writer_add_id(self, "task_id", TASK, task_writer, task);
    writer_add_id(self, "author_id", USER, TEAM, writer_below(self, self->size.users));
    change_add("body", FIELD_TEXT, ONE_OF(self, sentences));
    change_add("edited", FIELD_BOOLEAN, "0");
    writer_add_times(self);
    change_end();
}

static void
add_task(writer_t *self)
{
    int64_t number = self->tasks++;
    make_task(self, number);
    if (writer_happens(self, 40))
        make_dependency(self, number);
    for (int64_t i = writer_below(self, 3); i > 0; i--)
        make_comment(self, self->number, number);
}

static void
make_team(writer_t *self)
{
    for (int64_t i = 0; i < self->size.users; i++) {
        make_user(self, i);
        if (i % 10 == 9 || i + 1 == self->size.users)
            change_commit(self->style);
    }
    for (int64_t i = 0; i < self->size.projects; i++) {
        make_project(self, i);
        change_commit(self->style);
    }
    for (int64_t i = 0; i < self->size.tasks; i++) {
        add_task(self);
        change_commit(self->style);
    }
}

/*  -------------------------------------------------------------------------------- work  */

static void
edit_team_task(writer_t *self)
{
    writer_row(self, "update", "tasks", TASK, TEAM, writer_below(self, self->size.tasks));
    if (writer_happens(self, 50))
        change_add("status", FIELD_TEXT, ONE_OF(self, task_statuses));
    else if (writer_happens(self, 50))
        change_add("priority", FIELD_TEXT, ONE_OF(self, task_priorities));
    else if (writer_happens(self, 50))
        writer_add_id(self, "assignee_id", USER, TEAM, writer_below(self, self->size.users));
    else
        add_title(self);
    change_end();
}

static void
comment_team_task(writer_t *self)
{
    make_comment(self, TEAM, writer_below(self, self->size.tasks));
}

static void
edit_project(writer_t *self)
{
    writer_row(self, "update", "projects", PROJECT, TEAM,
               writer_below(self, self->size.projects));
    if (writer_happens(self, 50))
        change_add("status", FIELD_TEXT, ONE_OF(self, project_statuses));
    else
        writer_add_list(self, "labels", tags, TAGS);
    change_end();
}

static void
edit_own_comment(writer_t *self)
{
    if (self->comments == 0)
        return add_task(self);
    int64_t number = writer_below(self, self->comments);
    if (self->no_comment[number])
        return add_task(self);
    writer_row(self, "update", "comments", COMMENT, self->number, number);
    change_add("body", FIELD_TEXT, ONE_OF(self, sentences));
    change_add("edited", FIELD_BOOLEAN, "1");
    change_end();
}

/*  Its comments and dependencies are deleted along at the server, and the deletions sent.  */
static void
delete_own_task(writer_t *self)
{
    if (self->tasks == 0)
        return add_task(self);
    int64_t number = writer_below(self, self->tasks);
    if (self->no_task[number])
        return add_task(self);
    self->no_task[number] = true;
    for (int64_t i = 0; i < self->comments; i++)
        self->no_comment[i] = self->no_comment[i] || self->task_of[i] == number;
    writer_row(self, "delete", "tasks", TASK, self->number, number);
    change_end();
}

static const struct act {
    int percent;
    void (*run)(writer_t *self);
} acts[] = {
    {35, add_task},        {30, edit_team_task}, {20, comment_team_task},
    {8, edit_own_comment}, {4, edit_project},    {3, delete_own_task},
};

static void
work(writer_t *self, int64_t changes)
{
    for (int64_t i = 0; i < changes; i++) {
        int64_t chance = writer_below(self, 100), act = 0;
        while (chance >= acts[act].percent)
            chance -= acts[act++].percent;
        acts[act].run(self);
        change_commit(self->style);
    }
}

/*  ------------------------------------------------------------------------ command line  */

static bool
read_number(const char *text, int64_t low, int64_t *number)
{
    char *end;
    *number = text ? strtoll(text, &end, 10) : low - 1;
    return text && *text && !*end && *number >= low && *number <= 10000000;
}

static bool
read_options(int argc, char **argv, writer_t *self)
{
    static const struct option options[] = {{"seed", 1, NULL, 's'},
                                            {"users", 1, NULL, 'u'},
                                            {"projects", 1, NULL, 'p'},
                                            {"tasks", 1, NULL, 't'},
                                            {"for", 1, NULL, 'f'},
                                            {"sql", 0, NULL, 'q'},
                                            {0}};
    bool good = true;
    for (int found; good && (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'q')
            self->style.sql = true;
        else if (found == 'f')
            self->style.sqlite = strcmp(optarg, "sqlite") == 0,
            good = self->style.sqlite || strcmp(optarg, "postgres") == 0;
        else
            good = found != '?'
                   && read_number(optarg, 1,
                                  found == 's'   ? &self->size.seed
                                  : found == 'u' ? &self->size.users
                                  : found == 'p' ? &self->size.projects
                                                 : &self->size.tasks);
    }
    return good;
}

int
main(int argc, char **argv)
{
    writer_t self = {.size = {1, 20, 5, 200}};
    int64_t changes = 0;
    bool good = read_options(argc, argv, &self) && optind < argc;
    bool team = good && strcmp(argv[optind], "team") == 0;
    if (good && !team)
        good = strcmp(argv[optind], "work") == 0 && argc == optind + 3
               && read_number(argv[optind + 1], 1, &self.number)
               && read_number(argv[optind + 2], 0, &changes);
    if (!good)
        return fputs(usage, stderr), 2;

    writer_begin(&self, (size_t) (team ? self.size.tasks : changes) + 1);
    if (team)
        make_team(&self);
    else
        work(&self, changes);
    writer_end(&self);
    return fflush(stdout) == 0 ? 0 : 1;
}
