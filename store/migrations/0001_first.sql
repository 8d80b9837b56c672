-- The first schema: definitions, runs with their steps, gates and history, and what passes between Slack and us.

CREATE TABLE meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    epoch      INTEGER NOT NULL,             -- counts the services that owned this file; a stale one cannot commit
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
    version       TEXT PRIMARY KEY,          -- sha256 of the behaviour
    workflow      TEXT NOT NULL,
    number        INTEGER NOT NULL,          -- counts versions, for people
    plan          TEXT NOT NULL,
    source        TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    UNIQUE (workflow, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE workflows (
    name      TEXT PRIMARY KEY,
    version   TEXT NOT NULL REFERENCES definitions (version),
    card      TEXT NOT NULL,                 -- title, owner, channel, access …: follows the newest file
    loaded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    workflow       TEXT NOT NULL,
    version        TEXT NOT NULL REFERENCES definitions (version),
    status         TEXT NOT NULL CHECK (status IN
                       ('queued', 'running', 'paused', 'ending', 'succeeded', 'failed', 'rejected', 'cancelled')),
    seq            INTEGER NOT NULL CHECK (seq >= 1),
    requester_kind TEXT NOT NULL CHECK (requester_kind IN ('person', 'operator', 'trigger', 'engine')),
    requester_id   TEXT NOT NULL,
    requester_name TEXT NOT NULL,
    origin         TEXT NOT NULL,
    inputs         TEXT NOT NULL,
    trace_id       TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    duration_ms    INTEGER NOT NULL CHECK (duration_ms > 0),
    dedupe_key     TEXT,
    outcome        TEXT,
    outputs        TEXT,
    error          TEXT,
    reason         TEXT NOT NULL,
    warnings       INTEGER NOT NULL CHECK (warnings IN (0, 1)),
    ended_at       INTEGER,
    active_since   INTEGER,
    active_ms      INTEGER NOT NULL,
    deadline_at    INTEGER,
    head           BLOB NOT NULL,            -- hash of the latest event
    -- A run has an end exactly when it is finished.
    CHECK ((ended_at IS NULL) = (status IN ('queued', 'running', 'paused', 'ending')))
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_of_workflow ON runs (workflow, created_at);
CREATE INDEX runs_of_requester ON runs (requester_id, created_at);
CREATE INDEX runs_by_time ON runs (created_at);
CREATE INDEX runs_unfinished ON runs (status, created_at) WHERE ended_at IS NULL;
CREATE INDEX runs_by_status ON runs (status, created_at);
CREATE INDEX runs_deadline ON runs (deadline_at) WHERE deadline_at IS NOT NULL;

CREATE TABLE dedupes (                        -- kept apart from the runs: a key stays taken when its run is pruned
    workflow TEXT NOT NULL,
    key      TEXT NOT NULL,
    run_id   TEXT NOT NULL,
    PRIMARY KEY (workflow, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
    run_id     TEXT NOT NULL REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
    key        TEXT NOT NULL,
    name       TEXT NOT NULL,
    item       TEXT,
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
    PRIMARY KEY (run_id, key),
    -- Only what is ready or waiting has a time at which something is to be done.
    CHECK ((due_at IS NOT NULL) = (status IN ('ready', 'waiting'))),
    CHECK (status <> 'running' OR attempt >= 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_ready ON steps (due_at) WHERE status = 'ready';
CREATE INDEX steps_waiting ON steps (due_at) WHERE status = 'waiting';
CREATE INDEX steps_running ON steps (run_id) WHERE status = 'running';

CREATE TABLE attempts (
    run_id     TEXT NOT NULL,
    key        TEXT NOT NULL,
    attempt    INTEGER NOT NULL CHECK (attempt >= 1),
    round      INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,             -- of the service that ran it
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT CHECK (outcome IN ('succeeded', 'failed', 'interrupted', 'unknown', 'cancelled', 'waiting')),
    error      TEXT,
    usage      TEXT,
    PRIMARY KEY (run_id, key, attempt),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
    id                   TEXT PRIMARY KEY,
    number               INTEGER NOT NULL,
    version              INTEGER NOT NULL,
    run_id               TEXT NOT NULL REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED,
    key                  TEXT NOT NULL,
    state                TEXT NOT NULL CHECK (state IN
                             ('open', 'approved', 'rejected', 'expired', 'superseded', 'withdrawn')),
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
    UNIQUE (number, version),
    CHECK ((closed_at IS NULL) = (state = 'open'))
) STRICT, WITHOUT ROWID;
CREATE INDEX gates_open ON gates (opened_at) WHERE state = 'open';
CREATE INDEX gates_of_run ON gates (run_id);

CREATE TABLE decisions (
    gate_id    TEXT NOT NULL REFERENCES gates (id) DEFERRABLE INITIALLY DEFERRED,
    n          INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('approve', 'reject')),
    at         INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    comment    TEXT NOT NULL,
    surface    TEXT NOT NULL,
    override   TEXT NOT NULL,
    PRIMARY KEY (gate_id, n)
) STRICT, WITHOUT ROWID;

-- The history. Each hash covers the header's bytes, the hash before it and the salted hash of the content, so that
-- content can be erased and the chain still verifies.
CREATE TABLE events (
    id           INTEGER PRIMARY KEY,
    run_id       TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    header       BLOB NOT NULL,
    content      BLOB,
    salt         BLOB,
    content_hash BLOB NOT NULL,
    hash         BLOB NOT NULL,
    UNIQUE (run_id, seq)
) STRICT;

-- The chain of run heads: a run that was taken out of the file shows.
CREATE TABLE heads (
    n      INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    mark   TEXT NOT NULL CHECK (mark IN ('started', 'ended')),
    seq    INTEGER NOT NULL,
    head   BLOB NOT NULL,
    hash   BLOB NOT NULL
) STRICT;
CREATE INDEX heads_of_run ON heads (run_id);

CREATE TABLE outbox (
    run_id TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,                 -- the run is now here
    told   INTEGER NOT NULL                  -- and this much has been shown
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_pending ON outbox (run_id) WHERE told < seq;

CREATE TABLE receipts (
    key         TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('received', 'performed', 'answered')),
    answer      TEXT,
    tries       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_open ON receipts (received_at) WHERE state <> 'answered';

CREATE TABLE anchors (
    key        TEXT PRIMARY KEY,
    run_id     TEXT NOT NULL,
    channel    TEXT NOT NULL,
    thread_ts  TEXT,
    ts         TEXT,
    generation INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('sending', 'posted', 'gone')),
    shown      TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    sent_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX anchors_of_run ON anchors (run_id);
CREATE INDEX anchors_by_message ON anchors (channel, ts);
