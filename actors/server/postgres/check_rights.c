/*  What the role may do, and whether the publication is as it should be.  */

#include "actors/server/postgres/check_private.h"

static const char role[] =
    "SELECT CASE WHEN may THEN 'ok' ELSE 'problem' END, 'role ' || current_user, "
    "CASE WHEN may THEN 'it may replicate' ELSE 'it may not replicate' END, "
    "CASE WHEN NOT may THEN format('ALTER ROLE %I REPLICATION;', current_user) END "
    "FROM (SELECT rolreplication OR rolsuper AS may FROM pg_roles "
    "      WHERE rolname = current_user) AS it";

/*  Whoever may not make the schema must find it, and may write its tables.  */
static const char own_schema[] =
    "SELECT CASE WHEN there AND usage OR NOT there AND may THEN 'ok' ELSE 'problem' END, "
    "'schema waybill', CASE WHEN NOT there AND may THEN 'a server makes it when it starts' "
    "WHEN NOT there THEN 'there is none, and this role may not make it' "
    "WHEN usage THEN 'it is there' ELSE 'this role may not use it' END, "
    "CASE WHEN NOT there AND NOT may THEN format('GRANT CREATE ON DATABASE %I TO %I; -- or "
    "have "
    "the owner make it: packaging/postgres/roles.sql', current_database(), current_user) "
    "WHEN there AND NOT usage THEN format('GRANT USAGE ON SCHEMA waybill TO %I;', "
    "current_user) END "
    "FROM (SELECT n.oid IS NOT NULL AS there, has_schema_privilege(n.oid, 'USAGE') AS usage, "
    "      has_database_privilege(current_database(), 'CREATE') AS may "
    "      FROM me LEFT JOIN pg_namespace n ON n.nspname = 'waybill') AS it";

static const char own_tables[] =
    "SELECT CASE WHEN may IS NULL THEN CASE WHEN makes THEN 'ok' ELSE 'problem' END "
    "            WHEN may THEN 'ok' ELSE 'problem' END, 'table waybill.' || name, "
    "CASE WHEN may THEN 'this role may read and write it' "
    "     WHEN NOT may THEN 'this role may not read or not write it' "
    "     WHEN makes THEN 'a server makes it when it starts' "
    "     ELSE 'there is none, and this role may not make it' END, "
    "CASE WHEN NOT may THEN format('GRANT SELECT, INSERT, UPDATE, DELETE ON waybill.%I TO "
    "%I;', "
    "                              name, current_user) "
    "     WHEN may IS NULL AND NOT makes THEN format('GRANT CREATE ON SCHEMA waybill TO %I; -- "
    "or have the owner make it: packaging/postgres/roles.sql', current_user) END "
    "FROM (SELECT wanted.name, has_schema_privilege(n.oid, 'CREATE') AS makes, "
    "      has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') "
    "      AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') "
    "      AS may FROM me CROSS JOIN unnest(me.tables) AS wanted (name) "
    "      JOIN pg_namespace n ON n.nspname = 'waybill' "
    "      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name) AS it "
    "WHERE may IS DISTINCT FROM true";

static const char schema[] =
    "SELECT CASE WHEN usage THEN 'ok' ELSE 'problem' END, 'schema ' || schema, "
    "CASE WHEN usage THEN 'this role may use it' WHEN NOT usage THEN 'this role may not use "
    "it' "
    "ELSE 'there is none' END, CASE WHEN NOT usage THEN format('GRANT USAGE ON SCHEMA %I TO "
    "%I;', "
    "schema, current_user) WHEN usage IS NULL THEN format('CREATE SCHEMA %I;', schema) END "
    "FROM (SELECT me.schema, has_schema_privilege(n.oid, 'USAGE') AS usage "
    "      FROM me LEFT JOIN pg_namespace n ON n.nspname = me.schema) AS it";

/*  Without SELECT the cache cannot be filled; without the rest, changes are refused.  */
static const char tables[] =
    "SELECT CASE WHEN bool_or(wanted.name = 'SELECT') THEN 'problem' ELSE 'warning' END, "
    "'table ' || c.relname, CASE WHEN bool_or(wanted.name = 'SELECT') THEN 'this role may not "
    "read it' ELSE 'this role may not write it as clients want it to' END, "
    "format('GRANT %s ON %I.%I TO %I;', string_agg(wanted.name, ', '), me.schema, c.relname, "
    "current_user) "
    "FROM me JOIN pg_publication_tables p ON p.pubname = me.publication "
    "AND p.schemaname = me.schema "
    "JOIN pg_namespace n ON n.nspname = me.schema "
    "JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename "
    "CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS wanted (name) "
    "WHERE NOT has_table_privilege(c.oid, wanted.name) "
    "GROUP BY c.relname, me.schema";

