#include "tools/tap/tree_text.h"

#include "schemas/codec.h"
#include "tools/measure.h"
#include "tools/show.h"

#include <inttypes.h>
#include <string.h>

/*  In this order, each with what it is called; other kinds come last.  */
static const struct {
    const char *kind, *title;
} groups[] = {
    {"built-in", "built in"},
    {"thread", "plug-ins, in threads of this process"},
    {"process", "plug-ins, in processes of their own"},
    {"joined", "other programs, joined over ipc"},
};

static size_t
group_of(const actor_info_t *actor)
{
    size_t i = 0;
    while (i < COUNT_OF(groups) && strcmp(groups[i].kind, actor->kind) != 0)
        i++;
    return i;
}

const actor_info_t *
actor_named(const tree_t *tree, const char *name)
{
    for (size_t i = 0; i < tree->n_actors; i++)
        if (strcmp(tree->actors[i].name, name) == 0)
            return &tree->actors[i];
    return NULL;
}

bool
actor_takes(const actor_info_t *actor, const char *type)
{
    for (size_t i = 0; i < actor->n_takes; i++)
        if (strcmp(actor->takes[i], type) == 0)
            return true;
    return false;
}

bool
actor_is_well(const actor_info_t *actor)
{
    static const char *const well[] = {"ready", "starting", "joined"};
    for (size_t i = 0; i < COUNT_OF(well); i++)
        if (strcmp(actor->state, well[i]) == 0)
            return true;
    return false;
}

static bool
is_told(const char *text)
{
    return text && *text;
}

/*  -------------------------------------------------------------------------- lines  */

/*  What stands before a line: the trunk of the group, and the branches of its actor.  */
typedef struct branch {
    const char *trunk, *first, *rest;
} branch_t;

static void
add_line(const branch_t *branch, bool last, buffer_t *out)
{
    buffer_add_format(out, "%s%s%s", branch->trunk, branch->rest, last ? "└ " : "├ ");
}

static void
add_actor(const actor_info_t *actor, const branch_t *branch, bool coloured, buffer_t *out)
{
    buffer_add_format(out, "%s%s%s", branch->trunk, branch->first,
                      show_hue(coloured, HUE_bold));
    show_text(out, actor->name);
    buffer_add_format(out, "%s  %s", show_hue(coloured, HUE_none),
                      show_hue(coloured, actor_is_well(actor) ? HUE_green : HUE_red));
    show_text(out, actor->state);
    buffer_add_text(out, show_hue(coloured, HUE_none));
    if (actor->restarts > 0)
        buffer_add_format(out, ", restarted %" PRIu64 " times", actor->restarts);
    if (actor->pid > 0)
        buffer_add_format(out, ", process %" PRIu64, actor->pid);
    if (is_told(actor->reason)) {
        buffer_add_text(out, ": ");
        show_text(out, actor->reason);
    }
    if (is_told(actor->summary)) {
        buffer_add_format(out, "  %s", show_hue(coloured, HUE_dim));
        show_text(out, actor->summary);
        buffer_add_text(out, show_hue(coloured, HUE_none));
    }
    buffer_add_text(out, "\n");
}

static size_t
count_links(const tree_t *tree, const actor_info_t *actor)
{
    size_t n = 0;
    for (size_t i = 0; i < tree->n_links; i++)
        n += strcmp(tree->links[i].from, actor->name) == 0;
    return n;
}

static void
add_link(const link_info_t *link, bool coloured, buffer_t *out)
{
    char sent[NUMBER_TEXT], credit[NUMBER_TEXT], window[NUMBER_TEXT];
    uint64_t left = link->window > link->in_flight ? link->window - link->in_flight : 0;
    buffer_add_text(out, "→ ");
    show_cell(out, link->to, 20);
    buffer_add_format(out, " %s sent, credit %s of %s", number_text(link->sent, sent),
                      number_text(left, credit), number_text(link->window, window));
    if (link->waiting > 0)
        buffer_add_format(out, "%s, %" PRIu64 " waiting for it%s",
                          show_hue(coloured, HUE_yellow), link->waiting,
                          show_hue(coloured, HUE_none));
    buffer_add_text(out, "\n");
}

static void
add_actor_and_links(const tree_t *tree, const actor_info_t *actor, const branch_t *branch,
                    buffer_t *out, bool coloured)
{
    size_t left = count_links(tree, actor);
    add_actor(actor, branch, coloured, out);
    if (actor->n_hears > 0) {
        add_line(branch, left == 0, out);
        buffer_add_text(out, "hears");
        for (size_t i = 0; i < actor->n_hears; i++) {
            buffer_add_text(out, " ");
            show_text(out, actor->hears[i]);
        }
        buffer_add_text(out, "\n");
    }
    for (size_t i = 0; i < tree->n_links; i++)
        if (strcmp(tree->links[i].from, actor->name) == 0) {
            add_line(branch, --left == 0, out);
            add_link(&tree->links[i], coloured, out);
        }
}

