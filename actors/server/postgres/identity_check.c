/*  Compares database, slot and cache, and decides.  */

#include "actors/server/postgres/identity_private.h"

#include <stdio.h>
#include <string.h>

typedef enum outcome { GO_ON, REBUILD, NEW_EPOCH } outcome_t;

/*  What the database says.  */
typedef struct facts {
    const identity_known_t *known;
    const char *slot; /* of this server */
    bool has_identity;
    char epoch[UUID_TEXT];
    char token[UUID_TEXT];
    char system[WAL_NAME];
    int64_t timeline;
    int64_t beat; /* 0: this server is new here */
    bool dropped;
    bool has_slot;
    bool lost;
    uint64_t confirmed; /* of the slot */
} facts_t;

/*  ------------------------------------------------------------------- rules  */

static bool
is_unknown(const facts_t *facts)
{
    return !facts->has_identity;
}

static bool
is_other_system(const facts_t *facts)
{
    return strcmp(facts->system, facts->known->system.id) != 0;
}

static bool
is_other_timeline(const facts_t *facts)
{
    return facts->timeline != facts->known->system.timeline;
}

static bool
is_same_epoch(const facts_t *facts)
{
    return strcmp(facts->epoch, facts->known->epoch) == 0;
}

/*  A cache of a server that had another name counted other beats.  */
static bool
has_forgotten_beats(const facts_t *facts)
{
    const char *slot = facts->known->slot;
    const bool ours = slot[0] == '\0' || strcmp(slot, facts->slot) == 0;
    return ours && is_same_epoch(facts) && facts->beat < facts->known->beat;
}

static bool
has_forgotten_log(const facts_t *facts)
{
    return is_same_epoch(facts) && facts->known->system.lsn < facts->known->captured;
}

static bool
is_other_epoch(const facts_t *facts)
{
    return facts->known->epoch[0] != '\0' && !is_same_epoch(facts);
}

static bool
is_empty_cache(const facts_t *facts)
{
    return facts->known->slot[0] == '\0';
}

static bool
is_renamed(const facts_t *facts)
{
    return strcmp(facts->known->slot, facts->slot) != 0;
}

static bool
was_dropped(const facts_t *facts)
{
    return !facts->has_slot && facts->dropped;
}

static bool
has_vanished(const facts_t *facts)
{
    return !facts->has_slot;
}

static bool
is_lost(const facts_t *facts)
{
    return facts->lost;
}

static bool
is_ahead(const facts_t *facts)
{
    return facts->confirmed > facts->known->confirmed;
}

static bool
is_fine(const facts_t *facts)
{
    (void) facts;
    return true;
}

/*  The first that holds decides.  */
static const struct rule {
    bool (*holds)(const facts_t *facts);
    outcome_t outcome;
    const char *why;
} rules[] = {
    {is_unknown, NEW_EPOCH, "the database is new to waybill"},
    {is_other_system, NEW_EPOCH, "the database is in another system than it was: it was moved"},
    {is_other_timeline, NEW_EPOCH,
     "the database is on another timeline: it was restored, or a standby was promoted"},
    {has_forgotten_beats, NEW_EPOCH,
     "the database is an older copy: it has forgotten signs of life of this server"},
    {has_forgotten_log, NEW_EPOCH,
     "the database is an older copy: its log ends before what the cache has of it"},
    {is_other_epoch, REBUILD, "the database has begun a new history since"},
    {is_empty_cache, REBUILD, "the cache is not filled yet"},
    {is_renamed, REBUILD, "the cache belongs to a server of another name"},
    {was_dropped, REBUILD, "the slot of this server was dropped on purpose"},
    {has_vanished, NEW_EPOCH, "the slot of this server is gone: the database was replaced"},
    {is_lost, REBUILD,
     "the slot of this server is lost: the database did not keep as much of its log"},
    {is_ahead, REBUILD, "the cache is older than what was confirmed: it is a copy"},
    {is_fine, GO_ON, ""},
};

static const struct rule *
rule_of(const facts_t *facts)
{
    const struct rule *rule = rules;
    while (!rule->holds(facts))
        rule++;
    return rule;
}

/*  ------------------------------------------------------------------- facts  */

static void
copy(char *text, size_t room, const PGresult *result, int column)
{
    (void) snprintf(text, room, "%s", pg_text_at(result, 0, column));
}

static err_t
read_identity(pg_t *pg, facts_t *facts, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = pg_run(
        pg, "SELECT epoch, system_id, timeline, token FROM waybill.identity WHERE one = 1",
        &result, fault, "");
    facts->has_identity = PQntuples(result) > 0;
    if (facts->has_identity) {
        copy(facts->epoch, sizeof(facts->epoch), result, 0);
        copy(facts->system, sizeof(facts->system), result, 1);
        facts->timeline = pg_number_at(result, 0, 2);
        copy(facts->token, sizeof(facts->token), result, 3);
    }
    PQclear(result);
    return err;
}

