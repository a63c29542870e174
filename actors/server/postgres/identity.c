#include "actors/server/postgres/identity_private.h"

#include "schemas/tables.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_PREFIX "waybill_"

enum { LONGEST_NAME = WAL_NAME - sizeof(SLOT_PREFIX) };

/*  -------------------------------------------------------------------- name  */

/*  What slots may be called: the machine's name up to its first dot, made to fit.  */
static void
name_of_machine(char name[WAL_NAME])
{
    char machine[256] = "";
    if (gethostname(machine, sizeof(machine) - 1) != 0 || machine[0] == '\0')
        memcpy(machine, "server", sizeof("server"));
    size_t n = 0;
    for (; n < LONGEST_NAME && machine[n] != '\0' && machine[n] != '.'; n++)
        name[n] = (char) (isalnum((unsigned char) machine[n]) ? machine[n] : '_');
    name[n] = '\0';
}

static err_t
check_name(const char *name, fault_t *fault)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char) name[i]) && name[i] != '_')
            return fault_set(fault, ERR_CONFIG,
                             "postgres.name = %.60s: use letters, digits and _", name);
    if (size > LONGEST_NAME)
        return fault_set(fault, ERR_CONFIG, "postgres.name = %.60s: use at most %d letters",
                         name, (int) LONGEST_NAME);
    return OK;
}

static void
make_small(char *name)
{
    for (; *name != '\0'; name++)
        *name = (char) tolower((unsigned char) *name);
}

err_t
identity_new(const settings_t *settings, identity_t **self, fault_t *fault)
{
    char name[WAL_NAME];
    const err_t err = check_name(settings->postgres_name, fault);
    if (err != OK)
        return err;
    if (settings->postgres_name[0] != '\0')
        (void) snprintf(name, sizeof(name), "%s", settings->postgres_name);
    else
        name_of_machine(name);
    make_small(name);
    *self = mem_new(sizeof(**self));
    (*self)->name = mem_text(name);
    (*self)->slot = mem_format("%s%s", SLOT_PREFIX, name);
    return OK;
}

void
identity_destroy(identity_t **self)
{
    if (*self == NULL)
        return;
    free((*self)->name);
    free((*self)->slot);
    free(*self);
    *self = NULL;
}

const char *
identity_slot(const identity_t *self)
{
    return self->slot;
}

/*  ------------------------------------------------------------------ schema  */

void
identity_tables(pg_array_t *names)
{
    static const char before[] = "CREATE TABLE IF NOT EXISTS waybill.";
    const char *at = postgres_sql;
    while ((at = strstr(at, before)) != NULL) {
        at += strlen(before);
        char *name = mem_format("%.*s", (int) strcspn(at, " ("), at);
        pg_array_add_text(names, name);
        free(name);
    }
}

static err_t
count_missing(pg_t *pg, int64_t *missing, fault_t *fault)
{
    pg_array_t names = {0};
    identity_tables(&names);
    const err_t err = pg_number(pg,
                                "SELECT count(*) FROM unnest($1::text[]) AS wanted (name) "
                                "WHERE NOT EXISTS (SELECT FROM pg_class c "
                                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                "WHERE n.nspname = 'waybill' AND c.relname = wanted.name)",
                                missing, fault, "a", &names);
    pg_array_release(&names);
    return err;
}

/*  One transaction: whoever comes second finds everything there, and makes nothing.  */
static err_t
make_schema(pg_t *pg, fault_t *fault)
{
    fault_t words = {0};
    buffer_t sql = {0};
    buffer_add_text(&sql, IDENTITY_LOCK_SQL ";\n");
    buffer_add_text(&sql, postgres_sql);
    err_t err = pg_exec(pg, buffer_text(&sql), &words);
    buffer_release(&sql);
    if (err != OK)
        err = fault_set(fault, err, "schema waybill cannot be made: %.400s", words.text);
    return err;
}

err_t
identity_prepare(identity_t *self, pg_t *pg, fault_t *fault)
{
    (void) self;
    int64_t missing = 0;
    const err_t err = count_missing(pg, &missing, fault);
    return err == OK && missing > 0 ? make_schema(pg, fault) : err;
}

/*  -------------------------------------------------------------------- slot  */

err_t
identity_drop_slot(identity_t *self, pg_t *pg, fault_t *fault)
{
    int64_t pid = 0;
    err_t err =
        pg_number(pg, "SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1", &pid,
                  fault, "t", self->slot);
    if (err == OK && pid != 0)
        err =
            fault_set(fault, ERR_EXISTS,
                      "slot %s is active for PID %lld: another server has the name %s, or the "
                      "database has not noticed yet that its connection is gone: give each "
                      "server a postgres.name of its own, or wait",
                      self->slot, (long long) pid, self->name);
    if (err == OK)
        err = pg_run(pg,
                     "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                     "WHERE slot_name = $1",
                     NULL, fault, "t", self->slot);
    return err;
}

