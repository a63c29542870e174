/*  upsert, delete, record - one change, by hand.  */

#include "schemas/row.h"
#include "schemas/text.h"
#include "tools/join.h"
#include "tools/verbs.h"

#include <stdlib.h>
#include <string.h>

enum { MARGIN_MS = 10000 };

/*  What every verb here is told beside the change.  */
typedef struct manner {
    const verb_t *verb;
    const char *run_dir;
    bool wait;
    int64_t timeout_ms;
    bool written; /* the application wrote the row itself */
} manner_t;

#define MANNER_RULES(manner)                                                                   \
    RUN_DIR_RULE(&(manner)->run_dir), {"wait", OPTION_FLAG, &(manner)->wait, 0, 0},            \
    {                                                                                          \
        "timeout", OPTION_NUMBER, &(manner)->timeout_ms, 1, 86400000                           \
    }
#define WAIT_USAGE                                                                             \
    "  --wait          wait for the server's verdict, and print it after the id\n"             \
    "  --timeout MS    how long to wait; default 30000\n"
#define STATUS_TEXT                                                                            \
    "\nExit status 1: refused here, and nothing was recorded; the message names the field. "   \
    "Or\n"                                                                                     \
    "no verdict came in time. 3: the server refused the change, which is tried again.\n"

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

/*  One line a change: its id, then what became of it. Texts of others are quoted.  */
static void
print_result(const processed_t *result)
{
    buffer_t line = {0};
    buffer_add_format(&line, "%s %s", result->id, result->result);
    if (result->code && result->code[0]) {
        buffer_add_format(&line, " %s: ", result->code);
        text_to_json((bytes_t){(const uint8_t *) result->message, strlen(result->message)},
                     &line);
    }
    puts(buffer_text(&line));
    buffer_release(&line);
}

static bool
is_refusal(const processed_t *result)
{
    return strcmp(result->result, "failed") == 0 || strcmp(result->result, "parked") == 0;
}

/*  written lives only until the next question, so its ids are copied.  */
static int
await_verdict(ipc_client_t *client, const manner_t *manner, const written_t *written)
{
    arena_t arena = {0};
    const char *id = arena_text(&arena, written->ids[0]);
    const await_verdicts_t question = {
        .ids = &id, .n_ids = 1, .timeout_ms = (uint64_t) manner->timeout_ms};
    const verdicts_awaited_t *awaited =
        ask_service_for(client, MSG_await_verdicts, &question, MSG_verdicts_awaited,
                        (int) manner->timeout_ms + MARGIN_MS);
    int status = STATUS_NO;
    if (awaited && awaited->n_results == 1) {
        print_result(&awaited->results[0]);
        status = is_refusal(&awaited->results[0]) ? STATUS_REJECTED : STATUS_DONE;
    } else if (awaited)
        complain("%s: no verdict in time; the change is recorded and will be sent", id);
    arena_release(&arena);
    return status;
}

static int
send_write(const manner_t *manner, const write_t *write)
{
    AUTO(ipc_client) client = join(manner->verb, manner->run_dir, JOIN_MS);
    const written_t *written =
        client ? ask_service(client, MSG_write, write, MSG_written) : NULL;
    if (!written || written->n_ids != 1)
        return STATUS_NO;
    if (manner->wait)
        return await_verdict(client, manner, written);
    puts(written->ids[0]);
    return STATUS_DONE;
}

/*  entry has everything but its data, which operand (may be NULL) holds as JSON.  */
static int
write_one(const manner_t *manner, entry_t *entry, const char *operand)
{
    buffer_t row = {0};
    int status = STATUS_NO;
    if (!operand || read_row(operand, &row)) {
        entry->data = buffer_bytes(&row);
        write_t write = {.changes = entry, .n_changes = 1, .written = manner->written};
        status = send_write(manner, &write);
    }
    buffer_release(&row);
    return status;
}

static int
upsert(args_t *args)
{
    manner_t manner = {.verb = args->verb, .timeout_ms = 30000};
    const option_rule_t rules[] = {MANNER_RULES(&manner), {0}};
    int status;
    if (!options_read(args, rules, 3, 3, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = "upsert",
        .id = args->values[1],
    };
    return write_one(&manner, &entry, args->values[2]);
}

static int
delete_row(args_t *args)
{
    manner_t manner = {.verb = args->verb, .timeout_ms = 30000};
    const option_rule_t rules[] = {MANNER_RULES(&manner), {0}};
    int status;
    if (!options_read(args, rules, 2, 2, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = "delete",
        .id = args->values[1],
    };
    return write_one(&manner, &entry, NULL);
}

static int
record(args_t *args)
{
    manner_t manner = {.verb = args->verb, .timeout_ms = 30000, .written = true};
    const option_rule_t rules[] = {MANNER_RULES(&manner), {0}};
    int status;
    if (!options_read(args, rules, 3, 4, &status))
        return status;
    entry_t entry = {
        .table = args->values[0],
        .operation = args->values[1],
        .id = args->values[2],
    };
    return write_one(&manner, &entry, args->count > 3 ? args->values[3] : NULL);
}

#define KEY_USAGE                                                                              \
    "  ID              primary key of the row; of several columns their JSON array,\n"         \
    "                  as in '[\"a\",1]'\n"

const verb_t verb_upsert = {
    .name = "upsert",
    .summary = "insert a row or update the columns given, and record it",
    .usage =
        "usage: waybill upsert [--wait [--timeout MS]] [--run-dir DIR] TABLE ID JSON|-\n\n"
        "Writes the row and records the change in one transaction of the agent, then prints\n"
        "the change's id. JSON is an object of columns; `-` reads it from standard input.\n"
        "Columns that are not named stay as they are. Blobs are {\"$blob\": \"BASE64\"}.\n\n"
        "  TABLE           a table of the agent's database\n" KEY_USAGE WAIT_USAGE RUN_DIR_USAGE
            STATUS_TEXT "\n"
        "example: waybill upsert notes 17 '{\"title\": \"Tea\", \"done\": 0}'\n",
    .run = upsert,
};

const verb_t verb_delete = {
    .name = "delete",
    .summary = "delete a row, and record it",
    .usage = "usage: waybill delete [--wait [--timeout MS]] [--run-dir DIR] TABLE ID\n\n"
             "Deletes the row and records the change in one transaction of the agent, then\n"
             "prints the change's id.\n\n"
             "  TABLE           a table of the agent's database\n" KEY_USAGE WAIT_USAGE
                 RUN_DIR_USAGE STATUS_TEXT,
    .run = delete_row,
};

const verb_t verb_record = {
    .name = "record",
    .summary = "record a change that the application has written itself",
    .usage =
        "usage: waybill record [--wait [--timeout MS]] [--run-dir DIR] TABLE OPERATION ID "
        "[JSON|-]\n\n"
        "For programs that write their own rows: the row is left as it is, only the change\n"
        "is recorded, to be sent to the server. Prints the change's id.\n\n"
        "  TABLE           a table of the agent's database\n"
        "  OPERATION       insert, update, delete or upsert\n" KEY_USAGE
        "  JSON            the columns that were set; none for a delete\n" WAIT_USAGE
            RUN_DIR_USAGE STATUS_TEXT,
    .run = record,
};
