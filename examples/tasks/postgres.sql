-- The model of a team that works on projects, for PostgreSQL. sqlite.sql has the same tables with
-- the same meaning; what differs is said there.
--
--   psql postgres://USER@HOST/DATABASE -v ON_ERROR_STOP=1 -f postgres.sql
--
-- Agents know the tables with their keys and columns. Enums, foreign keys and triggers stand here
-- alone: the server applies what agents send, so they hold for everybody.

CREATE TYPE user_role AS ENUM ('admin', 'lead', 'member', 'guest');
CREATE TYPE project_status AS ENUM ('planned', 'active', 'on_hold', 'done');
CREATE TYPE member_role AS ENUM ('owner', 'editor', 'viewer');
CREATE TYPE task_status AS ENUM ('backlog', 'todo', 'in_progress', 'review', 'done');
CREATE TYPE task_priority AS ENUM ('low', 'medium', 'high', 'urgent');
CREATE TYPE dependency_kind AS ENUM ('blocks', 'relates');

CREATE TABLE users (
  id            UUID PRIMARY KEY,
  name          TEXT NOT NULL CHECK (name <> ''),
  email         TEXT NOT NULL UNIQUE,
  role          user_role NOT NULL DEFAULT 'member',
  skills        TEXT[] NOT NULL DEFAULT '{}',
  avatar        BYTEA,
  active        BOOLEAN NOT NULL DEFAULT TRUE,
  password_hash TEXT,                                -- never leaves the server: see server.conf
  created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE projects (
  id          UUID PRIMARY KEY,
  name        TEXT NOT NULL CHECK (name <> ''),
  description TEXT NOT NULL DEFAULT '',
  status      project_status NOT NULL DEFAULT 'planned',
  owner_id    UUID NOT NULL REFERENCES users,
  budget      NUMERIC(12,2) CHECK (budget >= 0),
  labels      TEXT[] NOT NULL DEFAULT '{}',
  settings    JSONB NOT NULL DEFAULT '{}',
  created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE project_members (
  project_id UUID NOT NULL REFERENCES projects ON DELETE CASCADE,
  user_id    UUID NOT NULL REFERENCES users ON DELETE CASCADE,
  role       member_role NOT NULL DEFAULT 'editor',
  joined_on  DATE NOT NULL DEFAULT CURRENT_DATE,
  PRIMARY KEY (project_id, user_id)
);

CREATE TABLE tasks (
  id           UUID PRIMARY KEY,
  project_id   UUID NOT NULL REFERENCES projects ON DELETE CASCADE,
  parent_id    UUID REFERENCES tasks ON DELETE SET NULL,
  title        TEXT NOT NULL CHECK (title <> ''),
  description  TEXT NOT NULL DEFAULT '',
  status       task_status NOT NULL DEFAULT 'backlog',
  priority     task_priority NOT NULL DEFAULT 'medium',
  assignee_id  UUID REFERENCES users ON DELETE SET NULL,
  tags         TEXT[] NOT NULL DEFAULT '{}',
  estimate     INTERVAL CHECK (estimate > INTERVAL '0'),
  planned      TSTZRANGE,
  rank         DOUBLE PRECISION NOT NULL DEFAULT 0,  -- where it stands on the board
  completed_at TIMESTAMPTZ,
  created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX tasks_of_project ON tasks (project_id);
CREATE INDEX tasks_of_parent ON tasks (parent_id);

CREATE TABLE task_dependencies (
  task_id    UUID NOT NULL REFERENCES tasks ON DELETE CASCADE,
  depends_on UUID NOT NULL REFERENCES tasks ON DELETE CASCADE,
  kind       dependency_kind NOT NULL DEFAULT 'blocks',
  PRIMARY KEY (task_id, depends_on),
  CHECK (task_id <> depends_on)
);
CREATE INDEX dependencies_on_task ON task_dependencies (depends_on);

CREATE TABLE comments (
  id         UUID PRIMARY KEY,
  task_id    UUID NOT NULL REFERENCES tasks ON DELETE CASCADE,
  author_id  UUID NOT NULL REFERENCES users,
  body       TEXT NOT NULL CHECK (body <> ''),
  edited     BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX comments_of_task ON comments (task_id);

-- What triggers count. A table of its own, so that counting never competes with what people
-- write in projects: there the last writer wins.
CREATE TABLE project_stats (
  project_id   UUID PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
  tasks        INTEGER NOT NULL DEFAULT 0,
  done         INTEGER NOT NULL DEFAULT 0,
  dependencies INTEGER NOT NULL DEFAULT 0
);

-- updated_at is the server's, unless whoever writes gives it.
CREATE FUNCTION touch() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER users_touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER projects_touched BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER tasks_touched BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER comments_touched BEFORE UPDATE ON comments FOR EACH ROW EXECUTE FUNCTION touch();

-- A task that is done knows since when.
CREATE FUNCTION complete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> 'done' THEN
    NEW.completed_at := NULL;
  ELSIF NEW.completed_at IS NULL THEN
    NEW.completed_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tasks_completed BEFORE INSERT OR UPDATE OF status ON tasks
  FOR EACH ROW EXECUTE FUNCTION complete();

-- A new project has its statistics, and its owner as a member.
CREATE FUNCTION found_project() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO project_stats (project_id) VALUES (NEW.id);
  INSERT INTO project_members (project_id, user_id, role) VALUES (NEW.id, NEW.owner_id, 'owner')
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER projects_founded AFTER INSERT ON projects
  FOR EACH ROW EXECUTE FUNCTION found_project();

CREATE FUNCTION count_tasks() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE project_stats SET tasks = tasks - 1, done = done - (OLD.status = 'done')::integer
      WHERE project_id = OLD.project_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE project_stats SET tasks = tasks + 1, done = done + (NEW.status = 'done')::integer
      WHERE project_id = NEW.project_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER tasks_counted AFTER INSERT OR DELETE ON tasks
  FOR EACH ROW EXECUTE FUNCTION count_tasks();
CREATE TRIGGER tasks_recounted AFTER UPDATE OF status, project_id ON tasks FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.project_id <> NEW.project_id)
  EXECUTE FUNCTION count_tasks();

-- No task waits for itself in the end. Counting comes first: it locks the project's row, so two
-- transactions that would close a circle together cannot both look before either has written.
CREATE FUNCTION refuse_circle() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE project_stats SET dependencies = dependencies + 1
    WHERE project_id = (SELECT project_id FROM tasks WHERE id = NEW.task_id);
  IF EXISTS (
    WITH RECURSIVE needed (id) AS (
      SELECT NEW.depends_on
      UNION
      SELECT d.depends_on FROM task_dependencies d JOIN needed ON d.task_id = needed.id
    )
    SELECT FROM needed WHERE id = NEW.task_id
  ) THEN
    RAISE EXCEPTION 'a task cannot wait for itself: % and % would be in a circle',
      NEW.task_id, NEW.depends_on;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dependencies_without_circle AFTER INSERT ON task_dependencies
  FOR EACH ROW EXECUTE FUNCTION refuse_circle();

CREATE FUNCTION refuse_other_dependency() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a dependency is made and deleted, not turned into another';
END $$;
CREATE TRIGGER dependencies_stay BEFORE UPDATE OF task_id, depends_on ON task_dependencies
  FOR EACH ROW WHEN (OLD.task_id <> NEW.task_id OR OLD.depends_on <> NEW.depends_on)
  EXECUTE FUNCTION refuse_other_dependency();

-- The project of a task that goes must still be known when its dependencies are counted.
CREATE FUNCTION drop_dependencies() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM task_dependencies WHERE OLD.id IN (task_id, depends_on);
  RETURN OLD;
END $$;
CREATE TRIGGER tasks_drop_dependencies BEFORE DELETE ON tasks
  FOR EACH ROW EXECUTE FUNCTION drop_dependencies();

CREATE FUNCTION discount_dependency() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE project_stats SET dependencies = dependencies - 1
    WHERE project_id = (SELECT project_id FROM tasks WHERE id = OLD.task_id);
  RETURN NULL;
END $$;
CREATE TRIGGER dependencies_discounted AFTER DELETE ON task_dependencies
  FOR EACH ROW EXECUTE FUNCTION discount_dependency();
