#include "runtime/plugin_private.h"
#include "schemas/text.h"

#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

/*  --------------------------------------------------------------- what must be equal  */

static err_t
say_mismatch(const char *file, const char *found, fault_t *fault)
{
    return fault_set(fault, ERR_CONFIG,
                     "%s: it was not built for this waybill:%s. Build it again with the "
                     "waybill/plugin.h that this waybill installed",
                     file, found);
}

static bool
fits_size(const waybill_plugin_t *given)
{
    return given->minor == WAYBILL_PLUGIN_MINOR ? given->struct_size == sizeof *given
                                                : given->struct_size <= sizeof *given;
}

/*  One line for all that differs, so that nobody has to try again for each.  */
static err_t
compare(const waybill_plugin_t *given, const char *file, fault_t *fault)
{
    char found[400] = "";
    size_t n = 0;
    const size_t room = sizeof found;
    if (given->magic != WAYBILL_PLUGIN_MAGIC) {
        snprintf(found, room, " magic is %08x here, and %08x in the file", WAYBILL_PLUGIN_MAGIC,
                 given->magic);
        return say_mismatch(file, found, fault);
    }
    if (given->major != WAYBILL_PLUGIN_MAJOR)
        n += (size_t) snprintf(found + n, room - n, " major is %d here, and %d in the file;",
                               WAYBILL_PLUGIN_MAJOR, given->major);
    if (given->minor > WAYBILL_PLUGIN_MINOR)
        n += (size_t) snprintf(found + n, room - n,
                               " minor is %d here, and %d, which is newer, in the file;",
                               WAYBILL_PLUGIN_MINOR, given->minor);
    if (given->minor <= WAYBILL_PLUGIN_MINOR && !fits_size(given))
        n += (size_t) snprintf(found + n, room - n,
                               " struct_size is %zu here, and %u in the file;", sizeof *given,
                               given->struct_size);
    if (given->build == NULL || strnlen(given->build, 64) == 64
        || strcmp(given->build, WAYBILL_PLUGIN_BUILD) != 0)
        n += (size_t) snprintf(found + n, room - n, " build is %s here, and %.63s in the file;",
                               WAYBILL_PLUGIN_BUILD, given->build ? given->build : "missing");
    if (n == 0)
        return OK;
    found[n - 1] = '\0';
    return say_mismatch(file, found, fault);
}

/*  -------------------------------------------------------------------- texts, names  */

static bool
is_text(const char *text, size_t most)
{
    if (text == NULL)
        return false;
    size_t size = strnlen(text, most + 1);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) text[i] < ' ' || text[i] == 0x7f)
            return false;
    return size > 0 && size <= most && text_is_clean((bytes_t){(const uint8_t *) text, size});
}

static bool
is_made_of(const char *text, const char *letters)
{
    return is_text(text, WAYBILL_MOST_NAME) && text[strspn(text, letters)] == '\0';
}

