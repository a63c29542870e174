-- roles - a role for Waybill's servers that may do what they need, and nothing more.
--
--   psql -f roles.sql -d DATABASE [-v role=waybill] [-v schema=public] [-v publication=waybill]
--
-- Run it as a superuser, or as the owner of the database and its tables after somebody who may has
-- made the role: CREATE ROLE waybill LOGIN REPLICATION. It may be run again: new tables of the
-- schema get their rights, and are published. How the role proves who it is, is left to you: a
-- password (\password waybill), a certificate, or peer authentication. On RDS and the like,
-- replication is granted another way (GRANT rds_replication TO waybill).
--
-- What the role may do then: log in, replicate, read and write the tables of the schema that have
-- a primary key, and the servers' own tables in the schema waybill. It owns nothing, and may
-- neither alter a table nor publish one: run this again for new tables.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?role} \else \set role waybill \endif
\if :{?schema} \else \set schema public \endif
\if :{?publication} \else \set publication waybill \endif

-- The role. Whoever may replicate can read every published table through the log.
SELECT format('CREATE ROLE %I LOGIN REPLICATION', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I LOGIN REPLICATION', :'role')
FROM pg_roles WHERE rolname = :'role' AND NOT (rolcanlogin AND rolreplication) \gexec

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec

-- The servers' own tables; the server needs no right to make anything.
\ir ../../schemas/postgres.sql
GRANT USAGE ON SCHEMA waybill TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA waybill TO :"role";

-- The application's tables that have a key, with the sequences that their columns own, and those
-- that whoever runs this makes later.
GRANT USAGE ON SCHEMA :"schema" TO :"role";
CREATE TEMP TABLE waybill_table ON COMMIT DROP AS
SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname = :'schema' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND c.relpersistence = 'p';
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', name, :'role')
FROM waybill_table \gexec
SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', d.objid::regclass, :'role')
FROM waybill_table t JOIN pg_depend d ON d.refobjid = t.oid AND d.deptype = 'a'
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' \gexec
ALTER DEFAULT PRIVILEGES IN SCHEMA :"schema"
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"role";
ALTER DEFAULT PRIVILEGES IN SCHEMA :"schema" GRANT USAGE ON SEQUENCES TO :"role";

-- The publication, with what it lacks.
SELECT format('CREATE PUBLICATION %I WITH (publish_via_partition_root = true)', :'publication')
WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication') \gexec
SELECT format('ALTER PUBLICATION %I ADD TABLE %s', :'publication', t.name)
FROM waybill_table t JOIN pg_publication p ON p.pubname = :'publication' AND NOT p.puballtables
WHERE NOT EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = t.oid)
\gexec
COMMIT;
