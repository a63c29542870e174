/*  The slots of this database: what the database keeps for servers that stay away.  */

#include "actors/server/postgres/check_private.h"

static const char each[] =
    "SELECT CASE WHEN wal_status IN ('lost', 'unreserved') OR NOT active THEN 'warning' "
    "       ELSE 'ok' END, 'slot ' || slot_name, "
    "format('%s; %s of log are kept for it%s', CASE WHEN wal_status = 'lost' THEN 'lost: its "
    "server reads the database anew' WHEN active THEN 'in use' ELSE 'nobody uses it: start its "
    "server, or waybill server slots --drop-inactive' END, pg_size_pretty(kept), "
    "CASE WHEN wal_status = 'unreserved' THEN ', more than it was promised' "
    "     WHEN safe_wal_size IS NOT NULL THEN format(', and it is lost after %s more', "
    "                                                pg_size_pretty(safe_wal_size)) "
    "     ELSE '' END), NULL "
    "FROM (SELECT slot_name, active, wal_status, safe_wal_size, "
    "      coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN "
    "      pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint "
    "      AS kept FROM pg_replication_slots "
    "      WHERE slot_type = 'logical' AND database = current_database()) AS it "
    "ORDER BY slot_name";

const check_query_t check_slots[] = {
    {"slots", each},
    {0},
};
