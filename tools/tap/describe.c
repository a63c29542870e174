/*  tap describe - a type of message, or an actor.  */

#include "bus/subscriptions.h"
#include "schemas/codec.h"
#include "schemas/text.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/tap.h"
#include "tools/tap/tree_text.h"

#include <inttypes.h>
#include <string.h>

/*  ------------------------------------------------------------------ who has to do with it  */

typedef bool relation_fn(const actor_info_t *actor, const char *type);

static bool
sends(const actor_info_t *actor, const char *type)
{
    size_t size = strlen(type);
    for (size_t i = 0; i < actor->n_sends; i++)
        if (strncmp(actor->sends[i], type, size) == 0
            && (actor->sends[i][size] == ' ' || actor->sends[i][size] == '\0'))
            return true;
    return false;
}

static bool
hears(const actor_info_t *actor, const char *type)
{
    for (size_t i = 0; i < actor->n_hears; i++)
        if (pattern_matches(actor->hears[i], type))
            return true;
    return false;
}

static const struct {
    const char *name;
    relation_fn *holds;
} relations[] = {{"sent_by", sends}, {"taken_by", actor_takes}, {"heard_by", hears}};

/*  --------------------------------------------------------------------------- type  */

static void
field_to_json(const field_t *field, buffer_t *out)
{
    buffer_add_text(out, "{");
    json_text(out, "name", field->name);
    json_text(out, "kind", kind_name(field->kind));
    if (field->kind == KIND_LIST || field->kind == KIND_ONE)
        json_text(out, "of", schema_of(field->element)->name);
    json_bool(out, "optional", field->flags & OPTIONAL);
    json_bool(out, "secret", field->flags & SECRET);
    json_text(out, "summary", field->summary);
    buffer_add_text(out, "}");
}

static void
relation_to_json(size_t relation, const char *type, const tree_t *tree, buffer_t *out)
{
    bool any = false;
    json_name(out, relations[relation].name);
    buffer_add_text(out, "[");
    for (size_t i = 0; i < tree->n_actors; i++)
        if (relations[relation].holds(&tree->actors[i], type)) {
            const char *name = tree->actors[i].name;
            buffer_add_text(out, any ? "," : "");
            text_to_json((bytes_t){(const uint8_t *) name, strlen(name)}, out);
            any = true;
        }
    buffer_add_text(out, "]");
}

static void
type_to_json(message_id_t id, const tree_t *tree, buffer_t *out)
{
    const schema_t *schema = schema_of(id);
    AUTO(text) hash = mem_format("%08" PRIx32, schema_hash(id));
    buffer_add_text(out, "{");
    json_text(out, "type", schema->name);
    json_text(out, "class", class_name(schema->class));
    json_text(out, "summary", schema->summary);
    json_text(out, "hash", hash);
    json_name(out, "fields");
    buffer_add_text(out, "[");
    for (size_t i = 0; i < schema->n_fields; i++) {
        buffer_add_text(out, i == 0 ? "" : ",");
        field_to_json(&schema->fields[i], out);
    }
    buffer_add_text(out, "]");
    for (size_t i = 0; tree && i < COUNT_OF(relations); i++)
        relation_to_json(i, schema->name, tree, out);
    buffer_add_text(out, "}\n");
}

static void
add_field(const field_t *field, bool coloured, buffer_t *out)
{
    buffer_add_text(out, "  ");
    show_cell(out, field->name, 16);
    buffer_add_text(out, " ");
    if (field->kind == KIND_LIST || field->kind == KIND_ONE) {
        AUTO(text)
        kind = mem_format("%s %s", field->kind == KIND_LIST ? "list of" : "one",
                          schema_of(field->element)->name);
        show_cell(out, kind, 22);
    } else {
        show_cell(out, kind_name(field->kind), 22);
    }
    show_cell(out, field->flags & OPTIONAL ? "optional" : "", 9);
    if (field->flags & SECRET)
        buffer_add_format(out, "%ssecret %s", show_hue(coloured, HUE_red),
                          show_hue(coloured, HUE_none));
    show_text(out, field->summary);
    buffer_add_text(out, "\n");
}

