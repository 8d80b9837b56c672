-- The language in full: blocks and their items, what gates offer beyond yes and no, runs that start runs, queues.

CREATE TABLE steps_anew (
    run_id     TEXT NOT NULL REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
    key        TEXT NOT NULL,
    name       TEXT NOT NULL,
    item       TEXT,
    n          INTEGER NOT NULL,             -- its place in the order of the run
    round      INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('pending', 'ready', 'running', 'waiting', 'succeeded', 'failed',
                                               'skipped', 'cancelled', 'unknown')),
    attempt    INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    crashes    INTEGER NOT NULL,
    due_at     INTEGER,
    ready_at   INTEGER,
    started_at INTEGER,
    ended_at   INTEGER,
    output     TEXT,
    receipt    TEXT,
    error      TEXT,
    reason     TEXT NOT NULL,
    gate_id    TEXT,
    child_id   TEXT,                         -- the run whose end it waits for
    event      TEXT,                         -- what it waits for to happen
    more       TEXT,                         -- a block's list, a review, what a poll needs to go on
    PRIMARY KEY (run_id, key),
    -- What is ready has a time from which it may be claimed; what waits may have one at which it has waited enough.
    CHECK (due_at IS NOT NULL OR status <> 'ready'),
    CHECK (due_at IS NULL OR status IN ('ready', 'waiting')),
    CHECK (due_at IS NOT NULL OR child_id IS NOT NULL OR event IS NOT NULL OR status <> 'waiting')
) STRICT, WITHOUT ROWID;
INSERT INTO steps_anew (run_id, key, name, item, n, round, status, attempt, failures, crashes, due_at, ready_at,
                        started_at, ended_at, output, receipt, error, reason, gate_id)
SELECT s.run_id, s.key, s.name, s.item,
       coalesce((SELECT named.key FROM events AS e, json_each(CAST(e.content AS TEXT), '$.steps') AS named
                  WHERE e.run_id = s.run_id AND e.seq = 1 AND e.content IS NOT NULL AND named.value = s.name), 0),
       s.round, s.status, s.attempt, s.failures, s.crashes, s.due_at, s.ready_at, s.started_at, s.ended_at, s.output,
       s.receipt, s.error, s.reason, s.gate_id
  FROM steps AS s;
DROP TABLE steps;
ALTER TABLE steps_anew RENAME TO steps;
CREATE INDEX steps_ready ON steps (due_at) WHERE status = 'ready';
CREATE INDEX steps_waiting ON steps (due_at) WHERE status = 'waiting';
CREATE INDEX steps_running ON steps (run_id) WHERE status = 'running' AND attempt > 0;  -- a block has no attempts

CREATE TABLE gates_anew (
    id                   TEXT PRIMARY KEY,
    number               INTEGER NOT NULL,
    version              INTEGER NOT NULL,
    run_id               TEXT NOT NULL REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
    key                  TEXT NOT NULL,
    state                TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'returned', 'answered',
                                                        'expired', 'superseded', 'withdrawn')),
    question             TEXT NOT NULL,
    shown                TEXT NOT NULL,
    card                 TEXT,
    digest               TEXT NOT NULL,
    approvers            TEXT NOT NULL,
    quorum               INTEGER NOT NULL CHECK (quorum >= 1),
    requester_may_decide INTEGER NOT NULL CHECK (requester_may_decide IN (0, 1)),
    opened_at            INTEGER NOT NULL,
    due_at               INTEGER,
    expires_at           INTEGER NOT NULL,
    overdue              INTEGER NOT NULL CHECK (overdue IN (0, 1)),
    closed_at            INTEGER,
    terms                TEXT,               -- what it offers and asks beyond yes and no
    reminded             INTEGER NOT NULL DEFAULT 0,
    escalated            INTEGER NOT NULL DEFAULT 0 CHECK (escalated IN (0, 1)),
    UNIQUE (number, version),
    CHECK ((closed_at IS NULL) = (state = 'open'))
) STRICT, WITHOUT ROWID;
INSERT INTO gates_anew (id, number, version, run_id, key, state, question, shown, card, digest, approvers, quorum,
                        requester_may_decide, opened_at, due_at, expires_at, overdue, closed_at)
SELECT id, number, version, run_id, key, state, question, shown, card, digest, approvers, quorum,
       requester_may_decide, opened_at, due_at, expires_at, overdue, closed_at
  FROM gates;

