-- The model of a team that works on projects, for SQLite: the tables of postgres.sql with the same
-- meaning. `waybill server --schema sqlite.sql` loads it; again at each start, which changes nothing.
--
-- An enum is a CHECK. A list is a JSON array, where PostgreSQL has an array. UUIDs, times,
-- intervals and ranges are texts as PostgreSQL writes them in UTC: that is how agents of either
-- server have them.

CREATE TABLE IF NOT EXISTS users (
  id            TEXT PRIMARY KEY NOT NULL,
  name          TEXT NOT NULL CHECK (name <> ''),
  email         TEXT NOT NULL UNIQUE,
  role          TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'lead', 'member', 'guest')),
  skills        TEXT NOT NULL DEFAULT '[]' CHECK (json_type(skills) = 'array'),
  avatar        BLOB,
  active        BOOLEAN NOT NULL DEFAULT TRUE CHECK (active IN (0, 1)),
  password_hash TEXT,                                -- never leaves the server: see server.conf
  created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now')),
  updated_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now'))
);

CREATE TABLE IF NOT EXISTS projects (
  id          TEXT PRIMARY KEY NOT NULL,
  name        TEXT NOT NULL CHECK (name <> ''),
  description TEXT NOT NULL DEFAULT '',
  status      TEXT NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'active', 'on_hold', 'done')),
  owner_id    TEXT NOT NULL REFERENCES users,
  budget      TEXT CHECK (CAST(budget AS REAL) >= 0),
  labels      TEXT NOT NULL DEFAULT '[]' CHECK (json_type(labels) = 'array'),
  settings    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now')),
  updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now'))
);

CREATE TABLE IF NOT EXISTS project_members (
  project_id TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
  user_id    TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  role       TEXT NOT NULL DEFAULT 'editor' CHECK (role IN ('owner', 'editor', 'viewer')),
  joined_on  TEXT NOT NULL DEFAULT CURRENT_DATE,
  PRIMARY KEY (project_id, user_id)
);

CREATE TABLE IF NOT EXISTS tasks (
  id           TEXT PRIMARY KEY NOT NULL,
  project_id   TEXT NOT NULL REFERENCES projects ON DELETE CASCADE,
  parent_id    TEXT REFERENCES tasks ON DELETE SET NULL,
  title        TEXT NOT NULL CHECK (title <> ''),
  description  TEXT NOT NULL DEFAULT '',
  status       TEXT NOT NULL DEFAULT 'backlog'
               CHECK (status IN ('backlog', 'todo', 'in_progress', 'review', 'done')),
  priority     TEXT NOT NULL DEFAULT 'medium' CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
  assignee_id  TEXT REFERENCES users ON DELETE SET NULL,
  tags         TEXT NOT NULL DEFAULT '[]' CHECK (json_type(tags) = 'array'),
  estimate     TEXT CHECK (estimate <> ''),
  planned      TEXT CHECK (planned GLOB '[[(]*,*[])]'),
  rank         REAL NOT NULL DEFAULT 0,              -- where it stands on the board
  completed_at TEXT,
  created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now')),
  updated_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now'))
);
CREATE INDEX IF NOT EXISTS tasks_of_project ON tasks (project_id);
CREATE INDEX IF NOT EXISTS tasks_of_parent ON tasks (parent_id);

CREATE TABLE IF NOT EXISTS task_dependencies (
  task_id    TEXT NOT NULL REFERENCES tasks ON DELETE CASCADE,
  depends_on TEXT NOT NULL REFERENCES tasks ON DELETE CASCADE,
  kind       TEXT NOT NULL DEFAULT 'blocks' CHECK (kind IN ('blocks', 'relates')),
  PRIMARY KEY (task_id, depends_on),
  CHECK (task_id <> depends_on)
);
CREATE INDEX IF NOT EXISTS dependencies_on_task ON task_dependencies (depends_on);

CREATE TABLE IF NOT EXISTS comments (
  id         TEXT PRIMARY KEY NOT NULL,
  task_id    TEXT NOT NULL REFERENCES tasks ON DELETE CASCADE,
  author_id  TEXT NOT NULL REFERENCES users,
  body       TEXT NOT NULL CHECK (body <> ''),
  edited     BOOLEAN NOT NULL DEFAULT FALSE CHECK (edited IN (0, 1)),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00', 'now'))
);
CREATE INDEX IF NOT EXISTS comments_of_task ON comments (task_id);

-- What triggers count. A table of its own, so that counting never competes with what people
-- write in projects: there the last writer wins.
CREATE TABLE IF NOT EXISTS project_stats (
  project_id   TEXT PRIMARY KEY NOT NULL REFERENCES projects ON DELETE CASCADE,
  tasks        INTEGER NOT NULL DEFAULT 0,
  done         INTEGER NOT NULL DEFAULT 0,
  dependencies INTEGER NOT NULL DEFAULT 0
);