/*  --------------------------------------------------------------------------- tree  */

static size_t
group_size(const tree_t *tree, size_t group)
{
    size_t n = 0;
    for (size_t i = 0; i < tree->n_actors; i++)
        n += group_of(&tree->actors[i]) == group;
    return n;
}

static bool
any_behind(const tree_t *tree, size_t group)
{
    for (size_t i = group + 1; i <= COUNT_OF(groups); i++)
        if (group_size(tree, i) > 0)
            return true;
    return false;
}

static void
add_group(const tree_t *tree, size_t group, bool coloured, buffer_t *out)
{
    size_t left = group_size(tree, group);
    if (left == 0)
        return;
    bool last = !any_behind(tree, group);
    buffer_add_format(out, "%s %s\n", last ? "└──" : "├──",
                      group < COUNT_OF(groups) ? groups[group].title : "others");
    for (size_t i = 0; i < tree->n_actors; i++) {
        if (group_of(&tree->actors[i]) != group)
            continue;
        bool end = --left == 0;
        const branch_t branch = {last ? "    " : "│   ", end ? "└── " : "├── ",
                                 end ? "    " : "│   "};
        add_actor_and_links(tree, &tree->actors[i], &branch, out, coloured);
    }
}

void
tree_draw(const tree_t *tree, int64_t wall_ms, bool coloured, buffer_t *out)
{
    char up[SHOW_ROOM];
    int64_t ms = wall_ms > tree->started ? wall_ms - tree->started : 0;
    buffer_add_text(out, show_hue(coloured, HUE_bold));
    show_text(out, tree->role);
    buffer_add_text(out, show_hue(coloured, HUE_none));
    buffer_add_text(out, " ");
    show_text(out, tree->version);
    buffer_add_format(out, ", process %" PRIu64 ", up %s", tree->pid,
                      show_us((uint64_t) ms * 1000, up));
    if (is_told(tree->run_dir)) {
        buffer_add_text(out, ", ");
        show_text(out, tree->run_dir);
    }
    if (is_told(tree->monitor)) {
        buffer_add_text(out, ", page ");
        show_text(out, tree->monitor);
    }
    buffer_add_text(out, "\n");
    for (size_t i = 0; i <= COUNT_OF(groups); i++)
        add_group(tree, i, coloured, out);
}

/*  One line of JSON, the kind of thing first.  */
static void
add_object(const char *what, message_id_t id, const void *body, buffer_t *out)
{
    buffer_add_format(out, "{\"%s\":", what);
    message_to_json(id, body, true, out);
    buffer_add_text(out, "}\n");
}

void
tree_to_json(const tree_t *tree, buffer_t *out)
{
    tree_t process = *tree;
    process.n_actors = process.n_links = 0;
    add_object("process", MSG_tree, &process, out);
    for (size_t i = 0; i < tree->n_actors; i++)
        add_object("actor", MSG_actor_info, &tree->actors[i], out);
    for (size_t i = 0; i < tree->n_links; i++)
        add_object("link", MSG_link_info, &tree->links[i], out);
}

/*  ----------------------------------------------------------------------- one actor  */

static void
add_texts(const char *title, const char *const *texts, size_t n, buffer_t *out)
{
    for (size_t i = 0; i < n; i++) {
        show_cell(out, i == 0 ? title : "", 10);
        show_text(out, texts[i]);
        buffer_add_text(out, "\n");
    }
}

void
actor_describe(const actor_info_t *actor, bool coloured, buffer_t *out)
{
    const branch_t none = {"", "", ""};
    add_actor(actor, &none, coloured, out);
    add_texts("kind", (const char *const[]){actor->kind}, 1, out);
    add_texts("file", (const char *const[]){actor->file}, is_told(actor->file), out);
    add_texts("version", (const char *const[]){actor->version}, is_told(actor->version), out);
    add_texts("takes", actor->takes, actor->n_takes, out);
    add_texts("offers", actor->offers, actor->n_offers, out);
    add_texts("hears", actor->hears, actor->n_hears, out);
    for (size_t i = 0; i < actor->n_sends; i++) {
        const char *blank = strchr(actor->sends[i], ' ');
        int size = blank ? (int) (blank - actor->sends[i]) : (int) strlen(actor->sends[i]);
        buffer_t line = {0};
        buffer_add_format(&line, "%.*s%s%s", size, actor->sends[i], blank ? " → " : "",
                          blank ? blank + 1 : "");
        add_texts(i == 0 ? "sends" : "", (const char *const[]){buffer_text(&line)}, 1, out);
        buffer_release(&line);
    }
}
