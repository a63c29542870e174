#include "runtime/plugin.h"

#include "runtime/plugin_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*  ----------------------------------------------------------------------- settings  */

static bool
is_number(const char *value)
{
    char *end = NULL;
    errno = 0;
    (void) strtoll(value, &end, 10);
    return *value != '\0' && *end == '\0' && errno == 0 && strchr(" \t+", *value) == NULL;
}

static bool
is_flag(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
}

err_t
plugin_value_check(const plugin_setting_t *setting, const char *value, fault_t *fault)
{
    if (strlen(value) > WAYBILL_MOST_TEXT)
        return fault_set(fault, ERR_CONFIG, "%s: at most %d bytes are taken", setting->name,
                         WAYBILL_MOST_TEXT);
    if (strcmp(setting->kind, "number") == 0 && !is_number(value))
        return fault_set(fault, ERR_CONFIG, "%s is \"%s\", which is not a whole number",
                         setting->name, value);
    if (strcmp(setting->kind, "flag") == 0 && !is_flag(value))
        return fault_set(fault, ERR_CONFIG, "%s is \"%s\"; write true or false", setting->name,
                         value);
    return OK;
}

const char *
plugin_value(const plugin_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_values; i++)
        if (strcmp(self->values[i].name, name) == 0)
            return self->values[i].value;
    return NULL;
}

static const char *
given_value(const plugin_order_t *order, const char *name)
{
    for (size_t i = 0; i < order->n_settings; i++)
        if (strcmp(order->settings[i].name, name) == 0)
            return order->settings[i].value;
    return NULL;
}

static err_t
refuse_unknown(const plugin_t *self, const char *name, fault_t *fault)
{
    char known[256] = "none";
    for (size_t i = 0, n = 0; i < self->manifest.n_settings && n < sizeof known; i++)
        n += (size_t) snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "",
                               self->manifest.settings[i].name);
    return fault_set(fault, ERR_CONFIG, "plugins.%s.%s: %s has no such setting; it has: %s",
                     self->name, name, self->manifest.name, known);
}

static err_t
check_known(const plugin_t *self, const plugin_order_t *order, fault_t *fault)
{
    for (size_t i = 0; i < order->n_settings; i++) {
        size_t known = 0;
        while (known < self->manifest.n_settings
               && strcmp(self->manifest.settings[known].name, order->settings[i].name) != 0)
            known++;
        if (known == self->manifest.n_settings)
            return refuse_unknown(self, order->settings[i].name, fault);
    }
    return OK;
}

static err_t
take_settings(plugin_t *self, const plugin_order_t *order, fault_t *fault)
{
    fault_t cause;
    const plugin_manifest_t *manifest = &self->manifest;
    plugin_value_t *values =
        arena_new(&self->arena, (manifest->n_settings + 1) * sizeof *values);
    for (size_t i = 0; i < manifest->n_settings; i++) {
        const plugin_setting_t *setting = &manifest->settings[i];
        const char *value = given_value(order, setting->name);
        if (value == NULL)
            value = setting->preset;
        if (value == NULL)
            return fault_set(fault, ERR_CONFIG, "plugins.%s.%s: it must be given: %s",
                             self->name, setting->name,
                             setting->summary ? setting->summary : "a text");
        if (plugin_value_check(setting, value, &cause) != OK)
            return fault_set(fault, ERR_CONFIG, "plugins.%s.%s", self->name, cause.text);
        values[i] = (plugin_value_t){setting->name, arena_text(&self->arena, value)};
    }
    self->values = values;
    self->n_values = manifest->n_settings;
    return check_known(self, order, fault);
}

/*  ------------------------------------------------------------------------- tables  */

static message_class_t
class_named(const char *name)
{
    message_class_t class = 0;
    while (class < CLASS_COUNT && strcmp(class_name(class), name) != 0)
        class ++;
    return class;
}

static const raw_message_t *
table_of(plugin_t *self, const char *way)
{
    const plugin_manifest_t *manifest = &self->manifest;
    raw_message_t *table = arena_new(&self->arena, (manifest->n_messages + 1) * sizeof *table);
    size_t n = 0;
    for (size_t i = 0; i < manifest->n_messages; i++) {
        const plugin_message_t *row = &manifest->messages[i];
        if (strcmp(row->way, way) == 0)
            table[n++] = (raw_message_t){row->type, class_named(row->class), row->to};
    }
    return table;
}

