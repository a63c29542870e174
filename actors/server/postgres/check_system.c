/*  What the database is, how it is set up, and what is free in it.  */

#include "actors/server/postgres/check_private.h"

static const char version[] = "SELECT 'ok', 'version', current_setting('server_version'), NULL";

static const char primary[] =
    "SELECT CASE WHEN standby THEN 'problem' ELSE 'ok' END, 'primary', "
    "CASE WHEN standby THEN 'it is a standby, which cannot be written; name the primary in "
    "server.db' ELSE 'it can be written' END, NULL "
    "FROM (SELECT pg_is_in_recovery() AS standby) AS it";

static const char encoding[] =
    "SELECT CASE WHEN name IN ('SQL_ASCII', 'MULE_INTERNAL') THEN 'warning' ELSE 'ok' END, "
    "'encoding', name || CASE WHEN name = 'SQL_ASCII' THEN ': texts that are not UTF-8 cannot "
    "be sent' ELSE '' END, NULL FROM (SELECT current_setting('server_encoding') AS name) AS it";

static const char wal_level[] =
    "SELECT CASE WHEN level = 'logical' THEN 'ok' ELSE 'problem' END, 'wal_level', "
    "level || CASE WHEN level = 'logical' THEN '' ELSE ': changes cannot be read from the log' "
    "END, CASE WHEN level <> 'logical' THEN 'ALTER SYSTEM SET wal_level = ''logical''; "
    "-- and restart the database' END "
    "FROM (SELECT current_setting('wal_level') AS level) AS it";

/*  The server needs one of each; its own, if it has it.  */
static const char slots[] =
    "SELECT CASE WHEN own OR most > used THEN 'ok' ELSE 'problem' END, "
    "'max_replication_slots', "
    "format('%s of %s are free%s', most - used, most, "
    "       CASE WHEN own THEN ', and this server has its own' ELSE '' END), "
    "CASE WHEN NOT own AND most <= used THEN format('ALTER SYSTEM SET max_replication_slots = "
    "%s; -- and restart the database; or drop those that nobody needs', most + 4) END "
    "FROM (SELECT current_setting('max_replication_slots')::int AS most, count(*) AS used, "
    "      coalesce(bool_or(slot_name = me.slot), false) AS own "
    "      FROM me LEFT JOIN pg_replication_slots ON true) AS it";

static const char senders[] =
    "SELECT CASE WHEN own OR most > used THEN 'ok' ELSE 'problem' END, 'max_wal_senders', "
    "format('%s of %s are free%s', most - used, most, "
    "       CASE WHEN own THEN ', and this server has its own' ELSE '' END), "
    "CASE WHEN NOT own AND most <= used THEN format('ALTER SYSTEM SET max_wal_senders = %s; "
    "-- and restart the database', most + 4) END "
    "FROM (SELECT current_setting('max_wal_senders')::int AS most, "
    "      (SELECT count(*) FROM pg_stat_replication) AS used, "
    "      EXISTS (SELECT FROM me JOIN pg_replication_slots s ON s.slot_name = me.slot "
    "              WHERE s.active) AS own) AS it";

/*  A server takes as many as it applies changes on, and three more.  */
static const char connections[] =
    "SELECT CASE WHEN own OR most - used >= needed THEN 'ok' ELSE 'warning' END, "
    "'max_connections', "
    "format('%s of %s are free, and a server takes %s', most - used, most, needed), "
    "CASE WHEN NOT own AND most - used < needed THEN format('ALTER SYSTEM SET max_connections "
    "= %s; -- and restart the database', most + 2 * needed) END "
    "FROM (SELECT current_setting('max_connections')::int "
    "             - current_setting('superuser_reserved_connections')::int AS most, "
    "      (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid IS NOT NULL "
    "       AND NOT EXISTS (SELECT FROM pg_stat_replication r WHERE r.pid = a.pid)) AS used, "
    "      me.connections + 3 AS needed, "
    "      EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = me.slot AND "
    "s.active) "
    "      AS own FROM me) AS it";

static const char keep[] =
    "SELECT CASE WHEN most = '-1' THEN 'warning' ELSE 'ok' END, 'max_slot_wal_keep_size', "
    "CASE WHEN most = '-1' THEN 'without limit: while a server stays away, the log fills the "
    "disk' ELSE most END, "
    "CASE WHEN most = '-1' THEN 'ALTER SYSTEM SET max_slot_wal_keep_size = ''10GB''; "
    "SELECT pg_reload_conf();' END "
    "FROM (SELECT current_setting('max_slot_wal_keep_size') AS most) AS it";

const check_query_t check_system[] = {
    {"version", version},
    {"primary", primary},
    {"encoding", encoding},
    {"wal_level", wal_level},
    {"max_replication_slots", slots},
    {"max_wal_senders", senders},
    {"max_connections", connections},
    {"max_slot_wal_keep_size", keep},
    {0},
};