-- updated_at is the server's, unless whoever writes gives it.
CREATE TRIGGER IF NOT EXISTS users_touched AFTER UPDATE ON users
WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE users SET updated_at = strftime('%Y-%m-%d %H:%M:%f+00', 'now') WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS projects_touched AFTER UPDATE ON projects
WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE projects SET updated_at = strftime('%Y-%m-%d %H:%M:%f+00', 'now') WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS tasks_touched AFTER UPDATE ON tasks
WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE tasks SET updated_at = strftime('%Y-%m-%d %H:%M:%f+00', 'now') WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS comments_touched AFTER UPDATE ON comments
WHEN NEW.updated_at IS OLD.updated_at BEGIN
  UPDATE comments SET updated_at = strftime('%Y-%m-%d %H:%M:%f+00', 'now') WHERE id = NEW.id;
END;

-- A task that is done knows since when.
CREATE TRIGGER IF NOT EXISTS tasks_completed AFTER UPDATE OF status ON tasks
WHEN (NEW.status = 'done') <> (NEW.completed_at IS NOT NULL) BEGIN
  UPDATE tasks SET completed_at = CASE WHEN status = 'done'
    THEN strftime('%Y-%m-%d %H:%M:%f+00', 'now') END WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS tasks_made_completed AFTER INSERT ON tasks
WHEN (NEW.status = 'done') <> (NEW.completed_at IS NOT NULL) BEGIN
  UPDATE tasks SET completed_at = CASE WHEN status = 'done'
    THEN strftime('%Y-%m-%d %H:%M:%f+00', 'now') END WHERE id = NEW.id;
END;

-- A new project has its statistics, and its owner as a member.
CREATE TRIGGER IF NOT EXISTS projects_founded AFTER INSERT ON projects BEGIN
  INSERT INTO project_stats (project_id) VALUES (NEW.id);
  INSERT INTO project_members (project_id, user_id, role) VALUES (NEW.id, NEW.owner_id, 'owner')
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER IF NOT EXISTS tasks_counted AFTER INSERT ON tasks BEGIN
  UPDATE project_stats SET tasks = tasks + 1, done = done + (NEW.status = 'done')
    WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER IF NOT EXISTS tasks_discounted AFTER DELETE ON tasks BEGIN
  UPDATE project_stats SET tasks = tasks - 1, done = done - (OLD.status = 'done')
    WHERE project_id = OLD.project_id;
END;
CREATE TRIGGER IF NOT EXISTS tasks_recounted AFTER UPDATE OF status, project_id ON tasks
WHEN OLD.status <> NEW.status OR OLD.project_id <> NEW.project_id BEGIN
  UPDATE project_stats SET tasks = tasks - 1, done = done - (OLD.status = 'done')
    WHERE project_id = OLD.project_id;
  UPDATE project_stats SET tasks = tasks + 1, done = done + (NEW.status = 'done')
    WHERE project_id = NEW.project_id;
END;

-- No task waits for itself in the end. SQLite has one writer at a time, so looking is enough.
CREATE TRIGGER IF NOT EXISTS dependencies_without_circle AFTER INSERT ON task_dependencies BEGIN
  UPDATE project_stats SET dependencies = dependencies + 1
    WHERE project_id = (SELECT project_id FROM tasks WHERE id = NEW.task_id);
  SELECT RAISE(ABORT, 'a task cannot wait for itself: this would be a circle') WHERE EXISTS (
    WITH RECURSIVE needed (id) AS (
      SELECT NEW.depends_on
      UNION
      SELECT d.depends_on FROM task_dependencies d JOIN needed ON d.task_id = needed.id
    )
    SELECT 1 FROM needed WHERE id = NEW.task_id
  );
END;
CREATE TRIGGER IF NOT EXISTS dependencies_stay BEFORE UPDATE OF task_id, depends_on ON task_dependencies
WHEN OLD.task_id <> NEW.task_id OR OLD.depends_on <> NEW.depends_on BEGIN
  SELECT RAISE(ABORT, 'a dependency is made and deleted, not turned into another');
END;

-- The project of a task that goes must still be known when its dependencies are counted.
CREATE TRIGGER IF NOT EXISTS tasks_drop_dependencies BEFORE DELETE ON tasks BEGIN
  DELETE FROM task_dependencies WHERE OLD.id IN (task_id, depends_on);
END;
CREATE TRIGGER IF NOT EXISTS dependencies_discounted AFTER DELETE ON task_dependencies BEGIN
  UPDATE project_stats SET dependencies = dependencies - 1
    WHERE project_id = (SELECT project_id FROM tasks WHERE id = OLD.task_id);
END;
