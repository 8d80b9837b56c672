-- Schedules: when runs start by themselves, and what became of each slot.

CREATE TABLE schedules (
    id         TEXT PRIMARY KEY,             -- workflow/name
    workflow   TEXT NOT NULL,
    name       TEXT NOT NULL,
    source     TEXT NOT NULL CHECK (source IN ('file', 'person')),
    cron       TEXT NOT NULL,
    timezone   TEXT NOT NULL,
    overlap    TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'allow', 'cancel')),
    catch_up   TEXT NOT NULL CHECK (catch_up IN ('none', 'latest', 'all')),
    inputs     TEXT NOT NULL,
    creator    TEXT NOT NULL,                -- counts as the requester of its runs
    origin     TEXT NOT NULL,                -- where its runs show themselves
    state      TEXT NOT NULL CHECK (state IN ('active', 'paused')),
    why        TEXT NOT NULL,                -- who paused it, and why
    mark       INTEGER NOT NULL,             -- slots up to here have been dealt with
    next_at    INTEGER                       -- the first slot after that; none while it is paused
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_of_workflow ON schedules (workflow);

CREATE TABLE slots (
    schedule TEXT NOT NULL,
    at       INTEGER NOT NULL,               -- UTC: what people call it may change
    outcome  TEXT NOT NULL CHECK (outcome IN ('waiting', 'started', 'skipped', 'missed', 'failed')),
    run_id   TEXT,
    why      TEXT NOT NULL,
    PRIMARY KEY (schedule, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_waiting ON slots (schedule, at) WHERE outcome = 'waiting';
