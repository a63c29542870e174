/*  tap deadletters - messages that were not delivered: which, why, and again.  */

#include "schemas/codec.h"
#include "schemas/number.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/tap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *run_dir;
    bool json, all;
} request_t;

/*  --------------------------------------------------------------------------- list  */

static const char *
reason_text(const char *reason)
{
    err_t err = err_named(reason);
    return err < ERR_COUNT ? err_text(err) : reason;
}

static void
list_line(const dead_letter_t *letter, bool coloured, buffer_t *out)
{
    char time[TIME_TEXT], size[SHOW_ROOM];
    time_text(letter->time, time);
    AUTO(text)
    way = mem_format("%s → %s", letter->from && *letter->from ? letter->from : "?",
                     letter->to && *letter->to ? letter->to : "*");
    buffer_add_format(out, "%6" PRIu64 " %.10s %.8s ", letter->n, time, time + 11);
    show_cell(out, letter->type, 18);
    buffer_add_text(out, " ");
    show_cell(out, way, show_width(way) > 33 ? show_width(way) : 33);
    show_cell(out, show_bytes((double) letter->size, size), -8);
    buffer_add_format(out, "  %s", show_hue(coloured, HUE_red));
    show_text(out, letter->reason);
    buffer_add_format(out, "%s: ", show_hue(coloured, HUE_none));
    show_text(out, reason_text(letter->reason));
    buffer_add_text(out, "\n");
}

static void
json_line(const dead_letter_t *letter, buffer_t *out)
{
    message_to_json(MSG_dead_letter, letter, true, out);
    buffer_add_text(out, "\n");
}

static void
print_page(const dead_letters_t *page, bool json, buffer_t *out)
{
    bool coloured = show_is_coloured(stdout);
    for (size_t i = 0; i < page->n_letters; i++)
        if (json)
            json_line(&page->letters[i], out);
        else
            list_line(&page->letters[i], coloured, out);
}

/*  Page by page: one answer holds a hundred.  */
static bool
print_all(ipc_client_t *client, bool json, buffer_t *out)
{
    uint64_t after = 0;
    for (bool more = true; more;) {
        kept_t answer = {0};
        bool good = asking_say(client, QUESTION(dead_letters_get, dead_letters, .after = after),
                               &answer);
        if (good) {
            const dead_letters_t *page = answer.body;
            print_page(page, json, out);
            more = page->n_letters > 0;
            after = more ? page->letters[page->n_letters - 1].n : 0;
        }
        kept_release(&answer);
        if (!good)
            return false;
    }
    return true;
}

static int
list(const request_t *request)
{
    buffer_t text = {0};
    AUTO(ipc_client) client = asking_join(request->run_dir);
    bool good = client && print_all(client, request->json, &text);
    fputs(buffer_text(&text), stdout);
    if (good && text.size == 0 && !request->json)
        puts("no dead letters");
    buffer_release(&text);
    return good ? STATUS_DONE : STATUS_NO;
}

/*  --------------------------------------------------------------------------- show  */

static void
show_whole(const dead_letter_t *letter, buffer_t *out)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"type", letter->type},  {"kind", letter->kind},
                 {"from", letter->from},  {"to", letter->to},
                 {"why", letter->reason}, {"", reason_text(letter->reason)},
                 {"id", letter->id},      {"trace", letter->trace}};
    char time[TIME_TEXT];
    buffer_add_format(out, "number  %" PRIu64 "\ntime    %s\n", letter->n,
                      time_text(letter->time, time));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!texts[i].text || *texts[i].text == '\0')
            continue;
        show_cell(out, texts[i].name, 8);
        show_text(out, texts[i].text);
        buffer_add_text(out, "\n");
    }
    buffer_add_format(out, "size    %" PRIu64 " bytes\npayload ", letter->size);
    if (letter->body.size == 0)
        buffer_add_text(out, "not kept");
    else if (msgpack_to_json(letter->body, out) != OK)
        buffer_add_text(out, "damaged");
    buffer_add_text(out, "\n");
}

static int
show(const request_t *request, uint64_t n)
{
    kept_t answer = {0};
    buffer_t text = {0};
    const dead_letters_get_t question = {.after = n - 1, .limit = 1};
    bool good =
        asking_once(request->run_dir,
                    &(question_t){MSG_dead_letters_get, &question, MSG_dead_letters}, &answer);
    const dead_letters_t *page = answer.body;
    bool found = good && page->n_letters > 0 && page->letters[0].n == n;
    if (found && request->json)
        json_line(&page->letters[0], &text);
    else if (found)
        show_whole(&page->letters[0], &text);
    else if (good)
        complain("%" PRIu64 ": there is no dead letter of that number, or it is not kept any "
                 "more; `waybill tap deadletters` lists them",
                 n);
    fputs(buffer_text(&text), stdout);
    buffer_release(&text);
    kept_release(&answer);
    return found ? STATUS_DONE : STATUS_NO;
}

/*  ------------------------------------------------------------------------ requeue  */

static int
requeue(const request_t *request, uint64_t n)
{
    kept_t answer = {0};
    const dead_letters_requeue_t question = {.n = n, .all = request->all};
    bool good =
        asking_once(request->run_dir,
                    &(question_t){MSG_dead_letters_requeue, &question, MSG_requeued}, &answer);
    if (good) {
        const requeued_t *requeued = answer.body;
        printf(request->json ? "{\"requeued\":%" PRIu64 "}\n" : "sent again: %" PRIu64 "\n",
               requeued->count);
    }
    kept_release(&answer);
    return good ? STATUS_DONE : STATUS_NO;
}

/*  ------------------------------------------------------------------- command line  */

/*  0: it is none.  */
static uint64_t
read_number(const char *text)
{
    char *end = NULL;
    unsigned long long number = *text >= '1' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return end && *end == '\0' ? number : 0;
}

static int
deadletters(args_t *args)
{
    request_t request = {0};
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&request.run_dir),
        {"json", OPTION_FLAG, &request.json, 0, 0},
        {"all", OPTION_FLAG, &request.all, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 2, &status))
        return status;
    const char *act = args->count > 0 ? args->values[0] : "list";
    const char *operand = args->count > 1 ? args->values[1] : NULL;
    uint64_t n = operand ? read_number(operand) : 0;
    if (operand && n == 0)
        return complain_usage(args->verb, "%s: that is no number of a dead letter", operand);
    if (strcmp(act, "list") == 0 && !operand && !request.all)
        return list(&request);
    if (strcmp(act, "show") == 0 && operand && !request.all)
        return show(&request, n);
    if (strcmp(act, "requeue") == 0 && (operand != NULL) != request.all)
        return requeue(&request, n);
    return complain_usage(args->verb, "%s: take list, show N, requeue N or requeue --all", act);
}

const verb_t tap_deadletters = {
    .name = "tap deadletters",
    .summary = "messages that were not delivered: list, show, send again",
    .usage =
        "usage: waybill tap deadletters [list] [--json] [--run-dir DIR]\n"
        "       waybill tap deadletters show N [--json] [--run-dir DIR]\n"
        "       waybill tap deadletters requeue N|--all [--json] [--run-dir DIR]\n\n"
        "The last thousand messages that were not delivered, and why. To send them again is\n"
        "refused unless the process runs with tap.inject = true.\n\n"
        "  --all           requeue: all that are kept\n"
        "  --json          one JSON object a line\n" RUN_DIR_USAGE
        "\nExit status 1: no process answers, it refuses, or there is no such letter.\n",
    .run = deadletters,
};
