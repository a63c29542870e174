/*  upsert, delete, record - one change, by hand.  */

#include "schemas/row.h"
#include "tools/join.h"
#include "tools/verbs.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT_LIMIT = 8 << 20 };

/*  The JSON operand, or standard input for `-`.  */
static void
read_operand(const char *operand, buffer_t *text)
{
    if (strcmp(operand, "-") != 0) {
        buffer_add_text(text, operand);
        return;
    }
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, stdin)) > 0 && text->size < INPUT_LIMIT;)
        buffer_add(text, piece, n);
}

/*  Columns as JSON text become a row; false after a complaint.  */
static bool
read_row(const char *operand, buffer_t *row)
{
    buffer_t text = {0};
    fault_t fault = {0};
    read_operand(operand, &text);
    err_t err = json_to_msgpack(buffer_text(&text), text.size, row, &fault);
    if (err == OK)
        err = row_check(buffer_bytes(row), &fault);
    if (err != OK)
        complain("data: %s; give one JSON object of columns, as in '{\"title\": \"Tea\"}'",
                 fault.text);
    buffer_release(&text);
    return err == OK;
}

static int
send_write(const verb_t *verb, const char *run_dir, const write_t *write)
{
    AUTO(ipc_client) client = join(verb, run_dir, JOIN_MS);
    const written_t *written =
        client ? ask_service(client, MSG_write, write, MSG_written) : NULL;
    if (!written)
        return STATUS_NO;
    for (size_t i = 0; i < written->n_ids; i++)
        puts(written->ids[i]);
    return STATUS_DONE;
}

/*  entry has everything but its data, which operand (may be NULL) holds as JSON.  */
static int
write_one(const verb_t *verb, const char *run_dir, entry_t *entry, const char *operand,
          bool written)
{
    buffer_t row = {0};
    int status = STATUS_NO;
    if (!operand || read_row(operand, &row)) {
        entry->data = buffer_bytes(&row);
        write_t write = {.changes = entry, .n_changes = 1, .written = written};
        status = send_write(verb, run_dir, &write);
    }
    buffer_release(&row);
    return status;
}

static int
upsert(args_t *args)
{
    const char *run_dir = NULL;
    const option_rule_t rules[] = {RUN_DIR_RULE(&run_dir), {0}};
    int status;
    if (!options_read(args, rules, 3, 3, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = "upsert",
        .id = args->values[1],
    };
    return write_one(args->verb, run_dir, &entry, args->values[2], false);
}

static int
delete_row(args_t *args)
{
    const char *run_dir = NULL;
    const option_rule_t rules[] = {RUN_DIR_RULE(&run_dir), {0}};
    int status;
    if (!options_read(args, rules, 2, 2, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = "delete",
        .id = args->values[1],
    };
    return write_one(args->verb, run_dir, &entry, NULL, false);
}

static int
record(args_t *args)
{
    const char *run_dir = NULL;
    const option_rule_t rules[] = {RUN_DIR_RULE(&run_dir), {0}};
    int status;
    if (!options_read(args, rules, 3, 4, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = args->values[1],
        .id = args->values[2],
    };
    const char *operand = args->count > 3 ? args->values[3] : NULL;
    return write_one(args->verb, run_dir, &entry, operand, true);
}

const verb_t verb_upsert = {
    .name = "upsert",
    .summary = "insert a row or update the columns given, and record it",
    .usage =
        "usage: waybill upsert [--run-dir DIR] TABLE ID JSON|-\n\n"
        "Writes the row and records the change in one transaction of the agent, then prints\n"
        "the change's id. JSON is an object of columns; `-` reads it from standard input.\n"
        "Columns that are not named stay as they are. Blobs are {\"$blob\": \"BASE64\"}.\n\n"
        "  TABLE           a table of the agent's database\n"
        "  ID              primary key of the row\n" RUN_DIR_USAGE
        "\nExit status 1: refused, and nothing was written; the message names the field.\n\n"
        "example: waybill upsert notes 17 '{\"title\": \"Tea\", \"done\": 0}'\n",
    .run = upsert,
};

const verb_t verb_delete = {
    .name = "delete",
    .summary = "delete a row, and record it",
    .usage =
        "usage: waybill delete [--run-dir DIR] TABLE ID\n\n"
        "Deletes the row and records the change in one transaction of the agent, then\n"
        "prints the change's id.\n\n"
        "  TABLE           a table of the agent's database\n"
        "  ID              primary key of the row\n" RUN_DIR_USAGE
        "\nExit status 1: refused, and nothing was written; the message names the field.\n",
    .run = delete_row,
};

const verb_t verb_record = {
    .name = "record",
    .summary = "record a change that the application has written itself",
    .usage =
        "usage: waybill record [--run-dir DIR] TABLE OPERATION ID [JSON|-]\n\n"
        "For programs that write their own rows: the row is left as it is, only the change\n"
        "is recorded, to be sent to the server. Prints the change's id.\n\n"
        "  TABLE           a table of the agent's database\n"
        "  OPERATION       insert, update, delete or upsert\n"
        "  ID              primary key of the row\n"
        "  JSON            the columns that were set; none for a delete\n" RUN_DIR_USAGE
        "\nExit status 1: refused, and nothing was recorded; the message names the field.\n",
    .run = record,
};
