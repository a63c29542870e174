#include "tools/status_text.h"

#include "schemas/number.h"
#include "tools/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  -------------------------------------------------------------------------- the sentence  */

/*  The first that fits. synced 1 or 0; -1: either.  */
static const struct {
    const char *state;
    int synced;
    hue_t hue;
    const char *word, *sentence;
} stands[] = {
    {"live", 1, HUE_green, "in sync",
     "what is here is at the server, and what is there is here"},
    {"live", 0, HUE_green, "connected", "something is on its way, or waits to be tried again"},
    {"initial", -1, HUE_yellow, "first sync", "the tables come in as the server has them"},
    {"catchup", -1, HUE_yellow, "catching up", "what others changed meanwhile comes in"},
    {"connecting", -1, HUE_yellow, "connecting", "changes are recorded meanwhile"},
    {"offline", -1, HUE_yellow, "offline",
     "changes are recorded, and sent once there is a server"},
    {"stopped", -1, HUE_red, "paused",
     "changes are recorded, and sent once it is told to connect"},
    {NULL, -1, HUE_none, "", ""},
};

static size_t
stand_of(const status_t *status)
{
    size_t i = 0;
    while (stands[i].state != NULL
           && (strcmp(stands[i].state, status->state) != 0
               || (stands[i].synced >= 0 && stands[i].synced != (int) status->synced)))
        i++;
    return i;
}

static void
add_sentence(const status_t *status, bool coloured, buffer_t *out)
{
    const size_t i = stand_of(status);
    if (stands[i].state == NULL)
        return; /* a newer agent: the facts tell */
    buffer_add_format(out, "%s● %s%s: %s\n\n", show_hue(coloured, stands[i].hue),
                      stands[i].word, show_hue(coloured, HUE_none), stands[i].sentence);
}

/*  ---------------------------------------------------------------------------- the facts  */

static void
add_fact(buffer_t *out, bool coloured, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buffer_add_format(out, "%s%-10s%s", show_hue(coloured, HUE_dim), name,
                      show_hue(coloured, HUE_none));
    show_text(out, text);
    buffer_add_text(out, "\n");
}

static void
add_format(buffer_t *out, bool coloured, const char *name, char *text)
{
    add_fact(out, coloured, name, text);
    free(text);
}

static void
add_position(const status_t *status, bool coloured, buffer_t *out)
{
    char ours[LSN_TEXT], theirs[LSN_TEXT] = "?";
    if (status->server_lsn != 0)
        (void) lsn_text(status->server_lsn, theirs);
    add_format(out, coloured, "position",
               mem_format("%s of %s", lsn_text(status->lsn, ours), theirs));
}

static void
add_facts(const status_t *status, bool coloured, buffer_t *out)
{
    add_format(out, coloured, "state",
               mem_format("%s%s", status->state, status->synced ? ", synced" : ""));
    add_fact(out, coloured, "because", status->reason);
    if (status->retry_in > 0)
        add_format(out, coloured, "again in",
                   mem_format("%.1f s", (double) status->retry_in / 1000));
    add_fact(out, coloured, "server", status->server);
    add_fact(out, coloured, "database", status->db);
    add_fact(out, coloured, "client", status->client_id);
    add_position(status, coloured, out);
    add_format(out, coloured, "pending",
               mem_format("%" PRIu64 ", of them %" PRIu64 " on their way", status->pending,
                          status->in_flight));
    add_format(out, coloured, "refused",
               mem_format("%" PRIu64 " to be tried again, %" PRIu64 " waiting for a person",
                          status->failed, status->parked));
    if (status->held > 0)
        add_format(out, coloured, "set aside",
                   mem_format("%" PRIu64 " of the server's changes", status->held));
    add_fact(out, coloured, "monitor", status->monitor);
}

/*  ---------------------------------------------------------------------- the ways out  */

static bool
has_parked(const status_t *status)
{
    return status->parked > 0;
}

static bool
has_held(const status_t *status)
{
    return status->held > 0;
}

static bool
is_stopped(const status_t *status)
{
    return strcmp(status->state, "stopped") == 0;
}

static const struct {
    bool (*holds)(const status_t *status);
    const char *advice;
} advices[] = {
    {has_parked,
     "`waybill changes --parked` shows what waits for you; then retry, skip or discard"},
    {has_held, "`waybill logs` says what the changes that are set aside need"},
    {is_stopped, "the page has a button to go on; `waybill tap why` ID tells about one change"},
};

void
status_text(const status_t *status, bool coloured, buffer_t *out)
{
    add_sentence(status, coloured, out);
    add_facts(status, coloured, out);
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        if (!advices[i].holds(status))
            continue;
        buffer_add_format(out, "%s→ %s\n", any ? "" : "\n", advices[i].advice);
        any = true;
    }
}

/*  -------------------------------------------------------------------------- a server  */

static const struct {
    bool reading, trouble;
    hue_t hue;
    const char *sentence;
} server_stands[] = {
    {false, false, HUE_green, "running: clients are served"},
    {false, true, HUE_yellow,
     "without its database: clients get what it has kept, and their changes wait"},
    {true, false, HUE_yellow, "starting: clients wait until the database was read in"},
    {true, true, HUE_red, "without its database, which it has not read in yet: clients wait"},
};

void
status_text_server(const clients_list_t *server, bool coloured, buffer_t *out)
{
    char lsn[LSN_TEXT], since[TIME_TEXT];
    const bool trouble = server->trouble && server->trouble[0] != '\0';
    size_t i = 0;
    while (server_stands[i].reading != server->reading || server_stands[i].trouble != trouble)
        i++;
    buffer_add_format(out, "%s● %s%s\n\n", show_hue(coloured, server_stands[i].hue),
                      server_stands[i].sentence, show_hue(coloured, HUE_none));
    add_fact(out, coloured, "because", server->trouble);
    if (trouble)
        add_fact(out, coloured, "since", time_text(server->since, since));
    add_fact(out, coloured, "listens", server->listen);
    add_fact(out, coloured, "database", server->db);
    add_format(out, coloured, "clients", mem_format("%" PRIu64, server->count));
    add_fact(out, coloured, "position", lsn_text(server->lsn, lsn));
}