/*  A sequence of an identity needs no right of its own.  */
static const char sequences[] =
    "SELECT 'warning', 'table ' || c.relname, 'this role may not take numbers for it', "
    "format('GRANT USAGE ON SEQUENCE %I.%I TO %I;', sn.nspname, s.relname, current_user) "
    "FROM me JOIN pg_publication_tables p ON p.pubname = me.publication "
    "AND p.schemaname = me.schema "
    "JOIN pg_namespace n ON n.nspname = me.schema "
    "JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename "
    "JOIN pg_depend d ON d.refobjid = c.oid AND d.refclassid = 'pg_class'::regclass "
    "AND d.classid = 'pg_class'::regclass AND d.deptype = 'a' "
    "JOIN pg_class s ON s.oid = d.objid "
    "JOIN pg_namespace sn ON sn.oid = s.relnamespace "
    "WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') END";

static const char row_security[] =
    "SELECT 'problem', 'table ' || c.relname, 'it has row level security, which hides rows "
    "from this role', format('ALTER ROLE %I BYPASSRLS;', current_user) "
    "FROM me JOIN pg_publication_tables p ON p.pubname = me.publication "
    "AND p.schemaname = me.schema "
    "JOIN pg_namespace n ON n.nspname = me.schema "
    "JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename "
    "WHERE row_security_active(c.oid)";

/*  If there is none, a server makes it: of tables that are its role's.  */
static const char publication[] =
    "SELECT CASE WHEN whole THEN 'ok' WHEN whole IS NULL AND may THEN 'ok' ELSE 'problem' END, "
    "'publication ' || publication, CASE WHEN whole THEN 'it is there' "
    "WHEN NOT whole THEN 'it leaves out some kinds of changes' "
    "WHEN may THEN 'a server makes it when it starts' "
    "ELSE 'there is none, and this role may not make it' END, "
    "CASE WHEN NOT whole THEN format('ALTER PUBLICATION %I SET (publish = ''insert, update, "
    "delete, truncate'');', publication) "
    "WHEN whole IS NULL AND NOT may THEN format('CREATE PUBLICATION %I FOR TABLE %s;', "
    "publication, coalesce(list, '...')) END "
    "FROM (SELECT me.publication, pubinsert AND pubupdate AND pubdelete AND pubtruncate AS "
    "whole, "
    "      has_database_privilege(current_database(), 'CREATE') AND coalesce(owns, true) AS "
    "may, "
    "      list FROM me LEFT JOIN pg_publication p ON p.pubname = me.publication "
    "      CROSS JOIN (SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) AS owns, "
    "                  string_agg(format('%I.%I', me.schema, c.relname), ', ' "
    "                             ORDER BY c.relname) AS list "
    "                  FROM me JOIN pg_namespace n ON n.nspname = me.schema "
    "                  JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' "
    "                  AND NOT c.relispartition "
    "                  JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary) AS all_tables"
    "      ) AS it";

static const char partitions[] =
    "SELECT 'problem', 'table ' || c.relname, 'it is published as its partitions', "
    "format('ALTER PUBLICATION %I SET (publish_via_partition_root = true);', me.publication) "
    "FROM me JOIN pg_publication p ON p.pubname = me.publication AND NOT p.pubviaroot "
    "JOIN pg_namespace n ON n.nspname = me.schema "
    "JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'p' AND NOT c.relispartition "
    "LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid "
    "WHERE p.puballtables OR r.oid IS NOT NULL";

static const char others[] =
    "SELECT 'warning', 'publication ' || me.publication, "
    "format('it has %s tables of other schemas, which no server synchronises', count(*)), NULL "
    "FROM me JOIN pg_publication_tables p ON p.pubname = me.publication "
    "AND p.schemaname <> me.schema GROUP BY me.publication";

const check_query_t check_rights[] = {
    {"role", role},
    {"schema waybill", own_schema},
    {"tables of schema waybill", own_tables},
    {"schema", schema},
    {"rights on tables", tables},
    {"rights on sequences", sequences},
    {"row level security", row_security},
    {"publication", publication},
    {"partitions", partitions},
    {"tables of other schemas", others},
    {0},
};
