#include "schemas/codec.h"

static const char *const class_texts[CLASS_COUNT] = {
#define X(name, text) [CLASS_##name] = (text),
    CLASS_MAP(X)
#undef X
};

static void
title_write(const char *name, FILE *out)
{
    fprintf(out, "\n## %c", name[0]);
    for (const char *c = name + 1; *c != '\0'; c++)
        fputc(*c | 0x20, out); /* capitals of ASCII: the names of our classes */
}

static void
kind_write(const field_t *field, FILE *out)
{
    if (field->kind == KIND_LIST || field->kind == KIND_ONE)
        fprintf(out, "%s [%s](#%s)", field->kind == KIND_LIST ? "LIST of" : "ONE",
                schema_of(field->element)->name, schema_of(field->element)->name);
    else
        fputs(kind_name(field->kind), out);
}

static void
field_document(const field_t *field, FILE *out)
{
    fprintf(out, "| `%s` | ", field->name);
    kind_write(field, out);
    fprintf(out, " | %s%s | %u | %s |\n", field->flags & OPTIONAL ? "optional" : "required",
            field->flags & SECRET ? ", secret" : "", field->since, field->summary);
}

static void
message_document(message_id_t id, FILE *out)
{
    const schema_t *schema = schema_of(id);
    fprintf(out, "\n### %s\n\n%s. %s, hash `%08x`.\n", schema->name, schema->summary,
            class_name(schema->class), schema_hash(id));
    if (schema->n_fields == 0) {
        fputs("It has no fields.\n", out);
        return;
    }
    fputs("\n| field | kind | | since | |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < schema->n_fields; i++)
        field_document(&schema->fields[i], out);
}

static void
class_document(message_class_t class, FILE *out)
{
    title_write(class_name(class), out);
    fprintf(out, "\n\n%s: %s.\n", class_name(class), class_texts[class]);
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        if (schema_of(id)->class == class)
            message_document(id, out);
}

static const char introduction[] =
    "# Messages\n\n"
    "Printed by `schema_doc` from the declarations in `schemas/*.def`; do not edit.\n\n"
    "In bytes a message is a msgpack map from field name to value. A reader skips fields it\n"
    "does not know; an optional field that is zero is not sent. *since* is the version a\n"
    "field came with. Two builds that mean the same shape have the same hash. Secrets are\n"
    "masked wherever a person looks.\n\n"
    "| kind | in msgpack | in JSON |\n|---|---|---|\n"
    "| BOOL | boolean | true, false |\n"
    "| INT | integer, 64 bits | number |\n"
    "| UINT | integer from 0, 64 bits | number |\n"
    "| TIME | milliseconds since 1970 | ISO-8601, UTC; both forms are read |\n"
    "| STAMP | milliseconds since 1970 | number |\n"
    "| TEXT | str, UTF-8 without NUL | string |\n"
    "| BYTES | bin | `{\"$blob\": \"BASE64\"}` |\n"
    "| LSN | integer | `HI/LO` in hex; both forms are read |\n"
    "| BODY | map: a row | object |\n"
    "| TEXTS | array of str | array of strings |\n"
    "| LIST | array of maps | array of objects |\n"
    "| ONE | map | object |\n";

void
messages_document(FILE *out)
{
    fputs(introduction, out);
    for (message_class_t class = 0; class < CLASS_COUNT; class ++)
        class_document(class, out);
}