CREATE TABLE decisions_anew (
    gate_id  TEXT NOT NULL REFERENCES gates_anew (id) DEFERRABLE INITIALLY DEFERRED,
    n        INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    verdict  TEXT NOT NULL CHECK (verdict IN ('approve', 'reject', 'changes', 'choose', 'answer')),
    at       INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    comment  TEXT NOT NULL,
    surface  TEXT NOT NULL,
    override TEXT NOT NULL,
    choice   TEXT NOT NULL DEFAULT '',
    matches  TEXT NOT NULL DEFAULT '[]',     -- the references that meant this person then
    edits    TEXT,                           -- {field: [before, after]}
    PRIMARY KEY (gate_id, n)
) STRICT, WITHOUT ROWID;
INSERT INTO decisions_anew (gate_id, n, actor, verdict, at, digest, comment, surface, override)
SELECT gate_id, n, actor, verdict, at, digest, comment, surface, override FROM decisions;

DROP TABLE decisions;
DROP TRIGGER gate_gone;
DROP TABLE gates;
ALTER TABLE gates_anew RENAME TO gates;
ALTER TABLE decisions_anew RENAME TO decisions;
CREATE INDEX gates_open ON gates (opened_at) WHERE state = 'open';
CREATE INDEX gates_of_run ON gates (run_id);

CREATE TRIGGER gate_opened AFTER INSERT ON gates WHEN NEW.state = 'open'
BEGIN
    INSERT INTO gate_approvers (reference, opened_at, gate_id)
    SELECT DISTINCT asked.value, NEW.opened_at, NEW.id FROM json_each(NEW.approvers) AS asked;
END;

CREATE TRIGGER gate_closed AFTER UPDATE OF state ON gates WHEN OLD.state = 'open' AND NEW.state <> 'open'
BEGIN
    DELETE FROM gate_approvers
     WHERE reference IN (SELECT asked.value FROM json_each(OLD.approvers) AS asked)
       AND opened_at = OLD.opened_at AND gate_id = OLD.id;
END;

CREATE TRIGGER gate_gone AFTER DELETE ON gates WHEN OLD.state = 'open'
BEGIN
    DELETE FROM gate_approvers
     WHERE reference IN (SELECT asked.value FROM json_each(OLD.approvers) AS asked)
       AND opened_at = OLD.opened_at AND gate_id = OLD.id;
END;

CREATE TRIGGER gate_asks_others AFTER UPDATE OF approvers ON gates
    WHEN NEW.state = 'open' AND OLD.approvers <> NEW.approvers
BEGIN
    -- Not OR IGNORE: what happens in a conflict is said by the statement that fires a trigger.
    INSERT INTO gate_approvers (reference, opened_at, gate_id)
    SELECT DISTINCT asked.value, NEW.opened_at, NEW.id FROM json_each(NEW.approvers) AS asked
     WHERE NOT EXISTS (SELECT 1 FROM gate_approvers AS known
                        WHERE known.reference = asked.value AND known.opened_at = NEW.opened_at
                          AND known.gate_id = NEW.id);
END;

ALTER TABLE runs ADD COLUMN parent_id TEXT;  -- the run that started it
ALTER TABLE runs ADD COLUMN parent TEXT;
ALTER TABLE runs ADD COLUMN previous TEXT;   -- outputs of the last run that went well, as they were at the start
ALTER TABLE runs ADD COLUMN signals TEXT;    -- what happened before anybody waited for it
ALTER TABLE runs ADD COLUMN usage TEXT;
ALTER TABLE runs ADD COLUMN queue TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN winding_up INTEGER NOT NULL DEFAULT 0 CHECK (winding_up IN (0, 1));
CREATE INDEX runs_of_parent ON runs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_open_in_queue ON runs (workflow, queue, created_at) WHERE ended_at IS NULL;

-- What one run has to tell another: written in the commit in which it came true, gone in the commit that acts on it.
CREATE TABLE mail (
    id      INTEGER PRIMARY KEY,
    run_id  TEXT NOT NULL,                   -- to whom
    command TEXT NOT NULL,
    held    INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1))  -- it could not be acted on: until the run is taken up
) STRICT;
CREATE INDEX mail_of_run ON mail (run_id);

ALTER TABLE workflows ADD COLUMN disabled TEXT NOT NULL DEFAULT '';  -- who switched it off and why; empty: it is on
