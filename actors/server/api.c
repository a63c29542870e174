#include "actors/server/api.h"

#include "schemas/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef void write_fn(const api_facts_t *facts, buffer_t *out);

static void
add_slot(const api_facts_t *facts, buffer_t *out)
{
    char lsn[LSN_TEXT];
    buffer_add_format(out, "\"slotStatus\":{\"exists\":true,\"lsn\":\"%s\"}",
                      lsn_text(facts->head, lsn));
}

/*  There is nothing to create: the history is there from the first start on.  */
static void
write_init(const api_facts_t *facts, buffer_t *out)
{
    buffer_add_text(out, "{\"success\":true,");
    add_slot(facts, out);
    buffer_add_text(out, ",\"pollingStarted\":true}");
}

static void
write_lsn(const api_facts_t *facts, buffer_t *out)
{
    char lsn[LSN_TEXT];
    buffer_add_format(out, "{\"success\":true,\"lsn\":\"%s\"}", lsn_text(facts->head, lsn));
}

/*  Nobody polls here: what is counted is how often the position has moved.  */
static void
write_status(const api_facts_t *facts, buffer_t *out)
{
    char lsn[LSN_TEXT];
    buffer_add_text(out, "{\"success\":true,");
    add_slot(facts, out);
    buffer_add_format(out,
                      ",\"currentLSN\":\"%s\",\"polling\":{\"active\":true,\"count\":%" PRIu64
                      ",\"duration\":%" PRIu64 "}}",
                      lsn_text(facts->head, lsn), facts->advances, facts->up_ms);
}

static void
write_clients(const api_facts_t *facts, buffer_t *out)
{
    const sessions_t *sessions = facts->sessions;
    const char *comma = "";
    buffer_add_text(out, "{\"success\":true,\"clients\":[");
    for (size_t i = 0; i < sessions->n; i++) {
        const session_t *session = sessions->items[i];
        const char *id = session->visitor.client_id;
        if (session->conn == 0 || session->closing)
            continue;
        buffer_add_format(out, "%s{\"clientId\":", comma);
        text_to_json((bytes_t){(const uint8_t *) id, strlen(id)}, out);
        buffer_add_text(out, "}");
        comma = ",";
    }
    buffer_add_text(out, "]}");
}

static void
add_metric(buffer_t *out, const char *name, const char *type, uint64_t value)
{
    buffer_add_format(out, "# TYPE %s %s\n%s %" PRIu64 "\n", name, type, name, value);
}

static void
write_metrics(const api_facts_t *facts, buffer_t *out)
{
    const tally_t tally = sessions_tally(facts->sessions);
    add_metric(out, "waybill_connections", "gauge", sessions_count_open(facts->sessions));
    add_metric(out, "waybill_connections_refused_total", "counter", facts->refused);
    add_metric(out, "waybill_frames_received_total", "counter", tally.received);
    add_metric(out, "waybill_frames_sent_total", "counter", tally.sent);
    add_metric(out, "waybill_frames_rejected_total", "counter", tally.rejected);
    add_metric(out, "waybill_frames_ignored_total", "counter", tally.ignored);
    add_metric(out, "waybill_position", "gauge", facts->head);
}

static void
write_health(const api_facts_t *facts, buffer_t *out)
{
    (void) facts;
    buffer_add_text(out, "{\"status\":\"ok\"}");
}

static const char json_type[] = "application/json";

static const struct {
    write_fn *write;
    const char *type;
    bool shows_head;
} pages[PAGE_COUNT] = {
    [PAGE_HEALTH] = {write_health, json_type, false},
    [PAGE_INIT] = {write_init, json_type, true},
    [PAGE_LSN] = {write_lsn, json_type, true},
    [PAGE_STATUS] = {write_status, json_type, true},
    [PAGE_CLIENTS] = {write_clients, json_type, false},
    [PAGE_METRICS] = {write_metrics, "text/plain; version=0.0.4", false},
};

void
api_note_head(api_facts_t *self, uint64_t lsn)
{
    self->advances += self->head_known && lsn > self->head;
    self->head = lsn > self->head ? lsn : self->head;
    self->head_known = true;
}

void
api_note_epoch(api_facts_t *self, const char *epoch)
{
    if (strcmp(self->epoch, epoch) != 0)
        self->head = 0;
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", epoch);
}

void
api_note_database(api_facts_t *self, const database_state_t *state)
{
    (void) snprintf(self->trouble, sizeof self->trouble, "%s",
                    state->trouble ? state->trouble : "");
    self->trouble_since = state->since;
    self->reading = state->reading;
}

void
api_answer(page_t page, const api_facts_t *facts, arena_t *arena, net_answer_t *answer)
{
    buffer_t out = {0};
    if (pages[page].shows_head && !facts->head_known) {
        *answer = (net_answer_t){
            .status = 503,
            .type = json_type,
            .body = "{\"success\":false,\"error\":\"The server is starting\"}",
        };
        return;
    }
    pages[page].write(facts, &out);
    *answer = (net_answer_t){
        .status = 200, .type = pages[page].type, .body = arena_text(arena, buffer_text(&out))};
    buffer_release(&out);
}
