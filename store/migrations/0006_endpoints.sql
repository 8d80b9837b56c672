-- Endpoints: which are held because they are down, who has used the limited ones lately, and who stands in line.

CREATE TABLE endpoints (
    name       TEXT PRIMARY KEY,             -- "model writer", "host cms.example.com"
    failures   INTEGER NOT NULL,             -- one after the other, up to the latest answer
    held_until INTEGER,                      -- from then on one step may try it; NULL: nobody is kept from it
    held_since INTEGER,
    holds      INTEGER NOT NULL,             -- how often it was tried in vain since then
    code       TEXT NOT NULL,                -- what was wrong the last time
    message    TEXT NOT NULL,
    probe      TEXT,                         -- {run_id, key, attempt}: the step that tries it
    up_at      INTEGER,                      -- when it answered again
    told       TEXT NOT NULL DEFAULT 'up' CHECK (told IN ('up', 'down'))   -- what people were told last
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint_uses (
    name    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    run_id  TEXT NOT NULL,
    key     TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    tokens  INTEGER,                         -- NULL until it has answered
    open    INTEGER NOT NULL CHECK (open IN (0, 1)),
    PRIMARY KEY (name, at, run_id, key, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_uses_of_attempt ON endpoint_uses (run_id, key, attempt);
CREATE INDEX endpoint_uses_open ON endpoint_uses (name) WHERE open = 1;

-- A step in line is ready and stays so; it is looked at when its endpoint has room, and not before.
ALTER TABLE steps ADD COLUMN line TEXT;
DROP INDEX steps_ready;
CREATE INDEX steps_ready ON steps (due_at) WHERE status = 'ready' AND line IS NULL;
CREATE INDEX steps_in_line ON steps (line, due_at) WHERE status = 'ready' AND line IS NOT NULL;
CREATE TRIGGER step_left_line AFTER UPDATE OF status, due_at ON steps
    WHEN OLD.line IS NOT NULL AND (NEW.status <> 'ready' OR NEW.due_at IS NOT OLD.due_at)
BEGIN
    UPDATE steps SET line = NULL WHERE run_id = NEW.run_id AND key = NEW.key;
END;

CREATE TABLE model_answers (
    request  TEXT PRIMARY KEY,               -- sha256 of all that was sent, and where to
    endpoint TEXT NOT NULL,
    at       INTEGER NOT NULL,
    answer   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX model_answers_by_age ON model_answers (at);
