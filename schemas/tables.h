/*  tables - the SQL of our own tables, from agent.sql, server.sql and postgres.sql. Idempotent.  */

#pragma once

extern const char agent_sql[];
extern const char server_sql[];
extern const char postgres_sql[];
