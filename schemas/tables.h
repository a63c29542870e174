/*  tables - the SQL of our own tables, one text for each file: agent.sql and so on. Idempotent.
 */

#pragma once

extern const char agent_sql[];
extern const char server_sql[];
extern const char postgres_sql[];
extern const char cache_sql[];