static const char *const *
types_of(plugin_t *self, const char *way)
{
    const raw_message_t *table = table_of(self, way);
    const char **types =
        arena_new(&self->arena, (self->manifest.n_messages + 1) * sizeof *types);
    for (size_t i = 0; table[i].type; i++)
        types[i] = table[i].type;
    return types;
}

static void
make_class(plugin_t *self)
{
    self->raw = (raw_actor_t){
        .kind = self->isolated ? PLUGIN_PROCESS : PLUGIN_THREAD,
        .file = self->file,
        .version = self->manifest.version,
        .takes = table_of(self, "takes"),
        .sends = table_of(self, "sends"),
        .publishes = table_of(self, "publishes"),
        .answers = table_of(self, "answers"),
        .on_letter = self->isolated ? plugin_process_on_letter : plugin_thread_on_letter,
        .break_promises = plugin_break_promises,
        .pid = &self->pid,
        .subject = self,
    };
    self->class = self->isolated ? plugin_process_class : plugin_thread_class;
    self->class.name = self->name;
    self->class.summary = self->manifest.summary;
    self->class.hears = types_of(self, "hears");
    self->class.offers = types_of(self, "takes");
    self->class.raw = &self->raw;
}

/*  --------------------------------------------------------------------------- life  */

/*  The bus's own, which no actor may be called.  */
static bool
is_reserved(const char *name)
{
    static const char *const names[] = {"ipc", "tap", "supervisor", "gateway"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static err_t
check_order(const plugin_order_t *order, fault_t *fault)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t size = strlen(order->name);
    if (size == 0 || size > WAYBILL_MOST_NAME || order->name[strspn(order->name, letters)]
        || is_reserved(order->name))
        return fault_set(
            fault, ERR_CONFIG,
            "plugins.%s: a name is 1 to %d letters a-z, digits and -, and not ipc, "
            "tap, supervisor or gateway",
            order->name, WAYBILL_MOST_NAME);
    if (order->isolation && strcmp(order->isolation, PLUGIN_THREAD) != 0
        && strcmp(order->isolation, PLUGIN_PROCESS) != 0)
        return fault_set(fault, ERR_CONFIG,
                         "plugins.%s.isolation is \"%s\"; it must be one of: thread process",
                         order->name, order->isolation);
    return OK;
}

static err_t
fill(plugin_t *self, const plugin_order_t *order, fault_t *fault)
{
    self->program = arena_text(&self->arena, self->program);
    self->name = arena_text(&self->arena, order->name);
    self->file = arena_text(&self->arena, order->file);
    self->limit_ms = order->limit_ms ? order->limit_ms : PLUGIN_CALL_MS;
    self->isolated = order->isolation && strcmp(order->isolation, PLUGIN_PROCESS) == 0;
    const plugin_look_t look = {.program = self->program, .file = self->file};
    err_t err = plugin_inspect(&look, &self->arena, &self->manifest, fault);
    if (err == OK)
        err = take_settings(self, order, fault);
    if (err == OK && !self->isolated)
        err = plugin_file_load(self->file, &self->descriptor, fault);
    /* What was loaded counts, not what was there a moment ago. */
    if (err == OK && !self->isolated
        && strcmp(self->manifest.version, self->descriptor.version) != 0)
        err = fault_set(fault, ERR_CONFIG, "%s: it was replaced while it was loaded; try again",
                        self->file);
    return err;
}

err_t
plugin_new(const char *program, const plugin_order_t *order, plugin_t **self_p, fault_t *fault)
{
    *self_p = NULL;
    err_t err = check_order(order, fault);
    if (err != OK)
        return err;
    plugin_t *self = mem_new(sizeof *self);
    self->program = program;
    err = fill(self, order, fault);
    if (err == OK) {
        make_class(self);
        *self_p = self;
    } else {
        plugin_destroy(&self);
    }
    return err;
}

void
plugin_destroy(plugin_t **self_p)
{
    plugin_t *self = *self_p;
    if (self == NULL)
        return;
    plugin_tickets_release(&self->tickets);
    arena_release(&self->arena);
    free(self);
    *self_p = NULL;
}

const actor_class_t *
plugin_class(const plugin_t *self)
{
    return &self->class;
}

const plugin_manifest_t *
plugin_manifest(const plugin_t *self)
{
    return &self->manifest;
}
