/*  Who is here and what is under way between them.  */

#include "runtime/cell_private.h"
#include "runtime/raw.h"
#include "runtime/system_private.h"

#include <stdio.h>

/*  ------------------------------------------------------------------------- an actor  */

/*  What the names of an actor's messages are gathered in.  */
typedef struct texts {
    arena_t *arena;
    const char **items;
    size_t n, room;
} texts_t;

static void
add_text(texts_t *self, const char *text)
{
    if (self->n == self->room) {
        const char **items = self->items;
        self->room = self->room * 2 + 16;
        self->items = arena_new(self->arena, self->room * sizeof *items);
        for (size_t i = 0; i < self->n; i++)
            self->items[i] = items[i];
    }
    self->items[self->n++] = text;
}

static void
add_edge(texts_t *self, const char *type, const char *to)
{
    char text[2 * NAME_ROOM + 2];
    snprintf(text, sizeof text, "%s %s", type, to);
    add_text(self, arena_text(self->arena, text));
}

static bool
is_sent_to_one(message_id_t id)
{
    message_class_t class = schema_of(id)->class;
    return class == CLASS_COMMAND || class == CLASS_REQUEST || class == CLASS_HINT;
}

static texts_t
list_taken(const actor_class_t *class, arena_t *arena)
{
    texts_t taken = {.arena = arena};
    for (const raw_message_t *each = class->raw ? class->raw->takes : NULL; each && each->type;
         each++)
        add_text(&taken, arena_text(arena, each->type));
    for (message_id_t id = 0; class->handlers && id < MSG_COUNT; id++)
        if (class->handlers[id] && is_sent_to_one(id))
            add_text(&taken, schema_of(id)->name);
    return taken;
}

static texts_t
list_heard(const actor_class_t *class, arena_t *arena)
{
    texts_t heard = {.arena = arena};
    for (size_t i = 0; class->hears && class->hears[i]; i++)
        add_text(&heard, arena_text(arena, class->hears[i]));
    return heard;
}

static texts_t
list_offered(const actor_class_t *class, arena_t *arena)
{
    texts_t offered = {.arena = arena};
    for (size_t i = 0; class->offers && class->offers[i]; i++)
        add_text(&offered, arena_text(arena, class->offers[i]));
    return offered;
}

static texts_t
list_sent(const actor_class_t *class, arena_t *arena)
{
    texts_t sent = {.arena = arena};
    for (const raw_message_t *each = class->raw ? class->raw->sends : NULL; each && each->type;
         each++)
        add_edge(&sent, each->type, each->to ? each->to : "*");
    for (const edge_t *edge = class->sends; edge && edge->to; edge++)
        add_edge(&sent, schema_of(edge->message)->name, edge->to);
    return sent;
}

static actor_info_t
describe(const resident_t *resident, arena_t *arena)
{
    const actor_class_t *class = resident->cell->class;
    texts_t takes = list_taken(class, arena);
    texts_t hears = list_heard(class, arena);
    texts_t sends = list_sent(class, arena);
    texts_t offers = list_offered(class, arena);
    return (actor_info_t){
        .name = arena_text(arena, class->name),
        .kind = class->raw ? class->raw->kind : "built-in",
        .state = cell_state_name(resident->state),
        .summary = class->summary ? arena_text(arena, class->summary) : NULL,
        .reason = arena_text(arena, resident->reason),
        .restarts = counter_get(&resident->cell->restarts),
        .takes = takes.items,
        .n_takes = takes.n,
        .hears = hears.items,
        .n_hears = hears.n,
        .sends = sends.items,
        .n_sends = sends.n,
        .offers = offers.items,
        .n_offers = offers.n,
        .file = class->raw ? arena_text(arena, class->raw->file) : NULL,
        .version = class->raw ? arena_text(arena, class->raw->version) : NULL,
        .pid = class->raw && class->raw->pid ? atomic_load(class->raw->pid) : 0,
    };
}

static actor_info_t
describe_visitor(const visitor_t *visitor, arena_t *arena)
{
    const hello_t *hello = visitor->hello;
    texts_t takes = {.arena = arena}, says = {.arena = arena};
    for (size_t i = 0; i < hello->takes.n; i++)
        add_text(&takes, arena_text(arena, hello->takes.names[i]));
    for (size_t i = 0; i < hello->says.n; i++)
        add_edge(&says, hello->says.names[i], "*");
    return (actor_info_t){
        .name = arena_text(arena, visitor->name),
        .kind = "joined",
        .state = cell_state_name(CELL_RUNNING),
        .takes = takes.items,
        .n_takes = takes.n,
        .sends = says.items,
        .n_sends = says.n,
        .offers = takes.items,
        .n_offers = takes.n,
        .pid = hello->pid,
    };
}

/*  ---------------------------------------------------------------------------- links  */

enum { LINKS_TOLD = 1024 };

static void
list_links(const cell_t *cell, arena_t *arena, tree_t *tree)
{
    link_seen_t seen;
    for (size_t i = 0; tree->n_links < LINKS_TOLD && port_outgoing(cell->port, i, &seen); i++)
        if (seen.sent > 0 || seen.waiting > 0)
            tree->links[tree->n_links++] = (link_info_t){
                .from = arena_text(arena, cell->class->name),
                .to = arena_text(arena, seen.peer),
                .sent = seen.sent,
                .in_flight = seen.sent - seen.done,
                .waiting = seen.waiting,
                .window = PORT_WINDOW,
            };
}

void
system_tree(ctx_t *ctx, tree_t *tree)
{
    system_t *self = ctx_system(ctx);
    arena_t *arena = ctx_arena(ctx);
    *tree = (tree_t){
        .role = self->options.role,
        .version = WAYBILL_VERSION,
        .pid = self->options.pid,
        .started = self->started_ms,
        .run_dir = self->options.run_dir,
        .links = arena_new(arena, LINKS_TOLD * sizeof *tree->links),
    };
    pthread_mutex_lock(&self->lock);
    tree->actors = arena_new(arena, (system_size(self) + MOST_JOINED) * sizeof *tree->actors);
    tree->monitor = self->monitor[0] ? arena_text(arena, self->monitor) : NULL;
    const resident_t *each = NULL;
    while ((each = system_next(self, each)) != NULL) {
        tree->actors[tree->n_actors++] = describe(each, arena);
        list_links(each->cell, arena, tree);
    }
    for (size_t i = 0; i < self->n_visitors; i++)
        tree->actors[tree->n_actors++] = describe_visitor(&self->visitors[i], arena);
    pthread_mutex_unlock(&self->lock);
}
