-- The servers' own tables in PostgreSQL, shared by all servers of one database. The history
-- itself is no part of it: each server keeps that in its cache, out of the write-ahead log.

CREATE SCHEMA IF NOT EXISTS waybill;

-- One row: which history the positions (commit LSNs) belong to. Another system, another timeline
-- or an older copy of the database is another history.
CREATE TABLE IF NOT EXISTS waybill.identity (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  epoch     TEXT NOT NULL,
  system_id TEXT NOT NULL,
  timeline  BIGINT NOT NULL,
  token     TEXT NOT NULL DEFAULT gen_random_uuid()  -- rows in the log that show it are a server's
);

-- The servers that follow this database. A server counts its beats here first and in its cache
-- then: a count below the cache's shows an older copy of the database.
CREATE TABLE IF NOT EXISTS waybill.servers (
  name    TEXT PRIMARY KEY,
  slot    TEXT NOT NULL,
  beat    BIGINT NOT NULL,
  seen    BIGINT NOT NULL,                           -- ms since 1970
  dropped BOOLEAN NOT NULL DEFAULT FALSE             -- its slot was dropped on purpose
);

-- The version of every row that a client has written: what the last writer wins by. It holds
-- while the row's xmin is xid; else somebody has written the row with plain SQL since.
CREATE TABLE IF NOT EXISTS waybill.versions (
  tbl        TEXT NOT NULL,
  key        TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  client_id  TEXT NOT NULL,
  lsn        BIGINT NOT NULL,                        -- at or before its commit
  xid        BIGINT NOT NULL,
  deleted    BOOLEAN NOT NULL,
  PRIMARY KEY (tbl, key)
);

-- The same for each column, where the last writer wins by column.
CREATE TABLE IF NOT EXISTS waybill.columns (
  tbl        TEXT NOT NULL,
  key        TEXT NOT NULL,
  col        TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  client_id  TEXT NOT NULL,
  PRIMARY KEY (tbl, key, col)
);

-- The transactions that changes of clients were applied in, for some days. What triggers wrote to
-- other rows in one of them was made when its changes were, not when it was committed.
CREATE TABLE IF NOT EXISTS waybill.rounds (
  xid        BIGINT PRIMARY KEY,
  updated_at BIGINT NOT NULL,                        -- of its earliest change
  lsn        BIGINT NOT NULL,                        -- at or before its commit
  time       BIGINT NOT NULL                         -- when it was committed, about
);

-- The verdict ledger: what was decided about every change ever sent, in the transaction
-- that decided it.
CREATE TABLE IF NOT EXISTS waybill.client_changes (
  client_id TEXT NOT NULL,
  id        TEXT NOT NULL,
  verdict   TEXT NOT NULL,
  code      TEXT,
  message   TEXT,
  lsn       BIGINT NOT NULL,
  time      BIGINT NOT NULL,                         -- when it was decided
  PRIMARY KEY (client_id, id)
);

-- Audit: changes that were rejected, and only those, with the last reason.
CREATE TABLE IF NOT EXISTS waybill.changes_history (
  seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time      BIGINT NOT NULL,
  client_id TEXT NOT NULL,
  change_id TEXT NOT NULL,
  tbl       TEXT NOT NULL,
  operation TEXT NOT NULL,
  data      TEXT,
  code      TEXT NOT NULL,
  message   TEXT NOT NULL,
  UNIQUE (client_id, change_id)
);

-- Where each client stood when it last acknowledged, whose it is, and how it is told from a copy
-- of its database: by the lease it must show. It has either the one it has shown, or the next.
CREATE TABLE IF NOT EXISTS waybill.clients (
  client_id  TEXT PRIMARY KEY,
  lsn        BIGINT NOT NULL,
  seen       BIGINT NOT NULL,
  user_id    TEXT NOT NULL DEFAULT '',
  lease      TEXT NOT NULL DEFAULT '',
  next_lease TEXT NOT NULL DEFAULT ''
);
