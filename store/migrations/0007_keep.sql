-- What is kept how long: runs whose content was erased, runs that were dropped, and which values are still in use.

ALTER TABLE runs ADD COLUMN erased_at INTEGER;  -- when what was written in it was erased
CREATE INDEX runs_to_erase ON runs (workflow, ended_at) WHERE ended_at IS NOT NULL AND erased_at IS NULL;

CREATE TABLE heads_anew (
    n      INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    mark   TEXT NOT NULL CHECK (mark IN ('started', 'ended', 'erased', 'pruned')),
    seq    INTEGER NOT NULL,
    head   BLOB NOT NULL,
    about  TEXT NOT NULL DEFAULT '',         -- of what was erased or dropped: when, by whom and why; hashed as well
    hash   BLOB NOT NULL
) STRICT;
INSERT INTO heads_anew (n, run_id, mark, seq, head, hash) SELECT n, run_id, mark, seq, head, hash FROM heads;
DROP TABLE heads;
ALTER TABLE heads_anew RENAME TO heads;
CREATE INDEX heads_of_run ON heads (run_id);

CREATE TABLE tombstones (                     -- of runs that were dropped: what people may still ask for by name
    run_id   TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    at       INTEGER NOT NULL,
    why      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE content_uses (                   -- which run refers to which value in the content folder
    hash   TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (hash, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_uses_of_run ON content_uses (run_id);
INSERT OR IGNORE INTO content_uses (hash, run_id)
SELECT named.value, e.run_id FROM events AS e, json_tree(CAST(e.content AS TEXT)) AS named
 WHERE e.content IS NOT NULL AND named.key = 'hash' AND named.type = 'text' AND length(named.value) = 64;

CREATE TABLE content_within (                 -- files that were handed in and are named inside of a large value
    hash  TEXT NOT NULL,
    inner TEXT NOT NULL,
    PRIMARY KEY (hash, inner)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_within_by_inner ON content_within (inner);
CREATE INDEX slots_of_run ON slots (run_id) WHERE run_id IS NOT NULL;