err_t
identity_took_slot(identity_t *self, pg_t *pg, fault_t *fault)
{
    return pg_run(pg, "UPDATE waybill.servers SET dropped = false WHERE name = $1", NULL, fault,
                  "t", self->name);
}

/*  -------------------------------------------------------------------- beat  */

static err_t
read_pulse(identity_t *self, pg_t *pg, identity_pulse_t *pulse, fault_t *fault)
{
    PGresult *slots = NULL;
    const err_t err =
        pg_run(pg,
               "SELECT s.name, r.wal_status = 'lost', "
               "       coalesce((pg_current_wal_lsn() - r.restart_lsn)::bigint, 0) AS retained "
               "FROM waybill.servers s JOIN pg_replication_slots r ON r.slot_name = s.slot "
               "ORDER BY retained DESC",
               &slots, fault, "");
    bool ours = false;
    for (int i = 0; i < PQntuples(slots); i++)
        ours = ours
               || (strcmp(pg_text_at(slots, i, 0), self->name) == 0
                   && pg_text_at(slots, i, 1)[0] == 'f');
    pulse->moved = pulse->moved || (err == OK && !ours);
    if (PQntuples(slots) > 0) {
        (void) snprintf(pulse->holder, sizeof(pulse->holder), "%s", pg_text_at(slots, 0, 0));
        pulse->retained_bytes = pg_number_at(slots, 0, 2);
    }
    PQclear(slots);
    return err;
}

static err_t
read_limit(pg_t *pg, identity_pulse_t *pulse, fault_t *fault)
{
    int64_t megabytes = -1;
    const err_t err =
        pg_number(pg, "SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'",
                  &megabytes, fault, "");
    pulse->most_bytes = megabytes < 0 ? -1 : megabytes << 20;
    return err;
}

/*  Durable, whatever the database is set to, as in identity_check().  */
static err_t
count_beat(identity_t *self, pg_t *pg, const identity_moment_t *moment, identity_pulse_t *pulse,
           fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = pg_run(pg,
                             "UPDATE waybill.servers SET beat = beat + 1, seen = $2::bigint "
                             "WHERE name = $1 "
                             "AND set_config('synchronous_commit', 'on', true) = 'on' "
                             "RETURNING beat, "
                             "(SELECT epoch = $3 FROM waybill.identity WHERE one = 1)",
                             &result, fault, "tit", self->name, moment->wall_ms, moment->epoch);
    pulse->moved = PQntuples(result) == 0 || pg_text_at(result, 0, 1)[0] != 't';
    if (PQntuples(result) > 0)
        pulse->beat = pg_number_at(result, 0, 0);
    PQclear(result);
    return err;
}

err_t
identity_beat(identity_t *self, pg_t *pg, const identity_moment_t *moment,
              identity_pulse_t *pulse, fault_t *fault)
{
    *pulse = (identity_pulse_t){0};
    err_t err = count_beat(self, pg, moment, pulse, fault);
    if (err == OK)
        err = read_pulse(self, pg, pulse, fault);
    return err == OK ? read_limit(pg, pulse, fault) : err;
}

static identity_worry_t
worry_of(const identity_pulse_t *pulse)
{
    if (pulse->most_bytes < 0)
        return WORRY_NO_LIMIT;
    return pulse->retained_bytes > pulse->most_bytes / 2 ? WORRY_NEAR_LIMIT : WORRY_NOTHING;
}

void
identity_advise(identity_t *self, const identity_pulse_t *pulse, buffer_t *advice)
{
    const identity_worry_t before = self->worry;
    self->worry = worry_of(pulse);
    if (self->worry == before)
        return;
    if (self->worry == WORRY_NO_LIMIT)
        buffer_add_text(advice, "max_slot_wal_keep_size has no limit: a server that stays away "
                                "lets the log of the database fill its disk. ALTER SYSTEM SET "
                                "max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf()\n");
    if (self->worry == WORRY_NEAR_LIMIT)
        buffer_add_format(
            advice,
            "server %s makes the database keep %lld MB of its log, of %lld at "
            "most (max_slot_wal_keep_size): beyond that its slot is lost, and its "
            "cache is filled anew. Start it, or drop its slot: waybill server "
            "slots --drop-inactive\n",
            pulse->holder, (long long) (pulse->retained_bytes >> 20),
            (long long) (pulse->most_bytes >> 20));
}