static err_t
read_server(identity_t *self, pg_t *pg, facts_t *facts, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = pg_run(pg, "SELECT beat, dropped FROM waybill.servers WHERE name = $1",
                             &result, fault, "t", self->name);
    if (PQntuples(result) > 0) {
        facts->beat = pg_number_at(result, 0, 0);
        facts->dropped = pg_text_at(result, 0, 1)[0] == 't';
    }
    PQclear(result);
    return err;
}

static err_t
take_slot(identity_t *self, const PGresult *result, facts_t *facts, fault_t *fault)
{
    if (PQntuples(result) == 0)
        return OK;
    if (pg_text_at(result, 0, 2)[0] != 't')
        return fault_set(fault, ERR_CONFIG,
                         "slot %s belongs to the database %.60s of the same system: give this "
                         "server another postgres.name",
                         self->slot, pg_text_at(result, 0, 3));
    facts->has_slot = true;
    facts->lost = strcmp(pg_text_at(result, 0, 0), "lost") == 0;
    facts->confirmed = (uint64_t) pg_number_at(result, 0, 1);
    return OK;
}

static err_t
read_slot(identity_t *self, pg_t *pg, facts_t *facts, fault_t *fault)
{
    PGresult *result = NULL;
    err_t err = pg_run(pg,
                       "SELECT wal_status, coalesce(confirmed_flush_lsn - '0/0', 0)::bigint, "
                       "       database = current_database() AND plugin = 'pgoutput', database "
                       "FROM pg_replication_slots WHERE slot_name = $1",
                       &result, fault, "t", self->slot);
    if (err == OK)
        err = take_slot(self, result, facts, fault);
    PQclear(result);
    return err;
}

/*  ---------------------------------------------------------------- deciding  */

/*  Leases that were given in days that are lost tell nothing.  */
static err_t
write_epoch(pg_t *pg, const identity_known_t *known, facts_t *facts, fault_t *fault)
{
    PGresult *result = NULL;
    const err_t err = pg_run(pg,
                             "WITH forgotten AS "
                             "(UPDATE waybill.clients SET lease = '', next_lease = '') "
                             "INSERT INTO waybill.identity (one, epoch, system_id, timeline) "
                             "VALUES (1, $1, $2, $3::bigint) ON CONFLICT (one) DO UPDATE SET "
                             "epoch = excluded.epoch, system_id = excluded.system_id, "
                             "timeline = excluded.timeline RETURNING epoch, token",
                             &result, fault, "tti", known->new_epoch, known->system.id,
                             known->system.timeline);
    if (PQntuples(result) > 0) {
        copy(facts->epoch, sizeof(facts->epoch), result, 0);
        copy(facts->token, sizeof(facts->token), result, 1);
    }
    PQclear(result);
    return err;
}

/*  Above what either side remembers, so that neither looks old afterwards.  */
static err_t
register_server(identity_t *self, pg_t *pg, const facts_t *facts, identity_found_t *found,
                fault_t *fault)
{
    const int64_t cached = facts->known->beat;
    found->beat = (facts->beat > cached ? facts->beat : cached) + 1;
    return pg_run(pg,
                  "INSERT INTO waybill.servers (name, slot, beat, seen) "
                  "VALUES ($1, $2, $3::bigint, $4::bigint) ON CONFLICT (name) DO UPDATE SET "
                  "slot = excluded.slot, beat = excluded.beat, seen = excluded.seen",
                  NULL, fault, "ttii", self->name, self->slot, found->beat,
                  facts->known->wall_ms);
}

static err_t
decide(identity_t *self, pg_t *pg, const identity_known_t *known, identity_found_t *found,
       fault_t *fault)
{
    facts_t facts = {.known = known, .slot = self->slot};
    err_t err = read_identity(pg, &facts, fault);
    if (err == OK)
        err = read_server(self, pg, &facts, fault);
    if (err == OK)
        err = read_slot(self, pg, &facts, fault);
    if (err != OK)
        return err;
    const struct rule *rule = rule_of(&facts);
    if (rule->outcome == NEW_EPOCH)
        err = write_epoch(pg, known, &facts, fault);
    if (err == OK)
        err = register_server(self, pg, &facts, found, fault);
    found->rebuild = rule->outcome != GO_ON;
    (void) snprintf(found->why, sizeof(found->why), "%s", rule->why);
    memcpy(found->epoch, facts.epoch, sizeof(found->epoch));
    memcpy(found->token, facts.token, sizeof(found->token));
    return err;
}

/*  A count that the database could forget when it crashes would make it look like an older
   copy, so this is durable whatever the database is set to.  */
static const char begin_sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL "
                                "synchronous_commit = on; " IDENTITY_LOCK_SQL;

err_t
identity_check(identity_t *self, pg_t *pg, const identity_known_t *known,
               identity_found_t *found, fault_t *fault)
{
    fault_t later = {0};
    *found = (identity_found_t){0};
    err_t err = pg_exec(pg, begin_sql, fault);
    if (err == OK)
        err = decide(self, pg, known, found, fault);
    if (err == OK)
        err = pg_exec(pg, "COMMIT", fault);
    else if (pg_exec(pg, "ROLLBACK", &later) != OK)
        pg_disconnect(pg);
    return err;
}
