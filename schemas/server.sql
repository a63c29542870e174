-- The server's own tables, beside the application's in its database file.

-- One row: the history's identity and the newest finished position. Writers of ours raise
-- lsn at the end of each transaction; rows in change_log above it belong to a program
-- that writes plain SQL, and are sealed as one transaction by whoever of us comes next.
CREATE TABLE IF NOT EXISTS waybill_head (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  epoch    TEXT NOT NULL,
  lsn      BIGINT NOT NULL,
  floor    BIGINT NOT NULL DEFAULT 0,                -- history is kept from behind here on; 0: all
  captured BIGINT NOT NULL DEFAULT 0,                -- a cache: nothing up to here is missing
  clock    BIGINT NOT NULL DEFAULT 0                 -- a cache: no version was newer when it was made
);

-- What was committed, in commit order: (lsn, seq). Written only by triggers, in the
-- writer's own transaction.
CREATE TABLE IF NOT EXISTS change_log (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  lsn        BIGINT NOT NULL,
  tbl        TEXT NOT NULL,
  operation  TEXT NOT NULL,
  data       TEXT NOT NULL,                          -- the row as JSON; a delete: its key
  updated_at BIGINT NOT NULL,
  client_id  TEXT,                                   -- origin; NULL: a program on the server
  change_id  TEXT,
  old        TEXT,                                   -- the row before, where reading is restricted
  time       BIGINT                                  -- when it was committed, ms since 1970
);
CREATE INDEX IF NOT EXISTS idx_change_log_lsn ON change_log (lsn);

-- The row that an insert may replace, for the triggers, where the row before is kept: REPLACE
-- removes it without calling any.
CREATE TABLE IF NOT EXISTS waybill_replaced (
  tbl  TEXT NOT NULL,
  key  TEXT NOT NULL,
  data TEXT NOT NULL,                                -- the row as JSON
  PRIMARY KEY (tbl, key)
) WITHOUT ROWID;

-- Who is writing, for the triggers: one row, filled inside a transaction of ours and
-- emptied before its end, so that no other connection ever sees it.
CREATE TABLE IF NOT EXISTS waybill_origin (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  client_id  TEXT,
  change_id  TEXT,
  updated_at BIGINT
);

-- The version of every row that was ever written, also of deleted ones: what the last
-- writer wins by.
CREATE TABLE IF NOT EXISTS waybill_versions (
  tbl        TEXT NOT NULL,
  key        TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  client_id  TEXT NOT NULL DEFAULT '',
  lsn        BIGINT NOT NULL,
  deleted    BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (tbl, key)
) WITHOUT ROWID;

-- The same for each column, where the last writer wins by column.
CREATE TABLE IF NOT EXISTS waybill_columns (
  tbl        TEXT NOT NULL,
  key        TEXT NOT NULL,
  col        TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  client_id  TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tbl, key, col)
) WITHOUT ROWID;

-- The verdict ledger: what was decided about every change ever sent, in the transaction
-- that decided it.
CREATE TABLE IF NOT EXISTS client_changes (
  client_id TEXT NOT NULL,
  id        TEXT NOT NULL,
  verdict   TEXT NOT NULL,
  code      TEXT,
  message   TEXT,
  lsn       BIGINT NOT NULL,
  time      BIGINT,                                  -- when it was decided
  PRIMARY KEY (client_id, id)
) WITHOUT ROWID;

-- Audit: changes that were rejected, and only those, with the last reason.
CREATE TABLE IF NOT EXISTS changes_history (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
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

-- The rules for reading that are in force, and since which position: who stands before it has
-- what he may not read any more, or lacks what he may.
CREATE TABLE IF NOT EXISTS waybill_rules (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  rules TEXT NOT NULL,
  lsn   BIGINT NOT NULL
);

-- Where each client stood when it last acknowledged, and how it is told from a copy of its
-- database: by the lease it must show. It has either the one it has shown, or the next.
CREATE TABLE IF NOT EXISTS waybill_clients (
  client_id  TEXT PRIMARY KEY,
  lsn        BIGINT NOT NULL,
  seen       BIGINT NOT NULL,
  user_id    TEXT NOT NULL DEFAULT '',
  lease      TEXT NOT NULL DEFAULT '',
  next_lease TEXT NOT NULL DEFAULT ''
);