static err_t
check_texts(const waybill_plugin_t *self, const char *file, fault_t *fault)
{
    if (!is_made_of(self->name, LETTERS "-"))
        return fault_set(fault, ERR_CONFIG,
                         "%s: field name: 1 to %d letters a-z, digits and - are wanted", file,
                         WAYBILL_MOST_NAME);
    if (!is_text(self->version, WAYBILL_MOST_NAME))
        return fault_set(fault, ERR_CONFIG,
                         "%s: field version: a text of 1 to %d bytes is wanted", file,
                         WAYBILL_MOST_NAME);
    if (!is_text(self->summary, WAYBILL_MOST_TEXT))
        return fault_set(fault, ERR_CONFIG,
                         "%s: field summary: one line of at most %d bytes is wanted", file,
                         WAYBILL_MOST_TEXT);
    if (self->state_size > WAYBILL_MOST_STATE)
        return fault_set(fault, ERR_CONFIG, "%s: field state_size: %zu is more than %d", file,
                         self->state_size, WAYBILL_MOST_STATE);
    if (self->start == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: field start: it is missing", file);
    return OK;
}

/*  ------------------------------------------------------------------------ messages  */

/*  What each way allows, and which callback it needs.  */
static const struct way {
    const char *name;
    unsigned classes; /* a set of bits */
} ways[] = {
    [WAYBILL_TAKES] = {"takes", 1U << CLASS_COMMAND | 1U << CLASS_REQUEST | 1U << CLASS_HINT},
    [WAYBILL_HEARS] = {"hears", 1U << CLASS_EVENT},
    [WAYBILL_SENDS] = {"sends", 1U << CLASS_COMMAND | 1U << CLASS_REQUEST | 1U << CLASS_HINT},
    [WAYBILL_PUBLISHES] = {"publishes", 1U << CLASS_EVENT},
    [WAYBILL_ANSWERS] = {"answers", 1U << CLASS_REPLY},
};

static const message_class_t own_classes[] = {
    [WAYBILL_COMMAND] = CLASS_COMMAND,
    [WAYBILL_REQUEST] = CLASS_REQUEST,
    [WAYBILL_REPLY] = CLASS_REPLY,
    [WAYBILL_EVENT] = CLASS_EVENT,
};

static bool
is_pattern(const waybill_message_t *row)
{
    return row->way == WAYBILL_HEARS && strpbrk(row->type, "*>") != NULL;
}

static message_class_t
class_of(const waybill_message_t *row)
{
    if (row->way == WAYBILL_HEARS)
        return CLASS_EVENT;
    return row->kind == WAYBILL_KNOWN ? schema_of(message_named(row->type))->class
                                      : own_classes[row->kind];
}

static err_t
check_type(const waybill_message_t *row, fault_t *fault)
{
    bool known = message_named(row->type) != MSG_COUNT;
    if (row->kind == WAYBILL_KNOWN && !known)
        return fault_set(
            fault, ERR_CONFIG,
            "%s: docs/messages.md has no such message; of one of its own, kind says "
            "what it is",
            row->type);
    if (row->kind != WAYBILL_KNOWN && known)
        return fault_set(fault, ERR_CONFIG,
                         "%s: docs/messages.md has such a message: kind must be WAYBILL_KNOWN",
                         row->type);
    message_class_t class = row->kind == WAYBILL_KNOWN
                                ? schema_of(message_named(row->type))->class
                                : own_classes[row->kind];
    if (!(ways[row->way].classes & 1U << class))
        return fault_set(fault, ERR_CONFIG, "%s: it is of class %s, which nobody %s", row->type,
                         class_name(class), ways[row->way].name);
    return OK;
}

static err_t
check_row(const waybill_message_t *row, fault_t *fault)
{
    const char *letters = row->way == WAYBILL_HEARS ? LETTERS "_.*>" : LETTERS "_.";
    if (row->way < WAYBILL_TAKES || row->way > WAYBILL_ANSWERS)
        return fault_set(fault, ERR_CONFIG, "way %d: there is none", row->way);
    if (!is_made_of(row->type, letters))
        return fault_set(fault, ERR_CONFIG,
                         "type: 1 to %d letters a-z, digits and _ are wanted",
                         WAYBILL_MOST_NAME);
    if (row->kind < WAYBILL_KNOWN || row->kind > WAYBILL_EVENT)
        return fault_set(fault, ERR_CONFIG, "%s: kind %d: there is none", row->type, row->kind);
    if (row->to && (row->way != WAYBILL_SENDS || !is_made_of(row->to, LETTERS "_-")))
        return fault_set(fault, ERR_CONFIG,
                         "%s: to: the name of an actor is wanted, with WAYBILL_SENDS only",
                         row->type);
    if (row->summary && !is_text(row->summary, WAYBILL_MOST_TEXT))
        return fault_set(fault, ERR_CONFIG,
                         "%s: summary: one line of at most %d bytes is wanted", row->type,
                         WAYBILL_MOST_TEXT);
    return is_pattern(row) ? OK : check_type(row, fault);
}

static err_t
check_messages(const waybill_plugin_t *self, const char *file, fault_t *fault)
{
    fault_t cause;
    size_t i = 0;
    if (self->messages == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: field messages: it is missing", file);
    for (; i < WAYBILL_MOST_MESSAGES && self->messages[i].way != 0; i++)
        if (check_row(&self->messages[i], &cause) != OK)
            return fault_set(fault, ERR_CONFIG, "%s: messages[%zu]: %s", file, i, cause.text);
    if (i == WAYBILL_MOST_MESSAGES)
        return fault_set(fault, ERR_CONFIG,
                         "%s: field messages: {0} does not end it within %d rows", file,
                         WAYBILL_MOST_MESSAGES);
    return OK;
}

/*  ------------------------------------------------------------------------ settings  */

static const char *const setting_kinds[] = {
    [WAYBILL_TEXT_SETTING] = "text",
    [WAYBILL_NUMBER_SETTING] = "number",
    [WAYBILL_FLAG_SETTING] = "flag",
};

/*  These keys of an item in the config file are ours.  */
static bool
is_taken(const char *name)
{
    return strcmp(name, "file") == 0 || strcmp(name, "isolation") == 0
           || strcmp(name, "limit_ms") == 0;
}

static err_t
check_setting(const waybill_setting_t *row, fault_t *fault)
{
    if (!is_made_of(row->name, LETTERS "_") || is_taken(row->name))
        return fault_set(fault, ERR_CONFIG,
                         "name: 1 to %d letters a-z, digits and _ are wanted, and not file or "
                         "isolation",
                         WAYBILL_MOST_NAME);
    if (row->type < 0 || row->type > WAYBILL_FLAG_SETTING)
        return fault_set(fault, ERR_CONFIG, "%s: type %d: there is none", row->name, row->type);
    if (row->preset && row->preset[0] && !is_text(row->preset, WAYBILL_MOST_TEXT))
        return fault_set(fault, ERR_CONFIG,
                         "%s: preset: one line of at most %d bytes is wanted", row->name,
                         WAYBILL_MOST_TEXT);
    if (row->summary && !is_text(row->summary, WAYBILL_MOST_TEXT))
        return fault_set(fault, ERR_CONFIG,
                         "%s: summary: one line of at most %d bytes is wanted", row->name,
                         WAYBILL_MOST_TEXT);
    plugin_setting_t setting = {.name = row->name, .kind = setting_kinds[row->type]};
    return row->preset ? plugin_value_check(&setting, row->preset, fault) : OK;
}

static bool
is_twice(const waybill_setting_t *settings, size_t i)
{
    for (size_t other = 0; other < i; other++)
        if (strcmp(settings[other].name, settings[i].name) == 0)
            return true;
    return false;
}

static err_t
check_settings(const waybill_plugin_t *self, const char *file, fault_t *fault)
{
    fault_t cause;
    size_t i = 0;
    for (; self->settings && i < WAYBILL_MOST_SETTINGS && self->settings[i].name; i++) {
        if (check_setting(&self->settings[i], &cause) != OK)
            return fault_set(fault, ERR_CONFIG, "%s: settings[%zu]: %s", file, i, cause.text);
        if (is_twice(self->settings, i))
            return fault_set(fault, ERR_CONFIG, "%s: settings[%zu]: %s is there twice", file, i,
                             self->settings[i].name);
    }
    if (i == WAYBILL_MOST_SETTINGS)
        return fault_set(fault, ERR_CONFIG,
                         "%s: field settings: {0} does not end it within %d rows", file,
                         WAYBILL_MOST_SETTINGS);
    return OK;
}

err_t
descriptor_check(const waybill_plugin_t *given, const char *file, waybill_plugin_t *whole,
                 fault_t *fault)
{
    err_t err = compare(given, file, fault);
    if (err != OK)
        return err;
    *whole = (waybill_plugin_t){0};
    memcpy(whole, given, given->struct_size);
    err = check_texts(whole, file, fault);
    if (err == OK)
        err = check_messages(whole, file, fault);
    return err == OK ? check_settings(whole, file, fault) : err;
}

/*  ------------------------------------------------------------------------ manifest  */

static void
list_messages(const waybill_plugin_t *self, arena_t *arena, plugin_manifest_t *manifest)
{
    size_t n = 0;
    while (self->messages[n].way != 0)
        n++;
    manifest->messages = arena_new(arena, (n + 1) * sizeof *manifest->messages);
    manifest->n_messages = n;
    for (size_t i = 0; i < n; i++) {
        const waybill_message_t *row = &self->messages[i];
        manifest->messages[i] = (plugin_message_t){
            .way = ways[row->way].name,
            .type = row->type,
            .class = class_name(class_of(row)),
            .to = row->to,
            .own = row->kind != WAYBILL_KNOWN,
            .summary = row->summary,
        };
    }
}

static void
list_settings(const waybill_plugin_t *self, arena_t *arena, plugin_manifest_t *manifest)
{
    size_t n = 0;
    while (self->settings && self->settings[n].name)
        n++;
    manifest->settings = arena_new(arena, (n + 1) * sizeof *manifest->settings);
    manifest->n_settings = n;
    for (size_t i = 0; i < n; i++) {
        const waybill_setting_t *row = &self->settings[i];
        manifest->settings[i] = (plugin_setting_t){.name = row->name,
                                                   .kind = setting_kinds[row->type],
                                                   .preset = row->preset,
                                                   .summary = row->summary};
    }
}

void
descriptor_manifest(const waybill_plugin_t *self, arena_t *arena, plugin_manifest_t *manifest)
{
    char abi[32];
    snprintf(abi, sizeof abi, "%d.%d", self->major, self->minor);
    *manifest = (plugin_manifest_t){.name = self->name,
                                    .version = self->version,
                                    .summary = self->summary,
                                    .abi = arena_text(arena, abi),
                                    .state = self->state_size};
    list_messages(self, arena, manifest);
    list_settings(self, arena, manifest);
}