static void
add_relation(size_t relation, const char *type, const tree_t *tree, buffer_t *out)
{
    static const char *const words[] = {"sent by", "taken by", "heard by"};
    bool any = false;
    for (size_t i = 0; i < tree->n_actors; i++)
        if (relations[relation].holds(&tree->actors[i], type)) {
            buffer_add_text(out, any ? ", " : words[relation]);
            buffer_add_text(out, any ? "" : " ");
            show_text(out, tree->actors[i].name);
            any = true;
        }
    if (any)
        buffer_add_text(out, "\n");
}

static void
type_describe(message_id_t id, const tree_t *tree, bool coloured, buffer_t *out)
{
    const schema_t *schema = schema_of(id);
    buffer_add_format(out, "%s%s%s  %s, hash %08" PRIx32 "\n%s\n", show_hue(coloured, HUE_bold),
                      schema->name, show_hue(coloured, HUE_none), class_name(schema->class),
                      schema_hash(id), schema->summary);
    for (size_t i = 0; i < schema->n_fields; i++)
        add_field(&schema->fields[i], coloured, out);
    for (size_t i = 0; tree && i < COUNT_OF(relations); i++)
        add_relation(i, schema->name, tree, out);
}

/*  ------------------------------------------------------------------- command line  */

static bool
describe_into(const char *name, const tree_t *tree, bool json, buffer_t *out)
{
    bool coloured = show_is_coloured(stdout);
    const actor_info_t *actor = tree ? actor_named(tree, name) : NULL;
    message_id_t id = message_named(name);
    if (actor && json) {
        message_to_json(MSG_actor_info, actor, true, out);
        buffer_add_text(out, "\n");
    } else if (actor) {
        actor_describe(actor, coloured, out);
    }
    if (id != MSG_COUNT && json)
        type_to_json(id, tree, out);
    else if (id != MSG_COUNT)
        type_describe(id, tree, coloured, out);
    return actor || id != MSG_COUNT;
}

static void
list_into(const tree_t *tree, bool json, buffer_t *out)
{
    for (size_t i = 0; tree && i < tree->n_actors; i++) {
        show_cell(out, tree->actors[i].name, 24);
        buffer_add_text(out, " actor    ");
        show_text(out, tree->actors[i].summary);
        buffer_add_text(out, "\n");
    }
    for (message_id_t id = 0; id < MSG_COUNT; id++) {
        if (json) {
            type_to_json(id, tree, out);
            continue;
        }
        show_cell(out, schema_of(id)->name, 24);
        buffer_add_text(out, " ");
        show_cell(out, class_name(schema_of(id)->class), 8);
        buffer_add_format(out, " %s\n", schema_of(id)->summary);
    }
}

static int
describe(args_t *args)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 0, 1, &joined, &status))
        return status;
    fault_t fault = {0};
    kept_t answer = {0};
    buffer_t text = {0};
    ipc_client_t *client = asking_try(joined.run_dir, &fault);
    bool asked = client && asking_ask(client, QUESTION(tree_get, tree), &answer, &fault) == OK;
    const tree_t *tree = asked ? answer.body : NULL;
    const char *name = args->count > 0 ? args->values[0] : NULL;
    bool found = !name || describe_into(name, tree, joined.json, &text);
    if (!name)
        list_into(tree, joined.json, &text);
    fputs(buffer_text(&text), stdout);
    if (!found)
        complain("%s: no type of message has that name%s%s", name,
                 tree ? ", and no actor; `waybill tap describe` lists all" : "; ",
                 tree ? "" : fault.text);
    else if (!tree)
        complain("who sends and takes it is not known: %s", fault.text);
    ipc_client_destroy(&client);
    buffer_release(&text);
    kept_release(&answer);
    return found ? STATUS_DONE : STATUS_NO;
}

const verb_t tap_describe = {
    .name = "tap describe",
    .summary = "a type of message, or an actor",
    .usage =
        "usage: waybill tap describe [TYPE | ACTOR] [--json] [--run-dir DIR]\n\n"
        "A type of message: its class, fields, which of them are secret, the hash of its\n"
        "schema, and who sends, takes and hears it. An actor: what it is for, takes, offers\n"
        "to programs that join, hears and sends. Without an operand, a line for each there\n"
        "is. Types are known without a process.\n\n"
        "  --json          one JSON object a line\n" RUN_DIR_USAGE
        "\nExit status 1: there is no such type or actor.\n",
    .run = describe,
};
