/*  server slots - what the database keeps for servers, and an end to that.  */

#include "actors/server/postgres/slots.h"

#include "schemas/number.h"
#include "schemas/text.h"
#include "tools/server/server.h"

#include <stdio.h>
#include <string.h>

/*  ------------------------------------------------------------------------------ listing  */

static void
add_size(buffer_t *line, int64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double) bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit + 1 < COUNT_OF(units); unit++)
        size /= 1024;
    buffer_add_format(line, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

static const char *
state_of(const slot_t *slot)
{
    if (slot->there)
        return slot->active ? "in use" : "inactive";
    return slot->dropped ? "dropped" : "missing";
}

static void
print_slot(const slot_t *slot)
{
    char seen[TIME_TEXT];
    buffer_t line = {0};
    if (slot->there) {
        buffer_add_text(&line, ", ");
        add_size(&line, slot->kept);
        buffer_add_format(&line, " of log kept (%s", slot->status);
        if (slot->left >= 0) {
            buffer_add_text(&line, ", lost after ");
            add_size(&line, slot->left);
            buffer_add_text(&line, " more");
        }
        buffer_add_text(&line, ")");
    }
    if (slot->server[0] == '\0')
        buffer_add_text(&line, ", of no server that is known here");
    else
        buffer_add_format(&line, ", server %s last seen %s", slot->server,
                          time_text(slot->seen, seen));
    server_print("%s: %s%s", slot->name, state_of(slot), buffer_text(&line));
    buffer_release(&line);
}

static void
add_json(buffer_t *line, const char *name, const char *text)
{
    buffer_add_format(line, "%s\"%s\": ", line->size > 1 ? ", " : "", name);
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, line);
}

static void
print_json(const slot_t *slot)
{
    buffer_t line = {0};
    buffer_add_text(&line, "{");
    add_json(&line, "slot", slot->name);
    add_json(&line, "server", slot->server);
    add_json(&line, "state", state_of(slot));
    add_json(&line, "wal_status", slot->status);
    buffer_add_format(&line, ", \"retained_bytes\": %lld", (long long) slot->kept);
    if (slot->left >= 0)
        buffer_add_format(&line, ", \"safe_bytes\": %lld", (long long) slot->left);
    buffer_add_format(&line, ", \"seen\": %lld, \"beat\": %lld, \"dropped\": %s}",
                      (long long) slot->seen, (long long) slot->beat,
                      slot->dropped ? "true" : "false");
    puts(buffer_text(&line));
    buffer_release(&line);
}

/*  ----------------------------------------------------------------------------- dropping  */

/*  One that a server has taken in this moment is in use again, and that is all right.  */
static err_t
drop_inactive(pg_t *pg, const slots_t *slots, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < slots->n; i++) {
        slot_t *slot = &slots->list[i];
        if (!slot->there || slot->active)
            continue;
        err = slots_drop(pg, slot, fault);
        slot->active = err == ERR_BUSY;
        slot->there = err != OK;
        slot->dropped = err == OK;
        if (err == ERR_BUSY)
            err = OK;
    }
    return err;
}

static err_t
look(const settings_t *settings, bool drop, slots_t *slots, fault_t *fault)
{
    pg_t *pg = pg_new(settings, PG_SQL, "waybill slots");
    err_t err = pg_ready(pg, fault);
    if (err == OK)
        err = slots_read(pg, slots, fault);
    if (err == OK && drop)
        err = drop_inactive(pg, slots, fault);
    pg_destroy(&pg);
    return err;
}

static int
slots(args_t *args)
{
    static settings_t settings;
    server_options_t options = {0};
    bool json = false, drop = false;
    const option_rule_t rules[] = {
        {"config", OPTION_TEXT, &options.config, 0, 0},
        {"db", OPTION_TEXT, &options.db, 0, 0},
        {"drop-inactive", OPTION_FLAG, &drop, 0, 0},
        {"json", OPTION_FLAG, &json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    if (!server_settings(args->verb, &options, &settings))
        return STATUS_USAGE;

    fault_t fault = {0};
    slots_t found = {0};
    const err_t err = look(&settings, drop, &found, &fault);
    for (size_t i = 0; i < found.n; i++)
        (json ? print_json : print_slot)(&found.list[i]);
    if (err == OK && found.n == 0 && !json)
        server_print("no slots: no server has followed this database yet");
    if (err != OK)
        complain("%s", fault.text);
    slots_release(&found);
    return err == OK ? STATUS_DONE : STATUS_NO;
}

const verb_t server_slots_verb = {
    .name = "server slots",
    .summary = "list, and drop, what PostgreSQL keeps for servers",
    .usage =
        "usage: waybill server slots (--config FILE | --db ADDRESS) [--drop-inactive] "
        "[--json]\n\n"
        "Lists the replication slots of all servers of a database in PostgreSQL. The database\n"
        "keeps its log for each of them, from where its server stands: while a server stays\n"
        "away, more and more of it.\n\n"
        "  --config FILE    read settings from FILE\n"
        "  --db ADDRESS     postgres://USER@HOST/DATABASE\n"
        "  --drop-inactive  drop those that no server uses in this moment. A server whose "
        "slot\n"
        "                   was dropped reads the whole database anew when it comes back, and\n"
        "                   so do its agents where they have missed something; no change of\n"
        "                   theirs is lost\n"
        "  --json           one JSON object a line\n\n"
        "Exit status 1: the database is out of reach, or refused. 2: wrong usage or\n"
        "configuration.\n\n"
        "example: waybill server slots --db postgres://waybill@db.example.com/app\n",
    .run = slots,
};
