/*  Plug-ins come and go while the others run.

    One that comes is known to everybody before it starts, so that it is answered. One that goes
   gets nothing new first, then what was on its way to it, then the time to finish; only when it
   has stopped do the others forget it.  */

#include "runtime/host_private.h"
#include "schemas/pack.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 64 };

/*  ------------------------------------------------------------------------ loading  */

static bool
is_free(host_t *self, const char *name, fault_t *fault)
{
    if (crew_find(&self->crew, name))
        fault_set(fault, ERR_EXISTS,
                  "plugins.%s: an actor is called so already; choose another "
                  "name",
                  name);
    else if (self->crew.n == MOST_ACTORS)
        fault_set(fault, ERR_OVERFLOW, "plugins.%s: at most %d actors run in one process", name,
                  MOST_ACTORS);
    else if (self->options.program == NULL)
        fault_set(fault, ERR_CONFIG, "plugins.%s: this program takes no plug-ins", name);
    else
        return true;
    return false;
}

static err_t
lint_with(host_t *self, const actor_class_t *class, fault_t *fault)
{
    const actor_class_t *classes[MOST_ACTORS];
    memcpy(classes, self->crew.classes, self->crew.n * sizeof *classes);
    classes[self->crew.n] = class;
    err_t err = lint_edges(classes, self->crew.n + 1, fault);
    return err == OK ? lint_offers(classes, self->crew.n + 1, fault) : err;
}

static err_t
load(host_t *self, const plugin_order_t *order, plugin_t **plugin, fault_t *fault)
{
    if (!is_free(self, order->name, fault))
        return fault->err;
    err_t err = plugin_new(self->options.program, order, plugin, fault);
    if (err == OK)
        err = lint_with(self, plugin_class(*plugin), fault);
    if (err != OK)
        plugin_destroy(plugin);
    return err;
}

static void
keep(host_t *self, plugin_t *plugin)
{
    plug_t *plug = mem_new(sizeof *plug);
    *plug = (plug_t){.next = self->plugs, .plugin = plugin};
    self->plugs = plug;
}

static void
let_go(host_t *self, const actor_class_t *class)
{
    for (plug_t **at = &self->plugs; *at; at = &(*at)->next) {
        plug_t *plug = *at;
        if (plugin_class(plug->plugin) != class)
            continue;
        *at = plug->next;
        plugin_destroy(&plug->plugin);
        free(plug);
        return;
    }
}

void
host_forget_plugins(host_t *self)
{
    while (self->plugs)
        let_go(self, plugin_class(self->plugs->plugin));
    mailbox_clear(&self->crew.asked);
}

err_t
host_add_plugin(host_t *self, const plugin_order_t *order, fault_t *fault)
{
    plugin_t *plugin = NULL;
    err_t err = load(self, order, &plugin, fault);
    if (err != OK)
        return err;
    keep(self, plugin);
    (void) crew_insert(&self->crew, plugin_class(plugin));
    return OK;
}

/*  -------------------------------------------------------------------------- going  */

static void
forget(host_t *self, member_t *member)
{
    const actor_class_t *class = self->crew.classes[member - self->crew.members];
    if (self->gateway)
        gateway_remove(self->gateway, class->name);
    if (self->tap)
        tap_remove(self->tap, class->name);
    (void) crew_tell(&self->crew, member, "forget", self->options.stop_deadline_ms);
    postbox_forget(self->crew.post, class->name);
    shell_destroy(&member->shell);
    crew_take_out(&self->crew, member);
    let_go(self, class);
}

/*  False: it does not stop, and stays.  */
static bool
unplug(host_t *self, member_t *member)
{
    const char *name = shell_name(member->shell);
    if (self->gateway) {
        self->crew.gateway_told = true;
        gateway_close(self->gateway, name);
    }
    if (!crew_tell(&self->crew, member, "close", self->options.stop_deadline_ms))
        host_say(self, "warning",
                 "a plug-in goes before all that was said to it has reached it");
    self->crew.gateway_told = false;
    host_drain_member(self, member);
    if (!host_stop_member(self, member))
        return false;
    forget(self, member);
    return true;
}

void
host_drop_failed(host_t *self)
{
    member_t *failed;
    while ((failed = crew_given_up(&self->crew, true)) != NULL) {
        fault_t text;
        fault_set(
            &text, ERR_FAILED,
            "the plug-in %s failed too often and is removed: %s; `waybill plugin add` adds "
            "it again",
            shell_name(failed->shell), failed->reason);
        host_say(self, "error", text.text);
        if (!unplug(self, failed))
            failed->state = CELL_STOPPED;
    }
}

/*  ------------------------------------------------------------------------- coming  */

static err_t
start(host_t *self, member_t *member, const actor_class_t *class, fault_t *fault)
{
    err_t err = host_make_shell(self, member, class, fault);
    if (err != OK)
        return err;
    crew_introduce_late(&self->crew, member, self->options.run_dir != NULL);
    err = shell_launch(member->shell, fault);
    if (err != OK)
        return err;
    (void) crew_tell(&self->crew, member, "know", self->options.stop_deadline_ms);
    return crew_start_member(&self->crew, member, fault);
}

static void
open_doors(host_t *self, const actor_class_t *class)
{
    if (self->gateway)
        gateway_add(self->gateway,
                    &(gateway_actor_t){class->name, class->offers, class->hears});
    if (self->tap)
        tap_add(self->tap, class->name);
}

