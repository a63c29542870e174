-- The agent's own tables, beside the application's in its database file.

-- The journal: every change ever made here or received, oldest first by rowid. A local row
-- stays pending until the server's verdict or a person's act; both leave it in place.
-- No IN (...) in its checks: SQLite would build a table of that list for every row written.
CREATE TABLE IF NOT EXISTS local_changes (
  id              TEXT PRIMARY KEY NOT NULL,         -- UUIDv7, also the id at the server
  entity_type     TEXT NOT NULL,                     -- table
  entity_id       TEXT NOT NULL,                     -- primary key, as text
  operation       TEXT NOT NULL
                  CHECK (operation = 'insert' OR operation = 'update' OR operation = 'delete'),
  data            JSONB CHECK (operation <> 'delete' OR data IS NULL),
  timestamp       BIGINT NOT NULL,                   -- ms since 1970, never falling
  processed_local BOOLEAN DEFAULT FALSE,             -- it is in the entity table
  processed_sync  BOOLEAN DEFAULT FALSE,             -- the server has decided
  error           TEXT,                              -- last error
  attempts        INTEGER DEFAULT 0,                 -- times the server refused it
  from_server     BOOLEAN NOT NULL DEFAULT FALSE,
  skip_reason     TEXT,                              -- why it was not applied here
  lsn             BIGINT,                            -- server position of the change
  client_id       TEXT,                              -- who made it
  txn             TEXT,                              -- local transaction
  verdict         TEXT,                              -- applied, merged or rejected; by a
                                                     -- person: skipped or discarded
  state           TEXT NOT NULL DEFAULT 'pending'
                  CHECK (state = 'pending' OR state = 'failed' OR state = 'parked'
                         OR state = 'done'),
  next_attempt    BIGINT,                            -- failed: not before
  base            BIGINT,                            -- local: position it was made on
  old_data        JSONB,                             -- by triggers: what it replaced
  metadata        JSONB,                             -- the application's own
  folded_into     TEXT,                              -- id of the change sent in its place
  writer          BIGINT,                            -- by triggers: what that connection had
                                                     -- changed until then, total_changes()
  result          JSONB                              -- applied: the row it made at the server,
                                                     -- where that is not what it says
);
CREATE INDEX IF NOT EXISTS idx_local_changes_processed_local
  ON local_changes (timestamp) WHERE processed_local = 0;
CREATE INDEX IF NOT EXISTS idx_local_changes_processed_sync
  ON local_changes (timestamp) WHERE processed_sync = 0;
CREATE INDEX IF NOT EXISTS idx_local_changes_entity
  ON local_changes (entity_type, entity_id);
-- Local changes by the position of their verdict: what stands above the server's stream.
CREATE INDEX IF NOT EXISTS idx_local_changes_decided
  ON local_changes (lsn) WHERE from_server = 0 AND lsn IS NOT NULL;
-- Refused: to be tried again, or waiting for a person.
CREATE INDEX IF NOT EXISTS idx_local_changes_refused
  ON local_changes (next_attempt) WHERE state IN ('failed', 'parked');
-- Captured by triggers, and not yet given a local transaction: oldest first.
CREATE INDEX IF NOT EXISTS idx_local_changes_unsealed
  ON local_changes (from_server) WHERE from_server = 0 AND txn IS NULL;

-- Every error a change ever had; local_changes.error is only the last.
CREATE TABLE IF NOT EXISTS waybill_errors (
  change_id TEXT NOT NULL,
  attempt   INTEGER NOT NULL,
  time      BIGINT NOT NULL,
  code      TEXT NOT NULL,
  message   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_waybill_errors_change ON waybill_errors (change_id);

-- Identity and position: one row. The position moves only in the transaction that applies
-- what lies before it.
CREATE TABLE IF NOT EXISTS sync_state (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  client_id TEXT NOT NULL,
  epoch     TEXT NOT NULL DEFAULT '',
  lsn       BIGINT NOT NULL DEFAULT 0,
  schema_version INTEGER NOT NULL DEFAULT 1,
  clock     BIGINT NOT NULL DEFAULT 0,               -- newest version seen of any row
  lease     TEXT NOT NULL DEFAULT ''                 -- shown to the server at connecting
);

-- One row. While held is set, inside a transaction of ours, triggers capture nothing.
CREATE TABLE IF NOT EXISTS waybill_guard (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  held BOOLEAN NOT NULL DEFAULT FALSE
);

-- The server's version of a row that local changes stand above, and its position. Gone when
-- the last of them has its verdict. data NULL: the server has deleted the row.
CREATE TABLE IF NOT EXISTS waybill_server_rows (
  entity_type TEXT NOT NULL,
  entity_id   TEXT NOT NULL,
  lsn         BIGINT NOT NULL,
  data        BLOB,
  seq         INTEGER NOT NULL DEFAULT 0,            -- rowid of the local change it answers:
                                                     -- later ones of that position stand above
  PRIMARY KEY (entity_type, entity_id)
);

-- Parts of a server transaction larger than one frame, until its end has come.
CREATE TABLE IF NOT EXISTS waybill_staged (
  seq     INTEGER PRIMARY KEY,
  change  BLOB NOT NULL,                             -- packed server_changes: one part
  lsn     BIGINT NOT NULL DEFAULT 0,                 -- of its last change
  place   BIGINT NOT NULL DEFAULT 0                  -- and the place of that in its transaction
);

-- Server changes that could not be written here, the newest of each row: set aside, so that the
-- rest goes on, and tried again. local_changes has each as failed, until it is applied.
CREATE TABLE IF NOT EXISTS waybill_held (
  seq         INTEGER PRIMARY KEY,
  change_id   TEXT NOT NULL,                         -- its row in local_changes
  entity_type TEXT NOT NULL,
  entity_id   TEXT NOT NULL,
  lsn         BIGINT NOT NULL,
  change      BLOB NOT NULL,                         -- a packed server_change
  code        TEXT NOT NULL,                         -- error name
  error       TEXT NOT NULL,                         -- the same for a person
  attempts    INTEGER NOT NULL,
  time        BIGINT NOT NULL,                       -- of the last attempt
  UNIQUE (entity_type, entity_id)
);
