/*  tables - the SQL of our own tables, from agent.sql and server.sql. Idempotent.  */

#pragma once

extern const char agent_sql[];
extern const char server_sql[];
