-- What a server remembers beside the history, in its cache of a PostgreSQL database.

-- One row: which database the rows came from, and how far that was read. Without a slot the rows
-- are those of a copy that nothing follows any more, and are read anew.
CREATE TABLE IF NOT EXISTS waybill_cache (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  system_id TEXT NOT NULL DEFAULT '',
  timeline  BIGINT NOT NULL DEFAULT 0,
  slot      TEXT NOT NULL DEFAULT '',
  beat      BIGINT NOT NULL DEFAULT 0,               -- counted in waybill.servers before
  confirmed BIGINT NOT NULL DEFAULT 0,               -- everything before is here: the slot may go on
  flushes   BIGINT NOT NULL DEFAULT 0,               -- counted, so that each writes something
  pieces    TEXT NOT NULL DEFAULT ''                 -- oids of all partitions, blanks between
);

-- Each table as it was when it was read, to see when it is another.
CREATE TABLE IF NOT EXISTS waybill_cache_tables (
  tbl     TEXT PRIMARY KEY,
  columns TEXT NOT NULL,                             -- a line each: type, its modifier, name
  id      BIGINT NOT NULL DEFAULT 0                  -- its oid; 0: the next that comes is it
);
