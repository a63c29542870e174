/*  changes - what the agent has recorded and received.  */

#include "schemas/number.h"
#include "schemas/text.h"
#include "tools/join.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <string.h>

typedef struct listing {
    bool json;
    bool headed; /* the line of titles is printed */
} listing_t;

/*  Texts of other people, as JSON has them: they cannot steer a terminal.  */
static void
add_quoted(buffer_t *line, const char *text)
{
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, line);
}

static void
print_row(listing_t *self, const change_row_t *change)
{
    if (self->json) {
        print_as_json(MSG_change_row, change);
        return;
    }
    if (!self->headed)
        puts("     SEQ  ID                                    TIME                      STATE  "
             "  "
             "OPERATION  ROW");
    self->headed = true;

    char time[TIME_TEXT];
    const char *note = change->error ? change->error : change->skip_reason;
    buffer_t line = {0};
    buffer_add_format(&line, "%8" PRIu64 "  %s  %s  %-7s  %-9s  %s ", change->seq, change->id,
                      time_text(change->timestamp, time), change->state, change->operation,
                      change->entity_type);
    add_quoted(&line, change->entity_id);
    if (change->from_server)
        buffer_add_text(&line, ", from the server");
    if (change->attempts > 0 && !change->processed_sync)
        buffer_add_format(&line, ", %" PRIu64 " times", change->attempts);
    if (change->held_by && change->held_by[0])
        buffer_add_format(&line, ", waits for %s", change->held_by);
    if (change->folded_into && change->folded_into[0])
        buffer_add_format(&line, ", sent with %s", change->folded_into);
    if (note && note[0]) {
        buffer_add_text(&line, ": ");
        add_quoted(&line, note);
    }
    puts(buffer_text(&line));
    buffer_release(&line);
}

/*  Page by page, so that neither side holds them all.  */
static int
list(ipc_client_t *client, const char *filter, listing_t *self)
{
    for (uint64_t after = 0;;) {
        changes_list_t question = {.filter = filter, .after = after};
        const changes_page_t *page =
            ask_service(client, MSG_changes_list, &question, MSG_changes_page);
        if (!page)
            return STATUS_NO;
        for (size_t i = 0; i < page->n_changes; i++)
            print_row(self, &page->changes[i]);
        if (!page->more || page->n_changes == 0)
            return STATUS_DONE;
        after = page->changes[page->n_changes - 1].seq;
    }
}

static void
print_past(const past_error_t *error)
{
    char time[TIME_TEXT];
    buffer_t line = {0};
    buffer_add_format(&line,
                      "          %s  attempt %" PRIu64 "  %s: ", time_text(error->time, time),
                      error->attempt, error->code);
    add_quoted(&line, error->message);
    puts(buffer_text(&line));
    buffer_release(&line);
}

/*  One change, and below it every error it ever had.  */
static int
show(ipc_client_t *client, const char *id, listing_t *self)
{
    const change_found_t *found =
        ask_service(client, MSG_change_get, &(change_get_t){.id = id}, MSG_change_found);
    if (!found)
        return STATUS_NO;
    if (found->n_changes == 0)
        return complain("%s: there is no such change; `waybill changes --all` lists them", id),
               STATUS_NO;
    if (self->json) {
        print_as_json(MSG_change_found, found);
        return STATUS_DONE;
    }
    print_row(self, &found->changes[0]);
    for (size_t i = 0; i < found->n_errors; i++)
        print_past(&found->errors[i]);
    return STATUS_DONE;
}

static int
changes(args_t *args)
{
    const char *run_dir = NULL, *id = NULL;
    bool json = false, pending = false, failed = false, parked = false, all = false;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"json", OPTION_FLAG, &json, 0, 0},
        {"pending", OPTION_FLAG, &pending, 0, 0},
        {"failed", OPTION_FLAG, &failed, 0, 0},
        {"parked", OPTION_FLAG, &parked, 0, 0},
        {"all", OPTION_FLAG, &all, 0, 0},
        {"id", OPTION_TEXT, &id, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    if (pending + failed + parked + all + (id != NULL) > 1)
        return complain_usage(args->verb,
                              "--pending, --failed, --parked, --all, --id: choose one");

    AUTO(ipc_client) client = join(args->verb, run_dir, JOIN_MS);
    if (!client)
        return STATUS_NO;
    if (id)
        return show(client, id, &(listing_t){.json = json});
    return list(client,
                all      ? "all"
                : failed ? "failed"
                : parked ? "parked"
                         : "pending",
                &(listing_t){.json = json});
}

const verb_t verb_changes = {
    .name = "changes",
    .summary = "list the changes that wait, that failed, or all",
    .usage =
        "usage: waybill changes [--pending|--failed|--parked|--all|--id ID] [--json]\n"
        "                       [--run-dir DIR]\n\n"
        "Lists rows of local_changes, oldest first, with the last error and the attempts.\n\n"
        "  --pending       those the server has not decided yet (the default)\n"
        "  --failed        those it refused: to be tried again, or waiting for a person\n"
        "  --parked        of these, those that wait for a person\n"
        "  --all           all of them, also the server's\n"
        "  --id ID         that one, with every error it ever had\n"
        "  --json          one JSON object a line, with every column\n" RUN_DIR_USAGE,
    .run = changes,
};