/*  It did not start: what there is of it goes.  */
static void
undo(host_t *self, member_t *member)
{
    const actor_class_t *class = self->crew.classes[member - self->crew.members];
    if (member->shell && !host_stop_member(self, member))
        return;
    if (member->shell) {
        forget(self, member);
        return;
    }
    crew_take_out(&self->crew, member);
    let_go(self, class);
}

static err_t
plug(host_t *self, const plugin_order_t *order, fault_t *fault)
{
    plugin_t *plugin = NULL;
    err_t err = load(self, order, &plugin, fault);
    if (err != OK)
        return err;
    const actor_class_t *class = plugin_class(plugin);
    keep(self, plugin);
    member_t *member = crew_insert(&self->crew, class);
    err = start(self, member, class, fault);
    if (err == OK)
        open_doors(self, class);
    else
        undo(self, member);
    return err;
}

/*  ----------------------------------------------------------------------- requests  */

static err_t
read_value(cursor_t *cursor, arena_t *arena, plugin_value_t *value, fault_t *fault)
{
    token_t name, text;
    if (!cursor_next(cursor, &name) || name.kind != TOKEN_TEXT || !cursor_next(cursor, &text)
        || text.kind != TOKEN_TEXT)
        return fault_set(fault, ERR_MALFORMED, "field settings: names and texts are wanted");
    value->name = arena_text_of(arena, name.bytes.data, name.bytes.size);
    value->value = arena_text_of(arena, text.bytes.data, text.bytes.size);
    return OK;
}

/*  The settings as a map of texts.  */
static err_t
read_settings(bytes_t settings, arena_t *arena, plugin_order_t *order, fault_t *fault)
{
    cursor_t cursor = cursor_of(settings);
    token_t head;
    if (settings.size == 0)
        return OK;
    if (!cursor_next(&cursor, &head) || head.kind != TOKEN_MAP || head.number > MOST_VALUES)
        return fault_set(fault, ERR_MALFORMED, "field settings: a map of at most %d is wanted",
                         MOST_VALUES);
    plugin_value_t *values = arena_new(arena, (head.number + 1) * sizeof *values);
    err_t err = OK;
    for (size_t i = 0; err == OK && i < head.number; i++)
        err = read_value(&cursor, arena, &values[i], fault);
    order->settings = values;
    order->n_settings = head.number;
    return err;
}

static err_t
serve_add(host_t *self, const mail_t *question, arena_t *arena, fault_t *fault)
{
    plugin_add_t body = {0};
    bytes_t payload = {question->payload->data, question->payload->size};
    err_t err = message_unpack(MSG_plugin_add, payload, arena, &body, fault);
    plugin_order_t order = {.name = body.name,
                            .file = body.file,
                            .isolation = body.isolation,
                            .limit_ms =
                                body.limit_ms < INT32_MAX ? (uint32_t) body.limit_ms : 0};
    if (err == OK)
        err = read_settings(body.settings, arena, &order, fault);
    if (err == OK)
        err = plug(self, &order, fault);
    if (err == OK)
        crew_answer(
            &self->crew, &question->envelope, MSG_plugin_added,
            &(plugin_added_t){.name = body.name,
                              .version = plugin_manifest(self->plugs->plugin)->version});
    return err;
}

static err_t
serve_remove(host_t *self, const mail_t *question, arena_t *arena, fault_t *fault)
{
    plugin_remove_t body = {0};
    bytes_t payload = {question->payload->data, question->payload->size};
    err_t err = message_unpack(MSG_plugin_remove, payload, arena, &body, fault);
    if (err != OK)
        return err;
    member_t *member = crew_find(&self->crew, body.name);
    if (member == NULL)
        return fault_set(fault, ERR_NOT_FOUND,
                         "%s: there is no such plug-in; `waybill plugin list` shows them",
                         body.name);
    if (!crew_is_plugin(&self->crew, member))
        return fault_set(fault, ERR_REFUSED, "%s: it is no plug-in, and this process needs it",
                         body.name);
    if (!unplug(self, member))
        return fault_set(fault, ERR_TIMEOUT,
                         "%s: it does not stop; it stays until the process ends", body.name);
    crew_answer(&self->crew, &question->envelope, MSG_plugin_removed, NULL);
    return OK;
}

static const struct {
    message_id_t question;
    err_t (*serve)(host_t *self, const mail_t *question, arena_t *arena, fault_t *fault);
} services[] = {
    {MSG_plugin_add, serve_add},
    {MSG_plugin_remove, serve_remove},
};

static err_t
serve(host_t *self, const mail_t *question, arena_t *arena, fault_t *fault)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (message_named(question->envelope.type) == services[i].question)
            return services[i].serve(self, question, arena, fault);
    return fault_set(fault, ERR_UNKNOWN, "%s: the supervisor does not do that",
                     question->envelope.type);
}

void
host_serve(host_t *self)
{
    mail_t *question;
    while ((question = self->crew.asked.first) != NULL) {
        fault_t fault = {0};
        arena_t arena = {0};
        mailbox_take(&self->crew.asked, question);
        err_t err = serve(self, question, &arena, &fault);
        if (err != OK)
            crew_refuse(&self->crew, &question->envelope, &fault);
        arena_release(&arena);
        mail_destroy(&question);
    }
}
